//! Keys through a proxy.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::HttpProxy;
use access_broker_base::error_chain::error_chain;
use access_broker_base::testing::Authority;

const HOST: &str = "idp.example.invalid";

/// What a proxy answers to `CONNECT`.
#[derive(Clone, Copy)]
enum Answer {
    /// Connects to this server, and ignores the requested one.
    Tunnel(SocketAddr),
    Bytes(&'static [u8]),
    Nothing,
}

/// A proxy on loopback, and the requests that it was sent.
struct Proxy {
    address: SocketAddr,
    requests: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<std::sync::Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(Self::answer(connection, answer, Arc::clone(&kept)));
            }
        });
        Self { address, requests }
    }

    async fn answer(
        mut connection: tokio::net::TcpStream,
        answer: Answer,
        requests: Arc<std::sync::Mutex<Vec<String>>>,
    ) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < 4_096 {
            let Ok(byte) = connection.read_u8().await else { return };
            head.push(byte);
        }
        requests.lock().unwrap().push(String::from_utf8(head).unwrap());
        match answer {
            Answer::Tunnel(server) => {
                connection.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
                let _ended = tokio::io::copy_bidirectional(&mut connection, &mut server).await;
            }
            Answer::Bytes(bytes) => {
                let _sent = connection.write_all(bytes).await;
                let mut rest = Vec::new();
                let _ended = connection.read_to_end(&mut rest).await;
            }
            Answer::Nothing => std::future::pending().await,
        }
    }

    fn url(&self) -> String {
        format!("http://user:s3cret%21@{}", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

struct World {
    authority: Authority,
    server: SocketAddr,
    folder: TempDir,
}

impl World {
    /// A key server with a certificate for [`HOST`], which does not resolve, and for loopback.
    async fn new(certificate_for: &str) -> Self {
        let authority = Authority::new("keys");
        let router = Router::new().route("/keys", get(async || "the keys"));
        let server = authority.serve_as(certificate_for, router).await;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { authority, server, folder }
    }

    fn client(&self, proxy: HttpProxy) -> KeyHttpClient {
        let access = KeyServerAccess {
            ca_file: Some(self.folder.path().join("ca.pem")),
            proxy: Some(proxy),
            settle: Duration::ZERO,
            ..KeyServerAccess::default()
        };
        KeyHttpClient::with_total_timeout(PlainHttp::Refused, access, Duration::from_secs(1)).unwrap()
    }
}

async fn fetch_by(client: &KeyHttpClient, url: &str) -> Result<KeyDocument, KeySourceError> {
    JwksUrlKeySource::new(Url::parse(url).unwrap(), client.clone()).fetch().await
}

#[tokio::test]
async fn keys_come_through_a_tunnel_that_the_proxy_opens_for_its_user() {
    let world = World::new(HOST).await;
    let proxy = Proxy::start(Answer::Tunnel(world.server)).await;
    let client = world.client(HttpProxy::parse(&proxy.url()).unwrap());
    let document = fetch_by(&client, &format!("https://{HOST}/keys")).await.unwrap();
    assert_eq!(document.bytes, b"the keys");
    let [request] = &proxy.requests()[..] else { panic!("{:?}", proxy.requests()) };
    assert!(request.starts_with(&format!("CONNECT {HOST}:443 HTTP/1.1\r\n")), "{request}");
    // user:s3cret!
    assert!(request.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjpzm2nyzxqh\r\n"), "{request}");
    assert!(!format!("{client:?}").contains("s3cret"), "{client:?}");
}

#[tokio::test]
async fn a_proxy_cannot_stand_for_the_key_server() {
    let world = World::new(HOST).await;
    let other = Authority::new("keys");
    let forged = other.serve_as(HOST, Router::new().route("/keys", get(async || "forged keys"))).await;
    let proxy = Proxy::start(Answer::Tunnel(forged)).await;
    let client = world.client(HttpProxy::parse(&proxy.url()).unwrap());
    let error = fetch_by(&client, &format!("https://{HOST}/keys")).await.unwrap_err();
    assert!(matches!(error, KeySourceError::Unreachable(_)), "{error:?}");
    assert_eq!(proxy.requests().len(), 1);
    drop(world.authority);
}

#[tokio::test]
async fn a_proxy_that_refuses_stalls_or_answers_nonsense_is_an_error_in_time_and_without_the_password() {
    const ENDLESS: &[u8] = &[b'x'; 64 * 1_024];
    let world = World::new(HOST).await;
    for (answer, word) in [
        (Answer::Bytes(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"), "authorization"),
        (Answer::Bytes(b"HTTP/1.1 403 Forbidden\r\n\r\n"), ""),
        (Answer::Bytes(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), ""),
        (Answer::Bytes(ENDLESS), ""),
        (Answer::Bytes(b"HTTP/1.1 200 OK\r\n\r\nno TLS here"), ""),
        (Answer::Nothing, "timed out"),
    ] {
        let proxy = Proxy::start(answer).await;
        let client = world.client(HttpProxy::parse(&proxy.url()).unwrap());
        let begun = std::time::Instant::now();
        let error = fetch_by(&client, &format!("https://{HOST}/keys")).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(10), "{error:?}");
        let text = error_chain(&error);
        assert!(text.contains(word), "{text}");
        assert!(!format!("{error:?} {text}").contains("s3cret"), "{error:?} {text}");
        assert_eq!(proxy.requests().len(), 1, "{text}");
    }
}

#[tokio::test]
async fn this_machine_is_reached_without_a_proxy_that_is_named_for_all() {
    let world = World::new("127.0.0.1").await;
    let proxy = Proxy::start(Answer::Tunnel(world.server)).await;
    let named = HttpProxy::parse(&proxy.url()).unwrap();
    let keys = format!("https://{}/keys", world.server);
    assert!(fetch_by(&world.client(named.clone().except_nearby()), &keys).await.is_ok());
    assert!(proxy.requests().is_empty());
    // Unless the proxy is named for it.
    assert!(fetch_by(&world.client(named), &keys).await.is_ok());
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test]
async fn what_no_proxy_names_is_reached_without_one() {
    let world = World::new(HOST).await;
    let proxy = Proxy::start(Answer::Tunnel(world.server)).await;
    for (list, count) in [("other.example", 1), ("example.invalid", 1), ("x.y *.invalid:443", 1), ("", 2)] {
        let read = |name: &str| match name {
            "HTTPS_PROXY" => Some(proxy.url()),
            "NO_PROXY" => Some(list.to_owned()),
            _ => None,
        };
        let (_, named) = HttpProxy::from_environment(read).unwrap().unwrap();
        let fetched = fetch_by(&world.client(named), &format!("https://{HOST}/keys")).await;
        assert_eq!(proxy.requests().len(), count, "{list}: {fetched:?}");
    }
}
