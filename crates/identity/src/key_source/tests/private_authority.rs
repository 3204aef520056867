//! Keys from servers with a certificate of a configured authority.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use tempfile::TempDir;

use super::*;
use access_broker_base::error_chain::error_chain;
use access_broker_base::testing::Authority;

/// A file with certificate authorities.
struct AuthorityFile {
    path: PathBuf,
    _folder: TempDir,
}

impl AuthorityFile {
    fn new(pem: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = Self { path: folder.path().join("ca.crt"), _folder: folder };
        file.replace(pem);
        file
    }

    fn replace(&self, pem: &str) {
        replace(&self.path, pem.as_bytes());
    }

    fn client(&self) -> KeyHttpClient {
        client_trusting(&self.path).unwrap()
    }
}

fn client_trusting(ca_file: &Path) -> Result<KeyHttpClient, KeyHttpClientError> {
    let access = KeyServerAccess { ca_file: Some(ca_file.to_owned()), ..KeyServerAccess::default() };
    KeyHttpClient::new(PlainHttp::Refused, access)
}

async fn fetch_with(client: &KeyHttpClient, server: SocketAddr) -> Result<KeyDocument, KeySourceError> {
    let url = Url::parse(&format!("https://{server}/keys")).unwrap();
    JwksUrlKeySource::new(url, client.clone()).fetch().await
}

/// Serves keys, and counts the requests.
fn counting_router(requests: &Arc<AtomicUsize>) -> Router {
    let requests = Arc::clone(requests);
    Router::new().route(
        "/keys",
        get(async move || {
            requests.fetch_add(1, Ordering::SeqCst);
            "the keys"
        }),
    )
}

fn router() -> Router {
    counting_router(&Arc::default())
}

/// The server's certificate is refused, for this reason, before a request is sent.
#[track_caller]
fn assert_certificate_refused(result: &Result<KeyDocument, KeySourceError>, reason: &str) {
    let error = result.as_ref().unwrap_err();
    assert!(matches!(error, KeySourceError::Unreachable(_)), "{error:?}");
    let chain = error_chain(error);
    assert!(chain.contains("invalid peer certificate") && chain.contains(reason), "{chain}");
}

#[tokio::test]
async fn a_server_that_a_configured_authority_vouches_for_hands_out_keys() {
    let authority = Authority::new("keys");
    let server = authority.serve(router()).await;
    let file = AuthorityFile::new(&authority.pem());
    assert_eq!(fetch_with(&file.client(), server).await.unwrap().bytes, b"the keys");
}

#[tokio::test]
async fn every_authority_of_the_file_may_vouch() {
    let authorities = [Authority::new("keys"), Authority::new("keys")];
    let file = AuthorityFile::new(&authorities.each_ref().map(Authority::pem).concat());
    let client = file.client();
    for authority in &authorities {
        let server = authority.serve(router()).await;
        assert_eq!(fetch_with(&client, server).await.unwrap().bytes, b"the keys");
    }
}

