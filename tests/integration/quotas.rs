//! Quotas: what is over them is refused for now, and nobody else is.

use access_broker::contract::proto::VerifyUploadRequest;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::secrets::access_line;
use crate::support::{TestServer, error_info};

const POLICY: &str = r#"
[[tier]]
name = "narrow"
bucket = "media"
prefix = "narrow/"
quota = { caller = "2/h", total = "3/h" }
download = {}
upload = {}

[[tier]]
name = "wide"
bucket = "media"
prefix = "wide/"
download = {}

[[grant]]
tiers = ["narrow", "wide"]
operations = "download"
to = { authenticated = true }

[[grant]]
tiers = "narrow"
operations = "upload"
to = { authenticated = true }
"#;

fn subject(refused: &Status) -> String {
    assert_eq!((refused.code(), error_info(refused).reason.as_str()), (Code::ResourceExhausted, "QUOTA_EXCEEDED"));
    let retry = refused.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!(retry.as_secs() > 600 && retry.as_secs() <= 3_600, "{retry:?}");
    refused.get_details_quota_failure().unwrap().violations[0].subject.clone()
}

#[tokio::test]
async fn a_quota_of_the_tier_holds_for_each_caller_and_for_all() {
    let server = TestServer::start_with_policy(POLICY).await;
    let (one, two) = (server.client("user-one").await, server.client("user-two").await);
    assert!(one.download("media", "narrow/a").await.is_ok());
    // Refused for another reason, so not counted.
    assert_eq!(one.download("media", "elsewhere").await.unwrap_err().code(), Code::PermissionDenied);
    assert!(one.download("media", "narrow/b").await.is_ok());
    let refused = one.download("media", "narrow/a").await.unwrap_err();
    assert_eq!(subject(&refused), "caller_in_tier");
    let line = access_line(&error_info(&refused).metadata["decisionId"]).await;
    assert_eq!((&line["reason"], &line["tier"]), (&"quota_exceeded".into(), &"narrow".into()), "{line}");

    assert!(two.download("media", "narrow/a").await.is_ok(), "another caller has its own");
    assert_eq!(subject(&two.download("media", "narrow/a").await.unwrap_err()), "tier");
    assert!(one.download("media", "wide/a").await.is_ok(), "another tier has no quota");
    server.finish().await;
}

#[tokio::test]
async fn looks_at_uploads_count_too() {
    let server = TestServer::start_with_policy(POLICY).await;
    let client = server.client("user-one").await;
    let look = || client.verify_upload(VerifyUploadRequest { key: "narrow/a".to_owned(), ..Default::default() });
    for _ in 0..2 {
        assert_eq!(look().await.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(subject(&look().await.unwrap_err()), "caller_in_tier");
    server.finish().await;
}
