//! Uploads that are signed by credentials of their own: who signs what, who looks, and what is told when either is gone.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use access_broker::contract::proto::{ExpiryLimit, IssueUploadUrlRequest, SignedRequest};
use access_broker_dev::EmbeddedIssuer;
use tempfile::TempDir;
use tonic::Code;

use crate::support::broker::{bucket, credentials_in_files};
use crate::support::{
    Client, ISSUER, PATIENCE, Part, Process, authorization, configuring, eventually, issuer, log_lines, serving_at,
    serving_on,
};

const POLICY: &str = r#"
[[tier]]
name = "all"
bucket = "media"
prefix = ""
download = { max_ttl = "1h" }
upload = { max_ttl = "1h", overwrite = true }

[[grant]]
tiers = ["all"]
operations = ["download", "upload"]
to = { authenticated = true }
"#;

/// The directory of a broker at another server than AWS, whose reader and writer are in files.
fn configured_with(issuer: &EmbeddedIssuer, settings: &str, writer: Option<Part>) -> TempDir {
    let bucket = bucket().set("s3_bucket", "media").set("region", "default").set("endpoint", "http://127.0.0.1:9");
    let reader = credentials_in_files("reader-id", "key").set("name", "reader");
    configuring(ISSUER, issuer.jwks())
        .bucket(bucket.set("credentials", "reader").with(settings))
        .credentials([reader].into_iter().chain(writer))
        .policy(POLICY)
        .file("reader-id", "AKIAREADER")
        .file("writer-id", "AKIAWRITER")
        .file("key", "hunter2")
        .write_folder()
}

fn writer() -> Part {
    credentials_in_files("writer-id", "key").set("name", "writer")
}

fn temporary_writer() -> Part {
    writer().set("session_token_file", "token").set("expiration_file", "end")
}

fn serve(folder: TempDir) -> Process {
    Process::start(&["serve", "--config", "broker.toml"], folder, &[])
}

async fn client(issuer: &EmbeddedIssuer, address: &str) -> Client {
    let authorization = authorization(issuer);
    Client::connect(address.parse().unwrap(), &[&authorization]).await
}

fn upload() -> IssueUploadUrlRequest {
    IssueUploadUrlRequest { key: "x".to_owned(), ..IssueUploadUrlRequest::default() }
}

fn access_key(signed: Option<SignedRequest>) -> String {
    let url = signed.unwrap().url;
    let (_, rest) = url.split_once("X-Amz-Credential=").unwrap();
    rest.split_once("%2F").unwrap().0.to_owned()
}

#[tokio::test]
async fn uploads_have_their_own_signer_and_downloads_the_reader() {
    let issuer = issuer().await;
    let mut process = serve(configured_with(&issuer, "upload_credentials = \"writer\"", Some(writer())));
    let address = serving_at(&mut process);
    let client = client(&issuer, &address).await;
    let download = client.download("media", "x").await.unwrap();
    assert_eq!([access_key(download.get), access_key(download.head)], ["AKIAREADER", "AKIAREADER"]);
    assert_eq!(access_key(client.issue_upload(upload()).await.unwrap().put), "AKIAWRITER");
    let conditional = IssueUploadUrlRequest { if_match: Some("\"x\"".to_owned()), ..upload() };
    let refused = client.issue_upload(conditional).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "the writer need not read, so that no server could compare");
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(!process.stderr().contains("hunter"));
}

fn write_end(folder: &Path, in_time: Duration) {
    let end = humantime::format_rfc3339_seconds(SystemTime::now() + in_time).to_string();
    // By rename, so that a reader sees one or the other.
    fs::write(folder.join("end.new"), end).unwrap();
    fs::rename(folder.join("end.new"), folder.join("end")).unwrap();
}

#[tokio::test]
async fn temporary_credentials_of_uploads_cut_uploads_alone_and_are_renewed_for_them() {
    let issuer = issuer().await;
    let folder = configured_with(&issuer, "upload_credentials = \"writer\"", Some(temporary_writer()));
    let path = folder.path().to_owned();
    fs::write(path.join("token"), "session").unwrap();
    write_end(&path, Duration::from_mins(10));
    let mut process = serve(folder);
    let address = serving_at(&mut process);
    let client = client(&issuer, &address).await;
    let hour = prost_types::Duration { seconds: 3_600, nanos: 0 };
    let long = IssueUploadUrlRequest { ttl: Some(hour), ..upload() };
    let cut = client.issue_upload(long.clone()).await.unwrap();
    assert_eq!(cut.expiry_limited_by(), ExpiryLimit::SigningCredentialsExpiry);
    assert_ne!(client.download("media", "x").await.unwrap().expiry_limited_by(), ExpiryLimit::SigningCredentialsExpiry);
    write_end(&path, Duration::from_hours(3));
    // An upload that insists has the writer's credentials renewed, which are not read more than once in ten seconds.
    let insisting = IssueUploadUrlRequest { require_full_ttl: true, ..long };
    let asking = async || client.issue_upload(insisting.clone()).await;
    let answer = eventually("renewed credentials", PATIENCE, asking).await;
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::RequestedTtl);
    process.signal("TERM");
    assert!(process.exit().success());
}

