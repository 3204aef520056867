//! Temporary credentials.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::Credentials;

use super::super::{AccessKey, Session, generate_key_pair};
use super::peer::{Answer, Peer, an_hour, client};

const TOKEN: &str = "FwoGZXIvYXdzE+/=token";

fn temporary(expires_at: SystemTime) -> AccessKey {
    let (id, secret) = generate_key_pair().unwrap();
    AccessKey { id, secret, session: Some(Session { token: TOKEN.to_owned(), expires_at }) }
}

async fn start(key: AccessKey) -> Peer {
    Peer::start_with(|options| options.keys.insert(0, key)).await
}

/// Signs with the server's key and with another token.
async fn get_with_token(peer: &Peer, key: &AccessKey, token: Option<&str>) -> Answer {
    let credentials = Credentials::new(&key.id, &key.secret, token.map(str::to_owned), None, "test");
    let sdk = client(&peer.server, credentials, "us-east-1".to_owned());
    let get = sdk.get_object().bucket("media").key("notes.txt").presigned(an_hour()).await.unwrap();
    peer.fetch(get.uri()).await
}

#[tokio::test]
async fn a_session_is_accepted_with_its_token_in_query_or_header() {
    let peer = start(temporary(SystemTime::now() + Duration::from_hours(1))).await;
    let get = peer.get("notes.txt").presigned(an_hour()).await.unwrap();
    assert!(get.uri().contains("X-Amz-Security-Token="), "the token is in the query");
    assert_eq!(peer.send(&get, "").await.status, 200);
    peer.get("notes.txt").send().await.unwrap();
}

#[tokio::test]
async fn a_session_is_refused_with_another_token_or_none() {
    let key = temporary(SystemTime::now() + Duration::from_hours(1));
    let peer = start(key.clone()).await;
    for token in [None, Some("other"), Some(&TOKEN[1..])] {
        let answer = get_with_token(&peer, &key, token).await;
        assert_eq!((answer.status, answer.code()), (403, "InvalidToken"), "{token:?}");
    }
    let both = peer.get("notes.txt").customize().mutate_request(|request| {
        request.headers_mut().insert("x-amz-security-token", "other");
    });
    let both = both.presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&both, "").await.code(), "InvalidToken");
}

#[tokio::test]
async fn a_session_ends() {
    let peer = start(temporary(SystemTime::now() - Duration::from_secs(1))).await;
    let answer = peer.send(&peer.get("notes.txt").presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!((answer.status, answer.code()), (400, "ExpiredToken"));
}

#[tokio::test]
async fn a_key_for_good_brings_no_token() {
    let (id, secret) = generate_key_pair().unwrap();
    let key = AccessKey { id, secret, session: None };
    let peer = start(key.clone()).await;
    assert_eq!(get_with_token(&peer, &key, None).await.status, 200);
    let answer = get_with_token(&peer, &key, Some(TOKEN)).await;
    assert_eq!((answer.status, answer.code()), (403, "InvalidToken"));
}

#[tokio::test]
async fn every_key_of_the_server_is_accepted_and_no_other() {
    let first = temporary(SystemTime::now() + Duration::from_hours(1));
    let (id, secret) = generate_key_pair().unwrap();
    let second = AccessKey { id, secret, session: None };
    let peer = Peer::start_with(|options| options.keys = vec![first.clone(), second.clone()]).await;
    assert_eq!(get_with_token(&peer, &first, Some(TOKEN)).await.status, 200);
    assert_eq!(get_with_token(&peer, &second, None).await.status, 200);
    let stranger = AccessKey { id: "AKIASTRANGER".to_owned(), ..second.clone() };
    assert_eq!(get_with_token(&peer, &stranger, None).await.code(), "InvalidAccessKeyId");
    let guesser = AccessKey { secret: first.secret.clone(), ..second };
    assert_eq!(get_with_token(&peer, &guesser, None).await.code(), "SignatureDoesNotMatch");
}
