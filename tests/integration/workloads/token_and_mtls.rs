//! `proof = "token+mtls"`: a token, and a client certificate, and both must hold.

use crate::support::Broker;
use crate::support::workloads::setup::{ADA, FOREIGNER, INDEXER, THUMBNAILER, TLS, listener, start_with};

async fn start() -> Broker {
    start_with([listener("token+mtls", &format!("trust_domain = \"prod.example\"\n{TLS}"))]).await
}

#[tokio::test]
async fn a_person_through_a_workload_gets_what_either_is_granted() {
    let broker = start().await;
    let authorization = format!("Bearer {}", broker.setup.token_key.of_person(ADA));
    let identity = broker.setup.authority.workload(THUMBNAILER);
    let client = broker.client_on(0, Some(&identity), &[("authorization", &authorization)]).await;
    for key in ["people/x", "thumbnails/x", "shared/x"] {
        let called = broker.call(&client, key).await;
        assert_eq!(called.outcome(), "OK", "{key}");
        assert_eq!(called.caller(), (Some(ADA), Some(THUMBNAILER)));
    }
    broker.finish().await;
}

#[tokio::test]
async fn neither_is_enough_alone() {
    let broker = start().await;
    let person = format!("Bearer {}", broker.setup.token_key.of_person(ADA));
    let svid = format!("Bearer {}", broker.setup.token_key.of_workload(THUMBNAILER));
    let workload = broker.setup.authority.workload(THUMBNAILER);
    let nobody = broker.setup.authority.client(&[]);
    let foreigner = broker.setup.authority.workload(FOREIGNER);
    let cases: [(_, Option<&str>, _); 6] = [
        (&workload, None, "missing_token"),
        (&workload, Some("Bearer rubbish"), "malformed"),
        (&nobody, Some(&person), "client_certificate_unusable"),
        // A JWT-SVID names a workload, but says nothing about who sends it.
        (&nobody, Some(&svid), "client_certificate_unusable"),
        (&foreigner, Some(&person), "trust_domain_mismatch"),
        (&foreigner, Some(&svid), "trust_domain_mismatch"),
    ];
    for (identity, authorization, reason) in cases {
        let metadata: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
        let client = broker.client_on(0, Some(identity), &metadata).await;
        for key in ["people/x", "thumbnails/x", "shared/x"] {
            let called = broker.call(&client, key).await;
            assert_eq!(called.outcome(), format!("UNAUTHENTICATED {reason}"), "{key}");
            assert_eq!(called.caller(), (None, None));
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_token_of_a_workload_must_be_that_of_the_certificate() {
    let broker = start().await;
    let authorization = format!("Bearer {}", broker.setup.token_key.of_workload(THUMBNAILER));
    for (id, outcome) in [(THUMBNAILER, "OK"), (INDEXER, "UNAUTHENTICATED workload_mismatch")] {
        let identity = broker.setup.authority.workload(id);
        let client = broker.client_on(0, Some(&identity), &[("authorization", &authorization)]).await;
        for key in ["thumbnails/x", "shared/x"] {
            assert_eq!(broker.call(&client, key).await.outcome(), outcome, "{id} {key}");
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_bound_token_is_of_no_use_without_its_certificate() {
    let bound = listener("token+mtls", &format!("trust_domain = \"prod.example\"\n{TLS}"));
    let broker = start_with([bound, listener("token", "")]).await;
    let (own, stolen) = (broker.setup.authority.workload(THUMBNAILER), broker.setup.authority.workload(THUMBNAILER));
    let token = broker.setup.token_key.of_person_bound_to(ADA, &own.certificate);
    let metadata = [("authorization", &*format!("Bearer {token}"))];
    let bound = broker.client_on(0, Some(&own), &metadata).await;
    let other = broker.client_on(0, Some(&stolen), &metadata).await;
    let bare = broker.client_on(1, None, &metadata).await;
    // New at first, then known.
    for _ in 0..2 {
        let refused = broker.call(&bare, "people/x").await.outcome();
        assert_eq!(refused, "UNAUTHENTICATED confirmation_without_certificate");
        assert_eq!(broker.call(&other, "people/x").await.outcome(), "UNAUTHENTICATED confirmation_mismatch");
        assert_eq!(broker.call(&bound, "people/x").await.outcome(), "OK");
    }
    broker.finish().await;
}