/// GET over plain HTTP, without a client that would hide the status.
async fn get(address: &str, path: &str) -> String {
    let answer = crate::support::http_get(format!("http://{address}{path}")).await.unwrap();
    let status = answer.status();
    format!("{status}\n{}", answer.text().await.unwrap())
}

#[tokio::test]
async fn readiness_and_metrics_name_the_credentials_of_uploads() {
    let issuer = issuer().await;
    let folder = configured_with(&issuer, "upload_credentials = \"writer\"", Some(temporary_writer()));
    let path = folder.path().to_owned();
    fs::write(path.join("token"), "session").unwrap();
    // Less than the margin before their end nothing is signed any more.
    write_end(&path, Duration::from_secs(34));
    let mut process = serve(folder);
    let (_, admin) = serving_on(&mut process);
    let admin = admin.to_string();
    let metrics = get(&admin, "/metrics").await;
    for name in ["reader", "writer"] {
        assert!(metrics.contains(&format!("credentials=\"{name}\"")), "{metrics}");
    }
    process.wait_for("missing upload credentials", |process| {
        let lines = log_lines(process);
        lines.iter().any(|line| line["missing"] == "upload credentials of bucket media").then_some(())
    });
    // Downloads are signed all the same.
    let ready = get(&admin, "/readyz").await;
    assert_eq!(ready.trim_end(), "200 OK\nready\nwithout upload credentials of bucket media");
    let metrics = get(&admin, "/metrics").await;
    for (part, available) in [("signing_credentials", 1), ("upload_credentials", 0)] {
        let sample = format!(
            "access_broker_part_available{{part=\"{part}\",name=\"media\",required=\"false\"}} {available}.0\n"
        );
        assert!(metrics.contains(&sample), "{sample}{metrics}");
    }
    process.signal("TERM");
    assert!(process.exit().success());
}

#[tokio::test]
async fn one_access_key_under_two_names_does_not_start() {
    let issuer = issuer().await;
    let folder = configured_with(&issuer, "upload_credentials = \"writer\"", Some(writer()));
    fs::write(folder.path().join("writer-id"), "AKIAREADER\n").unwrap();
    let mut process = serve(folder);
    assert_eq!(process.exit().code(), Some(1));
    assert!(
        process.stderr().contains("the upload_credentials of bucket media hold the access key that reads"),
        "{}",
        process.stderr()
    );
}

#[tokio::test]
async fn without_a_word_about_unsigned_headers_neither_check_nor_serve_accepts_uploads() {
    let issuer = issuer().await;
    let start = |command: &str, bucket: &str| {
        let folder = configured_with(&issuer, bucket, None);
        Process::start(&[command, "--config", "broker.toml"], folder, &[])
    };
    for command in ["check", "serve"] {
        let mut process = start(command, "");
        assert_eq!(process.exit().code(), Some(78), "{command}");
        for part in ["tier[0].upload is not safe", "upload_credentials", "unsigned_headers"] {
            assert!(process.stderr().contains(part), "{command}: {}", process.stderr());
        }
    }
    let mut process = start("check", "unsigned_headers = \"refused\"");
    assert_eq!((process.exit().code(), process.stderr().as_str()), (Some(0), ""));
    let mut process = start("serve", "unsigned_headers = \"accepted\"");
    serving_at(&mut process);
    let warned = log_lines(&process).iter().any(|line| line["code"] == "unsigned_headers_accepted");
    assert!(warned, "{}", process.stderr());
    process.signal("TERM");
    assert!(process.exit().success());
}

#[tokio::test]
async fn a_hangup_has_rotated_credentials_read_without_waiting_for_their_turn() {
    let issuer = issuer().await;
    let folder = configured_with(&issuer, "upload_credentials = \"writer\"", Some(writer()));
    let path = folder.path().to_owned();
    let mut process = serve(folder);
    let address = serving_at(&mut process);
    let client = client(&issuer, &address).await;
    let signer = async || access_key(client.download("media", "x").await.unwrap().get);
    assert_eq!(signer().await, "AKIAREADER");
    fs::write(path.join("reader-id.new"), "AKIASECOND").unwrap();
    fs::rename(path.join("reader-id.new"), path.join("reader-id")).unwrap();
    process.signal("HUP");
    // Unasked, they would be read a quarter of an hour later.
    eventually("the rotated credentials", 2 * PATIENCE, async || signer().await == "AKIASECOND").await;
    process.signal("TERM");
    assert!(process.exit().success());
}
