//! The bearer token for a key server, and the servers that it must not be sent to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use axum::http::HeaderMap;
use tempfile::TempDir;

use super::*;

const SECRET: &str = "s3cret.t0ken-of_the~broker+/==";

/// A file with a bearer token.
struct BearerFile {
    path: PathBuf,
    _folder: TempDir,
}

impl BearerFile {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = Self { path: folder.path().join("token"), _folder: folder };
        file.replace(content);
        file
    }

    fn replace(&self, content: impl AsRef<[u8]>) {
        replace(&self.path, content.as_ref());
    }

    fn client(&self) -> KeyHttpClient {
        client_with_bearer(&self.path).unwrap()
    }
}

fn client_with_bearer(bearer_file: &Path) -> Result<KeyHttpClient, KeyHttpClientError> {
    let access = KeyServerAccess { bearer_file: Some(bearer_file.to_owned()), ..KeyServerAccess::default() };
    KeyHttpClient::new(PlainHttp::OnLoopback, access)
}

/// The `authorization` values of every request, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Vec<String>>>>);

impl Seen {
    fn record(&self, headers: &HeaderMap) {
        let values = headers.get_all(header::AUTHORIZATION).iter();
        self.0.lock().unwrap().push(values.map(|value| value.to_str().unwrap().to_owned()).collect());
    }

