//! Which files are accepted.

use std::fs;
use std::time::{Duration, SystemTime};

use humantime::parse_rfc3339;
use rcgen::date_time_ymd;

use super::pki::{Authority, CERTIFICATE, CLIENT_CA, Folder, KEY};
use crate::calls::Protocols;
use crate::server::connections::tls::ListenerTls;
use crate::server::connections::tls::error::{FileProblem, TlsError};
use crate::server::connections::tls::files::TlsFiles;
use crate::server::connections::tls::server_config::ProvenConfig;
use access_broker_base::files::{DEFAULT_SETTLE, FileError};

const BEGIN_ONLY: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n";
const NOT_DER: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const NOT_BASE64: &str = "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n";
const NOT_A_KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";

fn problem_in(folder: &Folder, name: &str) -> FileProblem {
    match ListenerTls::load(&folder.settings(), Protocols::GRPC, DEFAULT_SETTLE).unwrap_err() {
        TlsError::File { file, problem } if file == folder.path(name) => problem,
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_without_what_it_should_hold_is_named() {
    let authority = Authority::new("prod");
    let server = authority.issue();
    let (chain, key) = (&server.certificate_pem, &server.key_pem());
    let expired = authority.issue_with(|params| params.not_after = date_time_ymd(2020, 1, 1)).certificate_pem;
    let early = authority.issue_with(|params| params.not_before = date_time_ymd(2200, 1, 1)).certificate_pem;
    let large = chain.clone() + &"\n".repeat(1_024 * 1_024);
    let many = Authority::new(&"n".repeat(160)).pem().repeat(100);
    let cases: [(&str, &str, FileProblem); 20] = [
        (CERTIFICATE, "", FileProblem::NoCertificate),
        (CERTIFICATE, key, FileProblem::NoCertificate),
        (CERTIFICATE, BEGIN_ONLY, FileProblem::NotPem),
        (CERTIFICATE, NOT_DER, FileProblem::InvalidCertificate),
        (CERTIFICATE, &format!("{chain}{NOT_DER}"), FileProblem::InvalidCertificate),
        (CERTIFICATE, &format!("{chain}{BEGIN_ONLY}"), FileProblem::NotPem),
        (CERTIFICATE, &expired, FileProblem::Expired),
        (CERTIFICATE, &early, FileProblem::NotYetValid),
        (CERTIFICATE, &large, FileProblem::File(FileError::TooLarge(1_024 * 1_024))),
        (KEY, "", FileProblem::NoPrivateKey),
        (KEY, chain, FileProblem::NoPrivateKey),
        (KEY, ENCRYPTED, FileProblem::NoPrivateKey),
        (KEY, NOT_BASE64, FileProblem::NotPem),
        (KEY, NOT_A_KEY, FileProblem::InvalidPrivateKey),
        (KEY, &authority.issue().key_pem(), FileProblem::KeyMismatch),
        (CLIENT_CA, "", FileProblem::NoCertificate),
        (CLIENT_CA, NOT_DER, FileProblem::InvalidCertificate),
        (CLIENT_CA, &format!("{}{NOT_DER}", authority.pem()), FileProblem::InvalidCertificate),
        (CLIENT_CA, chain, FileProblem::NotAnAuthority),
        (CLIENT_CA, &many, FileProblem::TooManyAuthorities),
    ];
    for (name, content, problem) in cases {
        let folder = Folder::new(&server, &authority);
        folder.put(name, content);
        assert_eq!(problem_in(&folder, name), problem, "{name}: {content:.60}");
    }
}

#[test]
fn what_is_no_file_is_named() {
    let authority = Authority::new("prod");
    for name in [CERTIFICATE, KEY, CLIENT_CA] {
        let folder = Folder::new(&authority.issue(), &authority);
        fs::remove_file(folder.path(name)).unwrap();
        assert_eq!(problem_in(&folder, name), FileProblem::File(FileError::Absent));
        fs::create_dir(folder.path(name)).unwrap();
        assert_eq!(problem_in(&folder, name), FileProblem::File(FileError::NotRegular));
    }
}

#[test]
fn a_file_of_the_largest_size_is_read() {
    let authority = Authority::new("prod");
    let server = authority.issue();
    let folder = Folder::new(&server, &authority);
    let padding = "\n".repeat(1_024 * 1_024 - server.certificate_pem.len());
    folder.put(CERTIFICATE, padding + &server.certificate_pem);
    ListenerTls::load(&folder.settings(), Protocols::GRPC, DEFAULT_SETTLE).unwrap();
}

#[test]
fn a_certificate_is_good_from_its_first_second_to_its_last() {
    let authority = Authority::new("prod");
    let server = authority.issue_with(|params| {
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 1, 2);
    });
    let folder = Folder::new(&server, &authority);
    let settings = folder.settings();
    let files = TlsFiles::read_at_start(&settings, DEFAULT_SETTLE).unwrap();
    let begin = parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
    let end = parse_rfc3339("2026-01-02T00:00:00Z").unwrap();
    let second = Duration::from_secs(1);
    let refused = |now| ProvenConfig::build(&files, Protocols::GRPC, now).err();
    let problem = |problem| Some(TlsError::File { file: folder.path(CERTIFICATE), problem });
    assert_eq!(refused(begin - second), problem(FileProblem::NotYetValid));
    assert_eq!(refused(begin), None);
    assert_eq!(refused(end), None);
    assert_eq!(refused(end + second), problem(FileProblem::Expired));
    assert_eq!(ProvenConfig::build(&files, Protocols::GRPC, begin).unwrap().not_after, end);
}

#[test]
fn the_status_of_the_start_is_reported() {
    let authority = Authority::new("prod");
    let server = authority.issue_with(|params| params.not_after = date_time_ymd(2100, 1, 1));
    let folder = Folder::new(&server, &authority);
    let before = SystemTime::now();
    let status = ListenerTls::load(&folder.settings(), Protocols::GRPC, DEFAULT_SETTLE).unwrap().status();
    assert!((before..=SystemTime::now()).contains(&status.loaded_at));
    assert_eq!((status.good_reloads, status.failed_reloads), (0, 0));
    assert_eq!(status.not_after, parse_rfc3339("2100-01-01T00:00:00Z").unwrap());
}

#[test]
fn debug_shows_nothing_of_the_key() {
    let authority = Authority::new("prod");
    let folder = Folder::new(&authority.issue(), &authority);
    let text = format!("{:?}", ListenerTls::load(&folder.settings(), Protocols::GRPC, DEFAULT_SETTLE).unwrap());
    assert!(text.starts_with("ListenerTls { settings: TlsSettings {") && text.ends_with(", .. }"), "{text}");
    assert!(!text.contains("PRIVATE") && text.len() < 600, "{text}");
}
