//! The samples: they load, their optional settings are valid, and the defaults that they show are the defaults.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use access_broker_identity::{Caller, ClaimSet, Names, TokenIdentity};
use access_broker_policy::{
    AccessRequest, Checksum, ChecksumAlgorithm, HeaderText, LifetimeRequest, ObjectKey, ObjectReference, Policy,
    RequestedDownload, RequestedUpload,
};

use super::*;

#[test]
fn the_sample_configuration_loads_and_its_policy_compiles() {
    let config = sample_configuration();
    let policy = config.load_policy().unwrap_or_else(|error| panic!("{error}")).compiled.policy;
    assert!(policy.outline().iter().all(|tier| !tier.grants.is_empty()), "a tier without a grant");
}

/// The samples together, and the two examples of the page together.
#[test]
fn the_sample_members_file_and_the_example_of_its_page_load() {
    let config = sample_configuration();
    let sample = config.parse_members(&read(SAMPLE_MEMBERS)).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((sample.outline().groups, sample.outline().members), (2, 4));
    let with_defaults = uncommented(&read(SAMPLE_MEMBERS), |_| true);
    assert_eq!(config.parse_members(&with_defaults).unwrap().outline().members, 4);
    let blocks = toml_blocks(&read(MEMBERS));
    let [members, policy] = blocks.as_slice() else { panic!("{blocks:?}") };
    let members = config.parse_members(members).unwrap_or_else(|problems| panic!("{problems}"));
    for members in [&sample, &members] {
        let compiled = config.compile_policy(policy, Some(members)).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(compiled.warnings.count(), 0);
    }
}

#[test]
fn the_optional_settings_of_the_sample_configuration_load() {
    // The two ways to say where gRPC is served do not go together.
    let text = uncommented(&read(SAMPLE_CONFIGURATION), |line| !line.starts_with("#grpc_addr"));
    assert!(text.contains("\nsession_token_env = ") && text.matches("\n[[listener]]").count() == 3);
    parse_configuration(&text);
}

#[test]
fn the_defaults_in_the_sample_configuration_are_the_defaults() {
    let text = read(SAMPLE_CONFIGURATION);
    let with_defaults = uncommented(&text, has_default);
    assert_ne!(text, with_defaults);
    assert_eq!(format!("{:#?}", parse_configuration(&text)), format!("{:#?}", parse_configuration(&with_defaults)));
}

#[test]
fn the_optional_settings_of_the_sample_policy_load() {
    let text = uncommented(&read(SAMPLE_POLICY), |_| true);
    assert!(text.contains("\noverwrite = false"));
    let (as_it_is, uncommented) = (compile(&read(SAMPLE_POLICY)), compile(&text));
    assert_eq!(as_it_is.outline(), uncommented.outline());
}

#[test]
fn the_defaults_in_the_documents_tables_are_those_of_the_samples() {
    for (document, sample) in [(CONFIGURATION, SAMPLE_CONFIGURATION), (POLICY, SAMPLE_POLICY)] {
        let (document, sample) = (read(document), read(sample));
        let rows = rows(&document, "setting");
        // A default that is a value begins its cell; words about a default can have code in the middle.
        let with_default = rows.iter().filter(|row| row.len() > 3 && row[2].starts_with('`'));
        // Rules have two columns of defaults, which no sample shows.
        for row in with_default.filter(|row| !["name", "operations"].contains(&code_spans(row[0])[0])) {
            let (setting, defaults) = (code_spans(row[0])[0], code_spans(row[2]));
            let shown = sample.lines().any(|line| {
                let (line, is_set) = line.strip_prefix('#').map_or((line, true), |line| (line, false));
                let value = line.strip_prefix(&format!("{setting} = "));
                value.is_some_and(|value| is_set || defaults.iter().any(|default| value.contains(default)))
            });
            assert!(shown, "{setting}: the sample does not show {defaults:?}");
        }
    }
}

#[test]
fn the_defaults_in_the_sample_policy_are_the_defaults() {
    let text = read(SAMPLE_POLICY);
    let with_defaults = uncommented(&text, has_default);
    assert_ne!(text, with_defaults);
    for ttl in [None, Some(Duration::from_hours(7 * 24))] {
        let lives = [&text, &with_defaults].map(|text| {
            let policy = compile(text);
            let wanted = LifetimeRequest { ttl, ..LifetimeRequest::default() };
            let (reading, writing) = (RequestedDownload::default(), upload_terms());
            let down = policy.decide_download(&caller(), access("media", "tier 1/a.jpg", wanted, reading), now());
            let up = policy.decide_upload(&caller(), access("media", "tier 2/a.jpg", wanted, writing), now());
            let (down, up) = (down.unwrap(), up.unwrap());
            (down.lifetime(), up.lifetime(), up.terms().clone())
        });
        assert_eq!(lives[0], lives[1]);
    }
}

/// What tier 2 of the sample demands.
fn upload_terms() -> RequestedUpload {
    RequestedUpload {
        content_type: Some(HeaderText::parse("image/jpeg").unwrap()),
        content_length: Some(1),
        checksum: Some(Checksum::new(ChecksumAlgorithm::Sha256, &[0; 32]).unwrap()),
        ..RequestedUpload::default()
    }
}

fn may_download(policy: &Policy, key: &str) -> bool {
    let request = access("media", key, LifetimeRequest::default(), RequestedDownload::default());
    policy.decide_download(&caller(), request, now()).is_ok()
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// The user of the founding scenario. Its token ends before the default life of a URL does.
fn caller() -> Caller {
    let claims = serde_json::json!({"email": "me+user1@example.com"});
    Caller::from_token(Arc::new(TokenIdentity {
        issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE01".into(),
        subject: "subject-1".into(),
        groups: Names::default(),
        scopes: Names::default(),
        claims: ClaimSet::pack(claims.as_object().unwrap(), true).unwrap(),
        expires_at: now() + Duration::from_mins(10),
    }))
}

fn access<T>(bucket: &str, key: &str, lifetime: LifetimeRequest, terms: T) -> AccessRequest<T> {
    let object = ObjectReference { bucket: BucketName::parse(bucket).unwrap(), key: ObjectKey::parse(key).unwrap() };
    AccessRequest { object, endpoint: None, lifetime, terms }
}

#[test]
fn include_patterns_match_what_the_document_says() {
    let document = read(POLICY);
    let table = rows(&document, "pattern");
    assert!(table.len() >= 5);
    for row in table {
        let pattern = code_spans(row[0])[0];
        let policy = compile(&format!(
            "[[tier]]\nname = 't'\nbucket = 'media'\nprefix = 't/'\ninclude = ['{pattern}']\ndownload = {{}}\n\
             [[grant]]\ntiers = 't'\noperations = 'download'\nto = {{ authenticated = true }}\n"
        ));
        for key in code_spans(row[1]) {
            assert!(may_download(&policy, &format!("t/{key}")), "{pattern} should match {key}");
        }
        for key in code_spans(row[2]) {
            assert!(!may_download(&policy, &format!("t/{key}")), "{pattern} should not match {key}");
        }
    }
}
