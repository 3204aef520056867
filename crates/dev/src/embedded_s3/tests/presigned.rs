//! The rules for presigned requests.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;

use super::super::AccessKey;
use super::peer::{Answer, Peer, an_hour, client};
use crate::CUTE_CAT;

/// Signs a GET with any lifetime and time, because the SDK refuses invalid ones.
fn presign(key: &AccessKey, uri: &str, expires_in: Duration, time: SystemTime) -> String {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(expires_in);
    let identity = Credentials::new(&key.id, &key.secret, None, None, "test").into();
    let params = v4::SigningParams::builder().identity(&identity).region("us-east-1").name("s3").time(time);
    let params = params.settings(settings).build().unwrap().into();
    let request = SignableRequest::new("GET", uri, std::iter::empty(), SignableBody::UnsignedPayload).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let mut request = http::Request::get(uri).body(()).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    request.uri().to_string()
}

async fn start() -> (Peer, AccessKey) {
    let mut key = None;
    let peer = Peer::start_with(|options| key = options.keys.first().cloned()).await;
    (peer, key.unwrap())
}

#[tokio::test]
async fn a_token_beside_a_signature_is_refused() {
    let peer = Peer::start().await;
    let get = peer.get(CUTE_CAT.key).presigned(an_hour()).await.unwrap();
    for token in ["Bearer token", ""] {
        let answer = Answer::read(peer.http.get(get.uri()).header("authorization", token)).await;
        assert_eq!((answer.status, answer.code()), (400, "InvalidArgument"), "{token:?}");
    }
}

#[tokio::test]
async fn a_url_lives_for_a_week_at_most() {
    let (peer, key) = start().await;
    let uri = format!("{}/media/notes.txt", peer.server.url());
    for (seconds, status) in [(604_800, 200), (604_801, 400), (0, 400)] {
        let answer = peer.fetch(presign(&key, &uri, Duration::from_secs(seconds), SystemTime::now())).await;
        assert_eq!(answer.status, status, "{seconds}");
        if status == 400 {
            assert_eq!(answer.code(), "AuthorizationQueryParametersError", "{seconds}");
        }
    }
}

#[tokio::test]
async fn a_url_from_the_future_is_refused() {
    let (peer, key) = start().await;
    let uri = format!("{}/media/notes.txt", peer.server.url());
    let ahead = |minutes| SystemTime::now() + Duration::from_mins(minutes);
    for (minutes, status) in [(14, 200), (16, 403), (100_000, 403)] {
        let answer = peer.fetch(presign(&key, &uri, Duration::from_hours(1), ahead(minutes))).await;
        assert_eq!(answer.status, status, "{minutes}");
    }
}

#[tokio::test]
async fn an_expired_url_is_refused() {
    let peer = Peer::start().await;
    let expired = PresigningConfig::builder()
        .start_time(SystemTime::now() - Duration::from_mins(2))
        .expires_in(Duration::from_mins(1))
        .build();
    let answer = peer.send(&peer.get("notes.txt").presigned(expired.unwrap()).await.unwrap(), "").await;
    assert_eq!((answer.status, answer.code()), (403, "AccessDenied"));
    assert!(str::from_utf8(&answer.body).unwrap().contains("Request has expired"));
}

#[tokio::test]
async fn a_url_for_another_region_is_refused() {
    let mut key = None;
    let peer = Peer::start_with(|options| {
        options.region = Some("eu-west-1".to_owned());
        key = options.keys.first().cloned();
    });
    let (peer, key) = (peer.await, key.unwrap());
    let right = peer.get("notes.txt").presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&right, "").await.status, 200);
    let credentials = Credentials::new(key.id, key.secret, None, None, "test");
    let elsewhere = client(&peer.server, credentials, "us-east-1".to_owned());
    let get = elsewhere.get_object().bucket("media").key("notes.txt");
    let answer = peer.send(&get.clone().presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!((answer.status, answer.code()), (400, "AuthorizationQueryParametersError"));
    let refused = get.send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400, "signed in a header");
}

#[tokio::test]
async fn a_repeated_parameter_is_refused() {
    let peer = Peer::start().await;
    let get = peer.get("notes.txt").presigned(an_hour()).await.unwrap();
    for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"] {
        let (_, rest) = get.uri().split_once(&format!("X-Amz-{name}=")).unwrap();
        let value = rest.split('&').next().unwrap();
        for (index, second) in [value, "1"].into_iter().enumerate() {
            let answer = peer.fetch(format!("{}&X-Amz-{name}={second}", get.uri())).await;
            assert_eq!(answer.status, 400, "{name} {index}");
        }
    }
}

#[tokio::test]
async fn a_signature_of_the_old_version_is_refused() {
    let peer = Peer::start().await;
    let url = format!("{}/media/notes.txt?AWSAccessKeyId=AKIA&Expires=4102444800&Signature=x", peer.server.url());
    assert_eq!(peer.fetch(url).await.status, 400);
    let url = format!("{}/media/notes.txt", peer.server.url());
    let answer = Answer::read(peer.http.get(url).header("authorization", "AWS AKIA:c2ln").header("date", "x")).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn an_unknown_parameter_is_signed_and_otherwise_ignored() {
    let (peer, key) = start().await;
    let decision = "x-access-broker-decision=0198c0de-7b1e-7000-8000-000000000001";
    let uri = format!("{}/media/notes.txt?{decision}", peer.server.url());
    let url = presign(&key, &uri, Duration::from_hours(1), SystemTime::now());
    assert_eq!(peer.fetch(&url).await.status, 200);
    for changed in [
        url.replace("000000000001", "000000000002"),
        url.replace(&format!("{decision}&"), ""),
        format!("{url}&x-access-broker-tier=1"),
    ] {
        assert_ne!(changed, url);
        let answer = peer.fetch(changed).await;
        assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"));
    }
}
