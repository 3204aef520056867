mod bearer;
mod private_authority;
mod proxied;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::keys::MAX_KEY_DOCUMENT_BYTES;
use access_broker_base::files::testing::replace;
use access_broker_base::files::{DEFAULT_SETTLE, FileError};

const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A server that answers the first request of each connection with these bytes and then hangs.
async fn serve_bytes_and_hang(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = connection.read(&mut [0; 1_024]).await;
                connection.write_all(bytes).await.unwrap();
                let mut rest = Vec::new();
                let _ = connection.read_to_end(&mut rest).await;
            });
        }
    });
    address
}

/// A server that keeps answering slowly, byte by byte.
async fn serve_drops() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 1_024]).await;
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
        while connection.write_all(&answer).await.is_ok() {
            answer = vec![b' '];
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    address
}

fn url(address: SocketAddr, path: &str) -> Url {
    Url::parse(&format!("http://{address}{path}")).unwrap()
}

fn loopback_client() -> KeyHttpClient {
    KeyHttpClient::new(PlainHttp::OnLoopback, KeyServerAccess::default()).unwrap()
}

async fn fetch(url: Url) -> Result<KeyDocument, KeySourceError> {
    JwksUrlKeySource::new(url, loopback_client()).fetch().await
}

async fn fetch_from(
    response: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Result<KeyDocument, KeySourceError> {
    let address = serve(Router::new().route("/keys", get(async move || response()))).await;
    fetch(url(address, "/keys")).await
}

async fn discover(issuer: &str) -> Result<KeyDocument, KeySourceError> {
    DiscoveryKeySource::new(issuer, loopback_client()).unwrap().fetch().await
}

/// An issuer whose discovery document is made from its own address.
async fn serve_issuer(document: impl Fn(SocketAddr) -> String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let document = document(address);
    let router = Router::new()
        .route(DISCOVERY_PATH, get(async move || document.clone()))
        .route("/keys", get(async || "the keys"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[test]
fn plain_http_is_allowed_to_loopback_hosts_only_where_it_is_allowed_at_all() {
    // The addresses of a name are checked when a connection is made.
    for text in [
        "http://localhost/k",
        "http://127.0.0.1:80/k",
        "http://127.9.9.9/k",
        "http://127.1/k",
        "http://[::1]:80/k",
        "http://LOCALHOST/k",
        "http://issuer.example/k",
    ] {
        let url = Url::parse(text).unwrap();
        assert!(PlainHttp::OnLoopback.allows(&url), "{text}");
        assert!(!PlainHttp::Refused.allows(&url), "{text}");
    }
    for text in [
        "http://192.0.2.1/k",
        "http://10.0.0.1/k",
        "http://169.254.169.254/latest",
        "http://0.0.0.0/k",
        "http://[::ffff:127.0.0.1]/k",
        "http://user@localhost/k",
        "https://user:secret@issuer.example/k",
        "file:///etc/passwd",
        "ftp://localhost/k",
        "data:application/json,{}",
    ] {
        assert!(!PlainHttp::OnLoopback.allows(&Url::parse(text).unwrap()), "{text}");
    }
    assert!(PlainHttp::Refused.allows(&Url::parse("https://issuer.example/k?p=1").unwrap()));
}

#[tokio::test]
async fn plain_http_is_refused_before_a_connection_is_made() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let address = serve(Router::new().fallback(async move || {
        count.fetch_add(1, Ordering::SeqCst);
    }))
    .await;
    let client = KeyHttpClient::new(PlainHttp::Refused, KeyServerAccess::default()).unwrap();
    let source = JwksUrlKeySource::new(url(address, "/keys"), client);
    assert!(matches!(source.fetch().await, Err(KeySourceError::UrlNotAllowed)));
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_document_and_its_age_are_returned() {
    let document = fetch_from(|| ([(header::CACHE_CONTROL, "public, max-age=120")], "the keys").into_response()).await;
    let document = document.unwrap();
    assert_eq!(document.bytes, b"the keys");
    assert_eq!(document.max_age, Some(Duration::from_mins(2)));
}

#[tokio::test]
async fn cache_control_is_read_leniently() {
    for (value, expected) in [
        ("max-age=5, max-age=9", Some(5)),
        ("Max-Age = \"7\"", Some(7)),
        ("no-store", Some(0)),
        ("public", None),
        ("max-age=soon", None),
        ("max-age=-1", None),
        ("s-maxage=9", None),
    ] {
        let document = fetch_from(move || [(header::CACHE_CONTROL, value)].into_response()).await.unwrap();
        assert_eq!(document.max_age, expected.map(Duration::from_secs), "{value}");
    }
    assert_eq!(fetch_from(|| "".into_response()).await.unwrap().max_age, None);
}

#[tokio::test]
async fn any_status_but_200_is_refused() {
    for status in [201, 204, 304, 401, 404, 500, 503] {
        let result = fetch_from(move || (StatusCode::from_u16(status).unwrap()).into_response()).await;
        assert!(matches!(result, Err(KeySourceError::Status(found)) if found == status), "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let target = serve(Router::new().fallback(async move || {
        count.fetch_add(1, Ordering::SeqCst);
    }))
    .await;
    let result = fetch_from(move || Redirect::temporary(url(target, "/keys").as_str()).into_response()).await;
    assert!(matches!(result, Err(KeySourceError::Status(307))));
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let largest = fetch_from(|| vec![b'x'; MAX_KEY_DOCUMENT_BYTES].into_response()).await.unwrap();
    assert_eq!(largest.bytes.len(), MAX_KEY_DOCUMENT_BYTES);
    for length in [MAX_KEY_DOCUMENT_BYTES + 1, 10_000_000] {
        let result = fetch_from(move || vec![b'x'; length].into_response()).await;
        assert!(matches!(result, Err(KeySourceError::TooLarge)), "{length}");
    }
}

#[tokio::test]
async fn a_server_that_stops_answering_is_given_up() {
    let client = KeyHttpClient::with_total_timeout(
        PlainHttp::OnLoopback,
        KeyServerAccess::default(),
        Duration::from_millis(100),
    )
    .unwrap();
    for bytes in [b"".as_slice(), b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nthe"] {
        let address = serve_bytes_and_hang(bytes).await;
        let source = JwksUrlKeySource::new(url(address, "/keys"), client.clone());
        let result = source.fetch().await;
        assert!(matches!(&result, Err(KeySourceError::Unreachable(error)) if error.is_timeout()), "{result:?}");
    }
}

#[tokio::test]
async fn a_server_that_drips_is_given_up() {
    let timeout = Duration::from_millis(300);
    let client = KeyHttpClient::with_total_timeout(PlainHttp::OnLoopback, KeyServerAccess::default(), timeout).unwrap();
    let address = serve_drops().await;
    let result = JwksUrlKeySource::new(url(address, "/keys"), client).fetch().await;
    assert!(matches!(&result, Err(KeySourceError::Unreachable(error)) if error.is_timeout()), "{result:?}");
}

#[tokio::test]
async fn errors_do_not_show_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let source = JwksUrlKeySource::new(url(address, "/keys?secret"), loopback_client());
    let error = source.fetch().await.unwrap_err();
    assert!(matches!(error, KeySourceError::Unreachable(_)));
    assert!(!format!("{error:?} {error} {source:?}").contains("secret"));
}

#[tokio::test]
async fn discovery_leads_to_the_keys() {
    let issuer = serve_issuer(|own| {
        json!({"issuer": format!("http://{own}"), "jwks_uri": url(own, "/keys").as_str()}).to_string()
    })
    .await;
    assert_eq!(discover(&issuer).await.unwrap().bytes, b"the keys");
}

#[tokio::test]
async fn an_issuer_that_ends_in_a_slash_is_discovered_and_compared_as_it_is() {
    let issuer = serve_issuer(|own| {
        json!({"issuer": format!("http://{own}/"), "jwks_uri": url(own, "/keys").as_str()}).to_string()
    })
    .await;
    assert_eq!(discover(&format!("{issuer}/")).await.unwrap().bytes, b"the keys");
    let error = discover(&issuer).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the discovery document names another issuer: the setting is {issuer:?}, the document has \"{issuer}/\""
        )
    );
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_refused() {
    let issuer = serve_issuer(|own| {
        json!({"issuer": "https://issuer.example", "jwks_uri": url(own, "/keys").as_str()}).to_string()
    })
    .await;
    let error = discover(&issuer).await.unwrap_err();
    assert!(
        matches!(&error, KeySourceError::DiscoveryIssuerMismatch { configured, found }
        if *configured == issuer && found == "https://issuer.example"),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_an_error_shows_of_another_issuer_is_short_and_escaped() {
    let other = format!("\u{1b}[31m\n{}", "x".repeat(10_000));
    let issuer = serve_issuer(|own| json!({"issuer": other, "jwks_uri": url(own, "/keys").as_str()}).to_string()).await;
    let error = discover(&issuer).await.unwrap_err().to_string();
    assert!(error.contains(r"\u{1b}[31m\nxxx") && !error.contains(['\u{1b}', '\n']), "{error}");
    assert!(error.len() < 500, "{error}");
}

#[tokio::test]
async fn a_name_is_asked_over_plain_http_if_it_stands_for_this_machine() {
    let address = serve(Router::new().route("/keys", get(async || "the keys"))).await;
    let by_name = |name: &str| Url::parse(&format!("http://{name}:{}/keys", address.port())).unwrap();
    assert_eq!(fetch(by_name("localhost")).await.unwrap().bytes, b"the keys");
    let error = fetch(by_name("no-such-name.invalid")).await.unwrap_err();
    assert!(matches!(error, KeySourceError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_byte_order_mark_is_taken_away() {
    assert_eq!(fetch_from(|| "\u{feff}the keys".into_response()).await.unwrap().bytes, b"the keys");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    replace(&path, "\u{feff}the keys".as_bytes());
    assert_eq!(JwksFileKeySource::new(path, DEFAULT_SETTLE).fetch().await.unwrap().bytes, b"the keys");
}

#[tokio::test]
async fn a_compressed_document_is_refused_by_its_name() {
    let with = |coding: &'static str| fetch_from(move || [(header::CONTENT_ENCODING, coding)].into_response());
    assert!(matches!(with("gzip").await, Err(KeySourceError::Encoded)));
    assert!(with("identity").await.is_ok());
}

#[tokio::test]
async fn the_key_url_of_a_discovery_document_is_held_to_the_same_rules() {
    for key_url in
        ["http://169.254.169.254/keys", "file:///etc/passwd", "https://u:p@issuer.example/", "http://192.0.2.1/keys"]
    {
        let issuer =
            serve_issuer(|own| json!({"issuer": format!("http://{own}"), "jwks_uri": key_url}).to_string()).await;
        assert!(matches!(discover(&issuer).await, Err(KeySourceError::UrlNotAllowed)), "{key_url}");
    }
}

#[tokio::test]
async fn a_malformed_discovery_document_is_refused() {
    for document in [
        "not JSON",
        "[]",
        "{}",
        r#"{"issuer":"OWN"}"#,
        r#"{"issuer":["OWN"],"jwks_uri":"OWN/keys"}"#,
        r#"{"issuer":"OWN","jwks_uri":7}"#,
        r#"{"issuer":"OWN","jwks_uri":"/keys"}"#,
        r#"{"issuer":"OWN","jwks_uri":"OWN/keys","jwks_uri":"OWN/other"}"#,
    ] {
        let issuer = serve_issuer(|own| document.replace("OWN", &format!("http://{own}"))).await;
        assert!(matches!(discover(&issuer).await, Err(KeySourceError::DiscoveryMalformed)), "{document}");
    }
}

#[tokio::test]
async fn a_file_is_read_anew_at_every_fetch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let source = JwksFileKeySource::new(path.clone(), DEFAULT_SETTLE);
    assert!(matches!(source.fetch().await, Err(KeySourceError::File(_))));
    for text in ["one", "two"] {
        replace(&path, text.as_bytes());
        assert_eq!(source.fetch().await.unwrap().bytes, text.as_bytes());
    }
    replace(&path, &vec![b'x'; MAX_KEY_DOCUMENT_BYTES + 1]);
    assert!(matches!(source.fetch().await, Err(KeySourceError::TooLarge)));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_in_place_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    replace(&path, b"the keys");
    let source = JwksFileKeySource::new(path.clone(), DEFAULT_SETTLE);
    source.fetch().await.unwrap();
    std::fs::write(&path, "half of the k").unwrap();
    let error = source.fetch().await.unwrap_err();
    assert!(matches!(&error, KeySourceError::File(file) if file.problem == FileError::Changing), "{error:?}");
    std::fs::write(&path, "half of the keys, and the rest").unwrap();
    assert!(source.fetch().await.is_err());
    tokio::time::sleep(DEFAULT_SETTLE).await;
    assert_eq!(source.fetch().await.unwrap().bytes, b"half of the keys, and the rest");
}

#[tokio::test]
async fn what_is_not_a_regular_file_is_refused() {
    for path in ["/dev/zero", "/", ""] {
        assert!(
            matches!(JwksFileKeySource::new(path.into(), DEFAULT_SETTLE).fetch().await, Err(KeySourceError::File(_))),
            "{path}"
        );
    }
}
