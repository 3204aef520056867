//! `proof = "mtls"`: the client certificate is the caller.

use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

use rustls::{AlertDescription, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

use crate::support::Broker;
use crate::support::pki::{Authority, Issued, tls_connect};
use crate::support::workloads::setup::{ADA, FOREIGNER, INDEXER, THUMBNAILER, TLS, listener, start_with};
use crate::support::{Client, PATIENCE};

async fn start() -> Broker {
    start_with([listener("mtls", &format!("trust_domain = \"prod.example\"\n{TLS}"))]).await
}

#[tokio::test]
async fn a_workload_gets_what_it_is_granted_and_no_more() {
    let broker = start().await;
    for (id, thumbnails) in [(THUMBNAILER, "OK"), (INDEXER, "PERMISSION_DENIED not_granted")] {
        let client = broker.client_on(0, Some(&broker.setup.authority.workload(id)), &[]).await;
        for (key, outcome) in
            [("thumbnails/x", thumbnails), ("shared/x", "OK"), ("people/x", "PERMISSION_DENIED not_granted")]
        {
            let called = broker.call(&client, key).await;
            assert_eq!(called.outcome(), outcome, "{id} {key}");
            assert_eq!(called.caller(), (None, Some(id)));
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn the_leaf_of_a_chain_is_the_workload() {
    let broker = start().await;
    let intermediate = broker.setup.authority.intermediate("media", THUMBNAILER);
    let client = broker.client_on(0, Some(&intermediate.workload(INDEXER)), &[]).await;
    let called = broker.call(&client, "thumbnails/x").await;
    assert_eq!(called.outcome(), "PERMISSION_DENIED not_granted");
    assert_eq!(called.caller(), (None, Some(INDEXER)));
    broker.finish().await;
}

#[tokio::test]
async fn a_certificate_that_names_no_workload_of_the_domain_proves_nothing() {
    let broker = start().await;
    let cases: [(&[&str], &str, &str); 5] = [
        (&[FOREIGNER], "trust_domain_mismatch", ""),
        (&[], "client_certificate_unusable", "has no URI among its alternative names"),
        (&[THUMBNAILER, INDEXER], "client_certificate_unusable", "has more than one URI among its alternative names"),
        (&["https://prod.example/x"], "client_certificate_unusable", "has a URI that must begin with \"spiffe://\""),
        (
            &["spiffe://prod.example"],
            "client_certificate_unusable",
            "has a URI that must have a path, which names the workload",
        ),
    ];
    for (uris, reason, cause) in cases {
        let client = broker.client_on(0, Some(&broker.setup.authority.client(uris)), &[]).await;
        let called = broker.call(&client, "shared/x").await;
        assert_eq!(called.outcome(), format!("UNAUTHENTICATED {reason}"), "{uris:?}");
        assert_eq!(called.caller(), (None, None));
        let lines = broker.log.with_message("client certificate invalid: it names no workload");
        assert_eq!(lines.last().map_or("", |line| line["cause"].as_str().unwrap()), cause, "{uris:?}");
    }
    broker.finish().await;
}

/// Why the server ends a connection whose handshake it refuses.
async fn alert(broker: &Broker, identity: Option<&Issued>) -> Error {
    let refused = async {
        let mut stream = tls_connect(broker.address_of(0), &broker.setup.authority, identity).await?;
        // By TLS 1.3 the refusal comes when the client is done with its part.
        stream.read_u8().await
    };
    let error = time::timeout(PATIENCE, refused).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    error.get_ref().unwrap().downcast_ref::<Error>().unwrap().clone()
}

#[tokio::test]
async fn a_handshake_without_a_certificate_of_the_authority_that_is_valid_now_fails() {
    let broker = start().await;
    let yesterday = SystemTime::now() - Duration::from_hours(24);
    let cases = [
        (None, AlertDescription::CertificateRequired),
        (Some(Authority::new("other").workload(THUMBNAILER)), AlertDescription::UnknownCA),
        (Some(broker.setup.authority.workload_until(THUMBNAILER, yesterday)), AlertDescription::CertificateExpired),
        // For servers only.
        (Some(broker.setup.authority.server()), AlertDescription::UnsupportedCertificate),
    ];
    for (identity, expected) in cases {
        assert_eq!(alert(&broker, identity.as_ref()).await, Error::AlertReceived(expected));
    }
    let client = broker.client_on(0, Some(&broker.setup.authority.workload(THUMBNAILER)), &[]).await;
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");
    broker.finish().await;
}

#[tokio::test]
async fn a_token_neither_replaces_a_certificate_nor_adds_to_it() {
    let broker = start().await;
    let token = format!("Bearer {}", broker.setup.token_key.of_person(ADA));
    let svid = format!("Bearer {}", broker.setup.token_key.of_workload(THUMBNAILER));
    for authorization in [token.as_str(), &svid, "Bearer rubbish"] {
        let metadata = [("authorization", authorization)];
        let nobody = broker.client_on(0, Some(&broker.setup.authority.client(&[])), &metadata).await;
        let called = broker.call(&nobody, "people/x").await;
        assert_eq!(called.outcome(), "UNAUTHENTICATED client_certificate_unusable");

        let indexer = broker.client_on(0, Some(&broker.setup.authority.workload(INDEXER)), &metadata).await;
        for (key, outcome) in [
            ("shared/x", "OK"),
            ("people/x", "PERMISSION_DENIED not_granted"),
            ("thumbnails/x", "PERMISSION_DENIED not_granted"),
        ] {
            let called = broker.call(&indexer, key).await;
            assert_eq!(called.outcome(), outcome, "{key}");
            assert_eq!(called.caller(), (None, Some(INDEXER)));
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_header_of_a_mesh_is_not_looked_at() {
    let broker = start().await;
    let forged = format!("URI={THUMBNAILER}");
    let metadata = [("x-forwarded-client-cert", forged.as_str()), ("l5d-client-id", THUMBNAILER)];
    let client = broker.client_on(0, Some(&broker.setup.authority.workload(INDEXER)), &metadata).await;
    assert_eq!(broker.call(&client, "shared/x").await.caller(), (None, Some(INDEXER)));
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "PERMISSION_DENIED not_granted");
    broker.finish().await;
}

#[tokio::test]
async fn plaintext_gets_nowhere_and_disturbs_nobody() {
    let broker = start().await;
    let client = broker.client_on(0, Some(&broker.setup.authority.workload(THUMBNAILER)), &[]).await;
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");

    let address = broker.address_of(0);
    let token = format!("Bearer {}", broker.setup.token_key.of_person(ADA));
    let plaintext = Client::connect(address, &[&token]).await;
    plaintext.download("media", "people/x").await.unwrap_err();
    assert_eq!(broker.log.calls().len(), 1, "only the call over TLS reached the broker");
    for bytes in [&b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff], &[0; 4_096]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
    }

    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");
    let another = broker.client_on(0, Some(&broker.setup.authority.workload(THUMBNAILER)), &[]).await;
    assert_eq!(broker.call(&another, "thumbnails/x").await.outcome(), "OK");
    broker.finish().await;
}

#[tokio::test]
async fn a_certificate_that_ends_during_a_connection_proves_nothing_from_then_on() {
    let broker = start().await;
    let whole_second = SystemTime::UNIX_EPOCH
        + Duration::from_secs(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
    let end = whole_second + Duration::from_hours(1);
    let identity = broker.setup.authority.workload_until(THUMBNAILER, end);
    let client = broker.client_on(0, Some(&identity), &[]).await;
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");
    broker.clock.set(end);
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");
    broker.clock.set(end + Duration::from_secs(1));
    let called = broker.call(&client, "thumbnails/x").await;
    assert_eq!(called.outcome(), "UNAUTHENTICATED client_certificate_expired");
    assert_eq!(called.caller(), (None, None));
    broker.finish().await;
}
