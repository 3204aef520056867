use humantime::parse_rfc3339;
use proptest::prelude::*;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints as PathLength, CertificateParams, CustomExtension, DistinguishedName, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use super::*;

const ID: &str = "spiffe://prod.example/ns/media/sa/thumbnailer";

fn uri(text: &str) -> SanType {
    SanType::URI(Ia5String::try_from(text).unwrap())
}

/// As SPIRE and Istio issue them.
fn svid() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![uri(ID)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2051, 1, 1);
    params
}

fn der(params: &CertificateParams) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn parse(params: &CertificateParams) -> Result<ClientCertificate, ClientCertificateError> {
    ClientCertificate::parse(&der(params))
}

fn id_of(params: &CertificateParams) -> Result<String, ClientCertificateError> {
    parse(params).map(|certificate| certificate.id().to_string())
}

fn with(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = svid();
    change(&mut params);
    params
}

#[test]
fn an_svid_yields_its_id_and_validity() {
    let certificate = parse(&svid()).unwrap();
    assert_eq!(certificate.id().as_str(), ID);
    // 2026-01-01 is written as UTCTime, 2051-01-01 as GeneralizedTime.
    assert_eq!(certificate.not_before(), parse_rfc3339("2026-01-01T00:00:00Z").unwrap());
    assert_eq!(certificate.not_after(), parse_rfc3339("2051-01-01T00:00:00Z").unwrap());
}

#[test]
fn names_that_are_no_uris_do_not_matter() {
    let params = with(|params| {
        params.subject_alt_names.insert(0, SanType::DnsName(Ia5String::try_from("media.example").unwrap()));
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        params.subject_alt_names.push(SanType::Rfc822Name(Ia5String::try_from("media@example.com").unwrap()));
        params.subject_alt_names.push(SanType::DnsName(Ia5String::try_from("spiffe://prod.example/other").unwrap()));
    });
    assert_eq!(id_of(&params).as_deref(), Ok(ID));
}

#[test]
fn extensions_that_are_absent_do_not_matter() {
    let params = with(|params| {
        params.is_ca = IsCa::NoCa;
        params.key_usages.clear();
        params.extended_key_usages.clear();
    });
    assert_eq!(id_of(&params).as_deref(), Ok(ID));
}

#[test]
fn exactly_one_uri_is_needed() {
    let dns = SanType::DnsName(Ia5String::try_from("media.example").unwrap());
    let cases = [
        (vec![], ClientCertificateError::NoUri),
        (vec![dns], ClientCertificateError::NoUri),
        (vec![uri(ID), uri(ID)], ClientCertificateError::SeveralUris),
        (vec![uri(ID), uri("spiffe://prod.example/other")], ClientCertificateError::SeveralUris),
        (vec![uri(ID), uri("https://prod.example/")], ClientCertificateError::SeveralUris),
        (vec![uri("https://prod.example/"), uri(ID)], ClientCertificateError::SeveralUris),
    ];
    for (names, error) in cases {
        let params = with(|params| params.subject_alt_names.clone_from(&names));
        assert_eq!(parse(&params), Err(error), "{names:?}");
    }
}

#[test]
fn the_uri_must_be_the_id_of_a_workload() {
    let cases = [
        ("", SpiffeIdError::Scheme),
        ("https://prod.example/ns/media", SpiffeIdError::Scheme),
        ("spiffe://prod.example", SpiffeIdError::NoPath),
        ("spiffe://prod.example/", SpiffeIdError::Path),
        ("spiffe://prod.example/a\0", SpiffeIdError::Path),
        ("spiffe://prod.example/a/../b", SpiffeIdError::Path),
    ];
    for (text, error) in cases {
        let params = with(|params| params.subject_alt_names = vec![uri(text)]);
        assert_eq!(parse(&params), Err(ClientCertificateError::NotSpiffe(error)), "{text:?}");
    }
    let long = format!("spiffe://prod.example/{}", "a".repeat(100_000));
    let params = with(|params| params.subject_alt_names = vec![uri(&long)]);
    assert_eq!(parse(&params), Err(ClientCertificateError::NotSpiffe(SpiffeIdError::TooLong)));
}

#[test]
fn a_certificate_authority_is_no_workload() {
    let params = with(|params| params.is_ca = IsCa::Ca(PathLength::Unconstrained));
    assert_eq!(parse(&params), Err(ClientCertificateError::CertificateAuthority));
}

#[test]
fn a_key_that_signs_more_than_handshakes_is_refused() {
    for purpose in [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign] {
        let params = with(|params| params.key_usages.push(purpose));
        assert_eq!(parse(&params), Err(ClientCertificateError::SigningKey), "{purpose:?}");
    }
}

#[test]
fn a_key_that_may_not_sign_handshakes_is_refused() {
    let params = with(|params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]);
    assert_eq!(parse(&params), Err(ClientCertificateError::KeyUsage));
}

#[test]
fn a_repeated_or_malformed_extension_is_refused() {
    const BASIC_CONSTRAINTS: [u64; 4] = [2, 5, 29, 19];
    const SUBJECT_ALT_NAME: [u64; 4] = [2, 5, 29, 17];
    let repeated = CustomExtension::from_oid_content(&BASIC_CONSTRAINTS, vec![0x30, 0]);
    let params = with(|params| params.custom_extensions = vec![repeated]);
    assert_eq!(parse(&params), Err(ClientCertificateError::Extension));

    let malformed = CustomExtension::from_oid_content(&SUBJECT_ALT_NAME, vec![0x30, 5, 0x86]);
    let params = with(|params| {
        params.subject_alt_names.clear();
        params.custom_extensions = vec![malformed];
    });
    assert_eq!(parse(&params), Err(ClientCertificateError::Extension));
}

#[test]
fn other_bytes_are_no_certificate() {
    let good = der(&svid());
    let with_more = [good.as_slice(), &[0]].concat();
    for bytes in [&[][..], &[0x30], &[0; 64], ID.as_bytes(), &with_more] {
        assert_eq!(ClientCertificate::parse(bytes), Err(ClientCertificateError::NotDer), "{bytes:?}");
    }
    for length in 0..good.len() {
        assert_eq!(ClientCertificate::parse(&good[..length]), Err(ClientCertificateError::NotDer), "{length}");
    }
}

proptest! {
    #[test]
    fn damage_never_yields_an_id_that_is_not_in_the_certificate(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = der(&svid());
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        if let Ok(certificate) = ClientCertificate::parse(&bytes) {
            let id = certificate.id().as_str().as_bytes();
            prop_assert!(bytes.windows(id.len()).any(|window| window == id));
        }
    }
}