#[tokio::test]
async fn the_machines_authorities_do_not_vouch_for_a_private_server() {
    let requests = Arc::default();
    let server = Authority::new("keys").serve(counting_router(&requests)).await;
    let client = KeyHttpClient::new(PlainHttp::Refused, KeyServerAccess::default()).unwrap();
    assert_certificate_refused(&fetch_with(&client, server).await, "UnknownIssuer");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn another_authority_of_the_same_name_does_not_vouch() {
    let requests = Arc::default();
    let server = Authority::new("keys").serve(counting_router(&requests)).await;
    let file = AuthorityFile::new(&Authority::new("keys").pem());
    assert_certificate_refused(&fetch_with(&file.client(), server).await, "");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let requests = Arc::default();
    let authority = Authority::new("keys");
    let server = authority.serve_as("keys.example", counting_router(&requests)).await;
    let file = AuthorityFile::new(&authority.pem());
    assert_certificate_refused(&fetch_with(&file.client(), server).await, "not valid for name");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_replaced_authority_counts_from_the_next_fetch() {
    let (old, new) = (Authority::new("keys"), Authority::new("keys"));
    let (old_server, new_server) = (old.serve(router()).await, new.serve(router()).await);
    let file = AuthorityFile::new(&old.pem());
    let client = file.client();
    fetch_with(&client, old_server).await.unwrap();
    assert_certificate_refused(&fetch_with(&client, new_server).await, "");
    file.replace(&new.pem());
    fetch_with(&client, new_server).await.unwrap();
    // An open connection is not used any more.
    assert_certificate_refused(&fetch_with(&client, old_server).await, "");
}

#[tokio::test]
async fn a_file_without_a_usable_authority_is_found_at_start_and_at_every_fetch() {
    let authority = Authority::new("keys");
    let good = authority.pem();
    let server = authority.serve(router()).await;
    let not_a_certificate = "-----BEGIN CERTIFICATE-----\nbm90IERFUg==\n-----END CERTIFICATE-----\n";
    let cases = [
        ("nothing", String::new()),
        ("no PEM", "the authority".to_owned()),
        ("no text", "\0\u{feff}".to_owned()),
        ("a private key", KeyPair::generate().unwrap().serialize_pem()),
        ("no base64", good.replace('M', "!")),
        ("no certificate", not_a_certificate.to_owned()),
        ("a valid and an invalid one", format!("{good}{not_a_certificate}")),
        ("a file caught half-written", good[..good.len() / 2].to_owned()),
        ("a bundle caught half-written", format!("{good}{}", &good[..good.len() / 2])),
    ];
    for (case, content) in cases {
        let file = AuthorityFile::new(&content);
        let error = client_trusting(&file.path).expect_err(case);
        assert!(matches!(error, KeyHttpClientError::Access(KeySourceError::AuthoritiesUnusable)), "{case}: {error:?}");
        assert!(
            error_chain(&error).contains("certificate authorities for the key server has none, or an invalid one"),
            "{case}: {error:?}"
        );

        file.replace(&good);
        let client = file.client();
        file.replace(&content);
        let fetched = fetch_with(&client, server).await;
        assert!(matches!(fetched, Err(KeySourceError::AuthoritiesUnusable)), "{case}: {fetched:?}");
        file.replace(&good);
        assert_eq!(fetch_with(&client, server).await.unwrap().bytes, b"the keys", "{case}");
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_cannot_be_read_is_named_at_start_and_at_every_fetch() {
    let authority = Authority::new("keys");
    let server = authority.serve(router()).await;
    let file = AuthorityFile::new(&authority.pem());
    let client = file.client();
    let too_large = AuthorityFile::new(&"x".repeat(MAX_KEY_DOCUMENT_BYTES + 1));
    for path in [Path::new("/nowhere/ca.crt"), Path::new("/"), Path::new("/dev/zero"), &too_large.path] {
        let error = client_trusting(path).unwrap_err();
        assert!(matches!(error, KeyHttpClientError::Access(KeySourceError::AuthoritiesUnreadable(_))), "{error:?}");
        assert!(
            error_chain(&error).contains("reading the certificate authorities for the key server failed"),
            "{error:?}"
        );
    }
    fs::remove_file(&file.path).unwrap();
    assert!(matches!(fetch_with(&client, server).await, Err(KeySourceError::AuthoritiesUnreadable(_))));
    file.replace(&authority.pem());
    fetch_with(&client, server).await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_given_up() {
    let file = AuthorityFile::new(&Authority::new("keys").pem());
    let access = KeyServerAccess { ca_file: Some(file.path.clone()), ..KeyServerAccess::default() };
    let client = KeyHttpClient::with_total_timeout(PlainHttp::Refused, access, Duration::from_millis(200)).unwrap();
    // One sends nothing, one answers in plain HTTP.
    for server in [serve_bytes_and_hang(b"").await, serve(router()).await] {
        let result = fetch_with(&client, server).await;
        assert!(matches!(result, Err(KeySourceError::Unreachable(_))), "{result:?}");
    }
}
