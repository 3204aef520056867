//! What happens when files change.

use std::cell::Cell;
use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, Error};
use tokio::time;

use super::peer::{client_of, handshake};
use super::pki::{Authority, CERTIFICATE, CLIENT_CA, Folder, Issued, KEY};
use crate::calls::Protocols;
use crate::server::connections::tls::error::{FileProblem, TlsError};
use crate::server::connections::tls::{ListenerTls, Reload};
use crate::server::reload_receiver::ReloadReceiver;
use access_broker_base::files::{FileError, REREAD_DELAY};

/// A listener, its files, and a client that it accepts.
struct Rotation {
    authority: Authority,
    server: Issued,
    folder: Folder,
    tls: ListenerTls,
    client: Arc<ClientConfig>,
    now: Cell<Duration>,
}

const SETTLE: Duration = Duration::from_secs(10);

impl Rotation {
    fn new() -> Self {
        let authority = Authority::new("prod");
        let server = authority.issue();
        let folder = Folder::new(&server, &authority);
        let tls = ListenerTls::load(&folder.settings(), Protocols::GRPC, SETTLE).unwrap();
        let client = Arc::new(client_of(&authority, Some(&authority.issue()), &TLS13));
        Self { authority, server, folder, tls, client, now: Cell::default() }
    }

    /// One read, this long after the one before.
    fn reload_after(&self, pause: Duration) -> Result<Reload, TlsError> {
        self.now.set(self.now.get() + pause);
        self.tls.reload(self.now.get())
    }

    /// The read that finds a replacement, and the one that makes it active.
    fn reload(&self) -> Result<Reload, TlsError> {
        match self.reload_after(Duration::from_secs(5)) {
            Ok(Reload::Pending) => self.reload_after(REREAD_DELAY),
            result => result,
        }
    }

    fn refused(&self, name: &str, problem: FileProblem) -> TlsError {
        TlsError::File { file: self.folder.path(name), problem }
    }
}

#[tokio::test]
async fn a_replaced_certificate_is_served_to_new_connections() {
    let rotation = Rotation::new();
    let Rotation { authority, server, folder, tls, client, .. } = &rotation;
    let begun = handshake(tls, client).await;
    let next = authority.issue();
    folder.put_pair(&next);
    assert_eq!(rotation.reload_after(Duration::from_secs(5)), Ok(Reload::Pending));
    assert_eq!(handshake(tls, client).await.served(), server.certificate);
    assert_eq!(rotation.reload_after(REREAD_DELAY), Ok(Reload::Replaced));
    assert_eq!(handshake(tls, client).await.served(), next.certificate);
    assert_eq!(begun.served(), server.certificate);
    assert_eq!(rotation.reload(), Ok(Reload::Unchanged));
    let status = tls.status();
    assert_eq!((status.good_reloads, status.failed_reloads), (1, 0));
}

#[tokio::test]
async fn files_written_in_place_take_effect_once_they_have_settled() {
    let rotation = Rotation::new();
    let next = rotation.authority.issue();
    for (name, content) in [(CERTIFICATE, next.certificate_pem.clone()), (KEY, next.key_pem())] {
        fs::write(rotation.folder.path(name), &content[..content.len() / 2]).unwrap();
        for _ in 0..19 {
            assert_eq!(rotation.reload_after(REREAD_DELAY), Ok(Reload::Pending));
        }
        fs::write(rotation.folder.path(name), content).unwrap();
        assert_eq!(rotation.reload_after(REREAD_DELAY), Ok(Reload::Pending), "half a set is not refused");
    }
    assert_eq!(rotation.reload_after(Duration::from_millis(9_999)), Ok(Reload::Pending));
    assert_eq!(handshake(&rotation.tls, &rotation.client).await.served(), rotation.server.certificate);
    assert_eq!(rotation.reload_after(Duration::from_millis(1)), Ok(Reload::Replaced));
    assert_eq!(handshake(&rotation.tls, &rotation.client).await.served(), next.certificate);
}

#[tokio::test]
async fn a_broken_replacement_keeps_the_old_certificate() {
    let rotation = Rotation::new();
    let (chain, key) = (&rotation.server.certificate_pem, rotation.server.key_pem());
    let cases = [
        (CERTIFICATE, String::new(), FileProblem::NoCertificate),
        (CERTIFICATE, chain[..chain.len() / 2].to_owned(), FileProblem::NotPem),
        (KEY, String::new(), FileProblem::NoPrivateKey),
        (CLIENT_CA, String::new(), FileProblem::NoCertificate),
    ];
    for (failures, (name, content, problem)) in (1..).zip(cases) {
        rotation.folder.put(name, content);
        assert_eq!(rotation.reload().err(), Some(rotation.refused(name, problem)));
        assert_eq!(handshake(&rotation.tls, &rotation.client).await.served(), rotation.server.certificate);
        assert_eq!(rotation.tls.status().failed_reloads, failures);
        rotation.folder.put(CERTIFICATE, chain);
        rotation.folder.put(KEY, &key);
    }
    fs::remove_file(rotation.folder.path(CLIENT_CA)).unwrap();
    let missing = FileProblem::File(FileError::Absent);
    assert_eq!(rotation.reload().err(), Some(rotation.refused(CLIENT_CA, missing)));
    assert_eq!(rotation.tls.status().good_reloads, 0);
}

