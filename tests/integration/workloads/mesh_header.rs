//! `proof = "mesh-header"`: the hop in front of the broker names the caller.

use std::time::{Duration, SystemTime};

use crate::support::workloads::setup::{
    ADA, FOREIGNER, INDEXER, LINKERD_THUMBNAILER, THUMBNAILER, TLS, listener, start_with,
};
use crate::support::{Broker, Part};

const XFCC: &str = "x-forwarded-client-cert";
const L5D: &str = "l5d-client-id";

/// The hop in front of the broker, where it is known by its certificate.
const GATEWAY: &str = "spiffe://prod.example/ns/edge/sa/gateway";

fn mesh_listener(proof: &str, header: &str, hop: &str, tls: &str) -> Part {
    let settings = format!("trust_domain = \"prod.example\"\nmesh_header = \"{header}\"\ntrusted_hop = [\"{hop}\"]");
    listener(proof, &format!("{settings}\n{tls}"))
}

async fn start(header: &str) -> Broker {
    start_with([mesh_listener("mesh-header", header, "loopback", "")]).await
}

/// How a call for `shared/x` with these metadata ends.
async fn outcome(broker: &Broker, metadata: &[(&'static str, &str)]) -> String {
    broker.call(&broker.client_on(0, None, metadata).await, "shared/x").await.outcome()
}

#[tokio::test]
async fn the_client_of_an_envoy_on_loopback_gets_what_it_is_granted_and_no_more() {
    let broker = start(XFCC).await;
    for (id, thumbnails) in [(THUMBNAILER, "OK"), (INDEXER, "PERMISSION_DENIED not_granted")] {
        let header = format!("By=spiffe://prod.example/broker;Hash=00;Subject=\"CN=a, O=b\";URI={id}");
        let client = broker.client_on(0, None, &[(XFCC, &header)]).await;
        for (key, outcome) in [("thumbnails/x", thumbnails), ("shared/x", "OK")] {
            let called = broker.call(&client, key).await;
            assert_eq!(called.outcome(), outcome, "{id} {key}");
            assert_eq!(called.caller(), (None, Some(id)));
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn the_last_element_is_the_client_whatever_stands_before_it() {
    let broker = start(XFCC).await;
    let (forged, genuine) = (format!("URI={THUMBNAILER}"), format!("URI={INDEXER}"));
    let one_value = format!("{forged},{genuine}");
    for metadata in [&[(XFCC, forged.as_str()), (XFCC, genuine.as_str())][..], &[(XFCC, one_value.as_str())]] {
        let client = broker.client_on(0, None, metadata).await;
        assert_eq!(broker.call(&client, "shared/x").await.caller(), (None, Some(INDEXER)));
        assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "PERMISSION_DENIED not_granted");
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_x_forwarded_client_cert_that_names_nobody_of_the_domain_proves_nothing() {
    let broker = start(XFCC).await;
    let foreign = format!("URI={FOREIGNER}");
    let two = format!("URI={THUMBNAILER};URI={INDEXER}");
    let open = format!("URI=\"{THUMBNAILER}");
    let empty_element = format!("URI={THUMBNAILER},");
    let good = format!("URI={THUMBNAILER}");
    let cases: [(&[(&'static str, &str)], &str); 10] = [
        (&[], "workload_missing"),
        (&[(XFCC, "")], "workload_missing"),
        // Another mesh's header does not count, even where it is well-formed.
        (&[(L5D, LINKERD_THUMBNAILER)], "workload_missing"),
        (&[(XFCC, &open)], "mesh_header_malformed"),
        (&[(XFCC, &empty_element)], "mesh_header_malformed"),
        (&[(XFCC, &two)], "mesh_header_malformed"),
        (&[(XFCC, "Hash=00")], "mesh_header_malformed"),
        (&[(XFCC, &open), (XFCC, &good)], "mesh_header_malformed"),
        (&[(XFCC, "URI=https://prod.example/x")], "workload_id_malformed"),
        (&[(XFCC, &foreign)], "trust_domain_mismatch"),
    ];
    for (metadata, reason) in cases {
        assert_eq!(outcome(&broker, metadata).await, format!("UNAUTHENTICATED {reason}"), "{metadata:?}");
    }
    assert_eq!(outcome(&broker, &[(XFCC, &good)]).await, "OK");
    broker.finish().await;
}

#[tokio::test]
async fn the_client_of_a_linkerd_proxy_on_loopback_gets_what_it_is_granted_and_no_more() {
    let broker = start(L5D).await;
    let indexer = LINKERD_THUMBNAILER.replace("thumbnailer", "indexer");
    for (id, thumbnails) in [
        (LINKERD_THUMBNAILER, "OK"),
        (&indexer, "PERMISSION_DENIED not_granted"),
        // Workloads outside of the cluster have SPIFFE ids.
        (THUMBNAILER, "OK"),
    ] {
        let client = broker.client_on(0, None, &[(L5D, id)]).await;
        for (key, outcome) in [("thumbnails/x", thumbnails), ("shared/x", "OK")] {
            let called = broker.call(&client, key).await;
            assert_eq!(called.outcome(), outcome, "{id} {key}");
            assert_eq!(called.caller(), (None, Some(id)));
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_l5d_client_id_that_names_nobody_of_the_domain_proves_nothing() {
    let broker = start(L5D).await;
    let foreign = LINKERD_THUMBNAILER.replace("prod.example", "test.example");
    let two = format!("{LINKERD_THUMBNAILER}, {LINKERD_THUMBNAILER}");
    let xfcc = format!("URI={THUMBNAILER}");
    let cases: [(&[(&'static str, &str)], &str); 7] = [
        (&[], "workload_missing"),
        (&[(XFCC, &xfcc)], "workload_missing"),
        (&[(L5D, "")], "workload_id_malformed"),
        (&[(L5D, "thumbnailer.media")], "workload_id_malformed"),
        (&[(L5D, &two)], "workload_id_malformed"),
        (&[(L5D, LINKERD_THUMBNAILER), (L5D, LINKERD_THUMBNAILER)], "mesh_header_malformed"),
        (&[(L5D, &foreign)], "trust_domain_mismatch"),
    ];
    for (metadata, reason) in cases {
        assert_eq!(outcome(&broker, metadata).await, format!("UNAUTHENTICATED {reason}"), "{metadata:?}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn where_tokens_are_the_proof_a_forged_header_neither_helps_nor_harms() {
    let broker = start_with([listener("token", "")]).await;
    let authorization = format!("Bearer {}", broker.setup.token_key.of_person(ADA));
    let forged = format!("URI={THUMBNAILER}");
    for headers in [[(XFCC, forged.as_str()), (L5D, LINKERD_THUMBNAILER)], [(XFCC, "URI=\"rubbish"), (L5D, "rubbish")]]
    {
        let client = broker.client_on(0, None, &[&headers[..], &[("authorization", &authorization)]].concat()).await;
        for (key, outcome) in [("people/x", "OK"), ("thumbnails/x", "PERMISSION_DENIED not_granted")] {
            let called = broker.call(&client, key).await;
            assert_eq!(called.outcome(), outcome, "{headers:?} {key}");
            assert_eq!(called.caller(), (Some(ADA), None));
        }
        assert_eq!(outcome(&broker, &headers).await, "UNAUTHENTICATED missing_token");
    }
    broker.finish().await;
}

#[tokio::test]
async fn with_a_token_beside_the_header_both_must_hold() {
    let broker = start_with([mesh_listener("token+mesh-header", XFCC, "loopback", "")]).await;
    let person = format!("Bearer {}", broker.setup.token_key.of_person(ADA));
    let svid = format!("Bearer {}", broker.setup.token_key.of_workload(THUMBNAILER));
    let (thumbnailer, indexer) = (format!("URI={THUMBNAILER}"), format!("URI={INDEXER}"));
    let cases: [(&[(&'static str, &str)], &str); 5] = [
        (&[("authorization", &person), (XFCC, &thumbnailer)], "OK"),
        (&[("authorization", &svid), (XFCC, &thumbnailer)], "OK"),
        (&[("authorization", &svid), (XFCC, &indexer)], "UNAUTHENTICATED workload_mismatch"),
        (&[("authorization", &person)], "UNAUTHENTICATED workload_missing"),
        (&[(XFCC, &thumbnailer)], "UNAUTHENTICATED missing_token"),
    ];
    for (metadata, expected) in cases {
        assert_eq!(outcome(&broker, metadata).await, expected);
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_hop_that_is_known_by_its_certificate_is_the_only_one_that_is_believed() {
    let broker = start_with([mesh_listener("mesh-header", XFCC, GATEWAY, TLS)]).await;
    let authority = &broker.setup.authority;
    let header = format!("URI={THUMBNAILER}");
    let named: &[(&'static str, &str)] = &[(XFCC, &header)];

    let end = SystemTime::now() + Duration::from_hours(1);
    let gateway = broker.client_on(0, Some(&authority.workload_until(GATEWAY, end)), named).await;
    let called = broker.call(&gateway, "thumbnails/x").await;
    assert_eq!(called.outcome(), "OK");
    assert_eq!(called.caller(), (None, Some(THUMBNAILER)), "the hop is not the caller");

    let cases: [(_, _, &str); 4] = [
        (authority.workload(GATEWAY), &[][..], "workload_missing"),
        // On loopback, and even the one that is named: neither is the hop.
        (authority.workload(THUMBNAILER), named, "hop_not_trusted"),
        (authority.workload(&GATEWAY.replace("prod", "test")), named, "hop_not_trusted"),
        (authority.client(&[]), named, "client_certificate_unusable"),
    ];
    for (identity, metadata, reason) in cases {
        let client = broker.client_on(0, Some(&identity), metadata).await;
        assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), format!("UNAUTHENTICATED {reason}"));
    }

    broker.clock.set(end + Duration::from_secs(1));
    let late = broker.call(&gateway, "thumbnails/x").await;
    assert_eq!(late.outcome(), "UNAUTHENTICATED client_certificate_expired");
    broker.finish().await;
}
