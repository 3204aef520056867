//! Uploads by HTML forms, which have fields in place of headers.

use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use time::OffsetDateTime;

use super::super::{AccessKey, Engine, STANDARD, Session};
use super::peer::{Answer, BUCKET, Peer, an_hour};

const BOUNDARY: &str = "a-boundary-that-no-field-holds";

/// A signed form with one file, and with these fields in addition to those of the signature.
fn form(key: &AccessKey, region: &str, fields: &[(&str, &str)]) -> String {
    let now = SystemTime::now();
    let utc = OffsetDateTime::from(now);
    let day = format!("{}{:02}{:02}", utc.year(), u8::from(utc.month()), utc.day());
    let date = format!("{day}T{:02}{:02}{:02}Z", utc.hour(), utc.minute(), utc.second());
    let credential = format!("{}/{day}/{region}/s3/aws4_request", key.id);
    let mut fields = fields.to_vec();
    fields.extend([("x-amz-algorithm", "AWS4-HMAC-SHA256"), ("x-amz-credential", &credential), ("x-amz-date", &date)]);
    let conditions: Vec<_> =
        fields.iter().map(|(name, value)| serde_json::json!(["eq", format!("${name}"), value])).collect();
    let policy = serde_json::json!({ "expiration": "2099-01-01T00:00:00.000Z", "conditions": conditions });
    let policy = STANDARD.encode(policy.to_string());
    let signing_key = generate_signing_key(&key.secret, now, region, "s3");
    let signature = calculate_signature(signing_key, policy.as_bytes());
    fields.extend([("policy", policy.as_str()), ("x-amz-signature", &signature)]);
    encode(&fields)
}

/// The form as an HTTP client sends it, with the file last.
fn encode(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let head: Vec<_> = fields.iter().map(part).collect();
    let file = "content-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nfrom a form";
    format!("{}--{BOUNDARY}\r\n{file}\r\n--{BOUNDARY}--\r\n", head.concat())
}

async fn post(peer: &Peer, form: String) -> Answer {
    let request = peer.http.post(format!("{}/{BUCKET}", peer.server.url())).body(form);
    Answer::read(request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))).await
}

fn key() -> AccessKey {
    AccessKey { id: "AKIAFORM".to_owned(), secret: "a secret".to_owned(), session: None }
}

#[tokio::test]
async fn a_form_stores_objects_under_keys_of_any_length() {
    let peer = Peer::start_with(|options| options.keys = vec![key()]).await;
    for object in ["from a form".to_owned(), "k".repeat(1_024)] {
        let fields = [("key", object.as_str()), ("x-amz-storage-class", "STANDARD_IA")];
        assert_eq!(post(&peer, form(&key(), "us-east-1", &fields)).await.status, 204);
        let stored = peer.send(&peer.get(&object).presigned(an_hour()).await.unwrap(), "").await;
        assert_eq!((stored.status, stored.body.as_ref()), (200, b"from a form".as_slice()));
        assert_eq!(stored.header("x-amz-storage-class"), "STANDARD_IA");
    }
    let escape = post(&peer, form(&key(), "us-east-1", &[("key", "../outside")])).await;
    assert_eq!((escape.status, escape.code()), (400, "InvalidArgument"));
}

#[tokio::test]
async fn a_form_is_held_to_region_owner_and_payer() {
    let peer = Peer::start_with(|options| {
        options.keys = vec![key()];
        options.region = Some("eu-west-1".to_owned());
        options.owner = Some("111122223333".to_owned());
        options.requester_pays = true;
    });
    let peer = peer.await;
    let payer = ("x-amz-request-payer", "requester");
    let (owner, stranger) = ("111122223333", "999922223333");
    for (region, fields, status) in [
        ("eu-west-1", vec![payer], 204),
        ("eu-west-1", vec![payer, ("x-amz-expected-bucket-owner", owner)], 204),
        ("eu-west-1", vec![payer, ("x-amz-expected-bucket-owner", stranger)], 403),
        ("eu-west-1", vec![], 403),
        ("us-east-1", vec![payer], 400),
    ] {
        let fields = [vec![("key", "x")], fields].concat();
        assert_eq!(post(&peer, form(&key(), region, &fields)).await.status, status, "{region} {fields:?}");
    }
}

#[tokio::test]
async fn a_form_of_a_session_brings_its_token() {
    let session = |expires_at| Some(Session { token: "to+ken/=".to_owned(), expires_at });
    let temporary = AccessKey { session: session(SystemTime::now() + Duration::from_hours(1)), ..key() };
    let ended = AccessKey { id: "AKIAENDED".to_owned(), session: session(SystemTime::UNIX_EPOCH), ..key() };
    let for_good = AccessKey { id: "AKIAGOOD".to_owned(), ..key() };
    let keys = vec![temporary.clone(), ended.clone(), for_good.clone()];
    let peer = Peer::start_with(|options| options.keys = keys).await;
    for (key, token, status, code) in [
        (&temporary, Some("to+ken/="), 204, ""),
        (&temporary, Some("another"), 403, "InvalidToken"),
        (&temporary, None, 403, "InvalidToken"),
        (&ended, Some("to+ken/="), 400, "ExpiredToken"),
        (&for_good, Some("to+ken/="), 403, "InvalidToken"),
        (&for_good, None, 204, ""),
    ] {
        let mut fields = vec![("key", "x")];
        fields.extend(token.map(|token| ("x-amz-security-token", token)));
        let answer = post(&peer, form(key, "us-east-1", &fields)).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{key:?} {token:?}");
    }
}

#[tokio::test]
async fn a_form_without_a_right_signature_is_refused() {
    let peer = Peer::start_with(|options| options.keys = vec![key()]).await;
    let forger = AccessKey { secret: "another secret".to_owned(), ..key() };
    let answer = post(&peer, form(&forger, "us-east-1", &[("key", "x")])).await;
    assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"));
    let unsigned = form(&key(), "us-east-1", &[("key", "x")]).replace("x-amz-signature", "x-ignore-signature");
    assert_eq!(post(&peer, unsigned).await.status, 403);
    let policy = r#"{"expiration":"2099-01-01T00:00:00.000Z","conditions":[["eq","$key","x"]]}"#;
    let policy = STANDARD.encode(policy);
    let secret = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key().secret.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&secret, policy.as_bytes()));
    let fields = [("key", "x"), ("awsaccesskeyid", &key().id), ("policy", &policy), ("signature", &signature)];
    let answer = post(&peer, encode(&fields)).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidRequest"), "the old version of signatures");
}