#[tokio::test]
async fn a_half_replaced_pair_waits_for_its_other_half() {
    let rotation = Rotation::new();
    let next = rotation.authority.issue();
    let halves = [(CERTIFICATE, next.certificate_pem.clone()), (KEY, next.key_pem())];
    let old_halves = [(CERTIFICATE, rotation.server.certificate_pem.clone()), (KEY, rotation.server.key_pem())];
    for first in 0..2 {
        let (name, content) = &halves[first];
        rotation.folder.put(name, content);
        let mismatch = rotation.refused(KEY, FileProblem::KeyMismatch);
        assert_eq!(rotation.reload().err(), Some(mismatch));
        assert_eq!(handshake(&rotation.tls, &rotation.client).await.served(), rotation.server.certificate);

        let (name, content) = &halves[1 - first];
        rotation.folder.put(name, content);
        assert!(matches!(rotation.reload(), Ok(Reload::Replaced)));
        assert_eq!(handshake(&rotation.tls, &rotation.client).await.served(), next.certificate);

        for (name, content) in &old_halves {
            rotation.folder.put(name, content);
        }
        assert!(matches!(rotation.reload(), Ok(Reload::Replaced)));
    }
}

#[tokio::test]
async fn replaced_client_authorities_take_effect() {
    let rotation = Rotation::new();
    let next_authority = Authority::new("prod");
    let next = Arc::new(client_of(&rotation.authority, Some(&next_authority.issue()), &TLS13));
    let bad_signature = Error::InvalidCertificate(CertificateError::BadSignature);
    assert_eq!(handshake(&rotation.tls, &next).await.refusal(), bad_signature);

    let both = rotation.authority.pem() + &next_authority.pem();
    rotation.folder.put(CLIENT_CA, both);
    assert!(matches!(rotation.reload(), Ok(Reload::Replaced)));
    handshake(&rotation.tls, &rotation.client).await.server.unwrap();
    handshake(&rotation.tls, &next).await.server.unwrap();

    rotation.folder.put(CLIENT_CA, next_authority.pem());
    assert!(matches!(rotation.reload(), Ok(Reload::Replaced)));
    assert_eq!(handshake(&rotation.tls, &rotation.client).await.refusal(), bad_signature);
    handshake(&rotation.tls, &next).await.server.unwrap();
}

#[tokio::test(start_paused = true)]
async fn watching_makes_a_change_active() {
    let Rotation { authority, folder, tls, client, .. } = Rotation::new();
    let tls = Arc::new(tls);
    let watching = tokio::spawn(Arc::clone(&tls).watch(ReloadReceiver::channel().1));
    let next = authority.issue();
    folder.put_pair(&next);
    until(|| tls.status().good_reloads > 0).await;
    time::resume();
    assert_eq!(handshake(&tls, &client).await.served(), next.certificate);
    watching.abort();
}

#[tokio::test(start_paused = true)]
async fn watching_reports_each_change_of_state_once() {
    let rotation = Rotation::new();
    let (folder, tls) = (rotation.folder, Arc::new(rotation.tls));
    let log = CapturedLog::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // This runtime has one thread, so that the watch logs to this subscriber too.
    let _guard = tracing::subscriber::set_default(subscriber);
    let watching = tokio::spawn(Arc::clone(&tls).watch(ReloadReceiver::channel().1));
    let failures = || tls.status().failed_reloads;

    folder.put(KEY, "");
    until(|| failures() >= 3).await;
    assert_eq!(log.lines_with("has no unencrypted private key"), 1);

    folder.put(KEY, rotation.authority.issue().key_pem());
    let before = failures();
    until(|| failures() >= before + 3).await;
    assert_eq!(log.lines_with("does not match the certificate"), 1);

    folder.put(KEY, rotation.server.key_pem());
    until(|| log.lines_with("valid again") > 0).await;
    let before = failures();
    time::sleep(Duration::from_mins(1)).await;
    assert_eq!(failures(), before);
    assert_eq!((log.lines_with("TLS files refused"), log.lines_with("valid again")), (2, 1));
    assert_eq!(tls.status().good_reloads, 0);
    watching.abort();
}

/// Waits for a condition, in the time of the paused clock.
async fn until(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            time::sleep(Duration::from_secs(1)).await;
        }
    };
    time::timeout(Duration::from_hours(1), waited).await.unwrap();
}

#[derive(Clone, Default)]
struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    fn lines_with(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).lines().filter(|line| line.contains(text)).count()
    }
}

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