    /// Removes and returns the values so far.
    fn take(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Answers each path with this, and records the requests.
async fn serve_answer(seen: &Seen, answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> SocketAddr {
    let seen = seen.clone();
    serve(Router::new().fallback(async move |headers: HeaderMap| {
        seen.record(&headers);
        answer()
    }))
    .await
}

async fn serve_keys(seen: &Seen) -> SocketAddr {
    serve_answer(seen, || "the keys".into_response()).await
}

fn bearer(token: &str) -> Vec<String> {
    vec![format!("Bearer {token}")]
}

#[tokio::test]
async fn the_token_goes_to_the_key_server_without_the_space_around_it() {
    let seen = Seen::default();
    let server = serve_keys(&seen).await;
    for content in [SECRET.to_owned(), format!("{SECRET}\n"), format!(" \t{SECRET}\r\n\r\n")] {
        let file = BearerFile::new(&content);
        JwksUrlKeySource::new(url(server, "/keys"), file.client()).fetch().await.unwrap();
        assert_eq!(seen.take(), [bearer(SECRET)], "{content:?}");
    }
}

#[tokio::test]
async fn no_token_is_sent_where_none_is_configured() {
    let seen = Seen::default();
    let server = serve_keys(&seen).await;
    fetch(url(server, "/keys")).await.unwrap();
    assert_eq!(seen.take(), [Vec::<String>::new()]);
}

#[tokio::test]
async fn a_rotated_token_is_sent_from_the_next_fetch_on() {
    let seen = Seen::default();
    let file = BearerFile::new("first");
    let source = JwksUrlKeySource::new(url(serve_keys(&seen).await, "/keys"), file.client());
    source.fetch().await.unwrap();
    file.replace("second");
    source.fetch().await.unwrap();
    assert_eq!(seen.take(), [bearer("first"), bearer("second")]);
}

/// An issuer that sends clients to this server for its keys.
async fn serve_discovery(seen: &Seen, keys: impl Fn(SocketAddr) -> Url) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap();
    let document = json!({"issuer": format!("http://{own}"), "jwks_uri": keys(own).as_str()}).to_string();
    let seen = seen.clone();
    let router = Router::new().fallback(async move |headers: HeaderMap| {
        seen.record(&headers);
        document
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{own}")
}

#[tokio::test]
async fn discovery_and_keys_of_one_origin_both_get_the_token() {
    let seen = Seen::default();
    let issuer = serve_discovery(&seen, |own| url(own, "/keys")).await;
    DiscoveryKeySource::new(&issuer, BearerFile::new(SECRET).client()).unwrap().fetch().await.unwrap();
    assert_eq!(seen.take(), [bearer(SECRET), bearer(SECRET)]);
}

#[tokio::test]
async fn a_discovery_document_cannot_send_the_token_to_another_origin() {
    let (at_issuer, elsewhere) = (Seen::default(), Seen::default());
    let file = BearerFile::new(SECRET);
    let other_server = serve_keys(&elsewhere).await;
    // Another port, and another name for the same host.
    for other_host in ["127.0.0.1", "localhost"] {
        let keys = Url::parse(&format!("http://{other_host}:{}/keys", other_server.port())).unwrap();
        let issuer = serve_discovery(&at_issuer, |_| keys.clone()).await;
        let document = DiscoveryKeySource::new(&issuer, file.client()).unwrap().fetch().await.unwrap();
        assert_eq!(document.bytes, b"the keys");
        assert_eq!((at_issuer.take(), elsewhere.take()), (vec![bearer(SECRET)], vec![vec![]]), "{other_host}");
    }
    let issuer =
        serve_discovery(&at_issuer, |own| Url::parse(&format!("http://localhost:{}/keys", own.port())).unwrap()).await;
    DiscoveryKeySource::new(&issuer, file.client()).unwrap().fetch().await.unwrap();
    assert_eq!(at_issuer.take(), [bearer(SECRET), vec![]], "the same server by another name");
}

#[tokio::test]
async fn a_redirect_does_not_carry_the_token_on() {
    let (at_server, elsewhere) = (Seen::default(), Seen::default());
    let file = BearerFile::new(SECRET);
    let other_server = serve_keys(&elsewhere).await;
    let location = url(other_server, "/keys").to_string();
    for status in [301, 302, 303, 307, 308] {
        let location = location.clone();
        let server = serve_answer(&at_server, move || {
            (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, location.clone())]).into_response()
        })
        .await;
        let source = JwksUrlKeySource::new(url(server, "/keys"), file.client());
        assert!(matches!(source.fetch().await, Err(KeySourceError::Status(found)) if found == status));
        assert_eq!((at_server.take(), elsewhere.take()), (vec![bearer(SECRET)], vec![]), "{status}");
    }
}

#[tokio::test]
async fn a_file_without_a_token_is_found_at_start_and_sends_nothing_at_a_fetch() {
    let seen = Seen::default();
    let server = serve_keys(&seen).await;
    let cases: [&[u8]; 9] = [
        b"",
        b" \r\n\t",
        b"one\ntwo",
        b"one\r\nx-injected: two",
        b"one two",
        b"one\0",
        b"Bearer one",
        b"\xef\xbb\xbfone",
        b"{\"token\":\"one\"}",
    ];
    for content in cases {
        let case = content.escape_ascii();
        let file = BearerFile::new(content);
        let error = client_with_bearer(&file.path).unwrap_err();
        assert!(matches!(error, KeyHttpClientError::Access(KeySourceError::BearerUnusable)), "{case}: {error:?}");

        file.replace(SECRET);
        let source = JwksUrlKeySource::new(url(server, "/keys"), file.client());
        file.replace(content);
        assert!(matches!(source.fetch().await, Err(KeySourceError::BearerUnusable)), "{case}");
        assert!(seen.take().is_empty(), "{case}");
        file.replace(SECRET);
        source.fetch().await.unwrap();
        assert_eq!(seen.take(), [bearer(SECRET)], "{case}");
    }
}

#[tokio::test]
async fn a_token_file_that_cannot_be_read_is_named_at_start_and_sends_nothing_at_a_fetch() {
    let seen = Seen::default();
    let file = BearerFile::new(SECRET);
    let source = JwksUrlKeySource::new(url(serve_keys(&seen).await, "/keys"), file.client());
    let too_large = BearerFile::new(vec![b'x'; MAX_KEY_DOCUMENT_BYTES + 1]);
    for path in [Path::new("/nowhere/token"), Path::new("/"), Path::new("/dev/zero"), &too_large.path] {
        let error = client_with_bearer(path).unwrap_err();
        let KeyHttpClientError::Access(error @ KeySourceError::BearerUnreadable(_)) = error else {
            panic!("{error:?}")
        };
        assert!(error.to_string().contains("reading the bearer token for the key server failed"), "{error}");
    }
    fs::remove_file(&file.path).unwrap();
    assert!(matches!(source.fetch().await, Err(KeySourceError::BearerUnreadable(_))));
    assert!(seen.take().is_empty());
}

#[tokio::test]
async fn neither_debug_nor_errors_show_the_token() {
    let file = BearerFile::new(SECRET);
    let client = file.client();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refusing = serve_answer(&Seen::default(), || StatusCode::UNAUTHORIZED.into_response()).await;
    let nonsense = serve_bytes_and_hang(b"nonsense\r\n\r\n").await;
    let mut shown = vec![format!("{client:?}")];
    for server in [closed, refusing, nonsense] {
        let key_url = JwksUrlKeySource::new(url(server, "/keys"), client.clone());
        let discovery = DiscoveryKeySource::new(&format!("http://{server}"), client.clone()).unwrap();
        for source in [&key_url as &dyn KeySource, &discovery] {
            let error = source.fetch().await.unwrap_err();
            shown.push(format!("{source:?} {error:?} {error}"));
        }
    }
    file.replace(format!("{SECRET}\0"));
    let error = client_with_bearer(&file.path).unwrap_err();
    shown.push(format!("{error:?} {error}"));
    for text in shown {
        assert!(!text.contains("s3cret") && !text.contains("Bearer "), "{text}");
    }
}
