use super::*;

const POOL: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC123xyz";

fn oidc() -> IssuerSettings {
    IssuerSettings::oidc("https://issuer.example/realm", vec!["api".to_owned()])
}

fn cognito(issuer: &str) -> IssuerSettings {
    IssuerSettings::cognito(issuer, vec!["client".to_owned()])
}

fn problems(settings: &IssuerSettings) -> Vec<(&'static str, SettingRule)> {
    match settings.validate() {
        Ok(()) => Vec::new(),
        Err(InvalidIssuerSettings(problems)) => problems.iter().map(|problem| (problem.field, problem.rule)).collect(),
    }
}

fn svid(trust_domain: &str) -> IssuerSettings {
    let key_location = KeyLocation::JwksFile("bundle.json".into());
    IssuerSettings { key_location, ..IssuerSettings::spiffe(trust_domain, vec!["broker".to_owned()]) }
}

#[test]
fn a_trust_domain_needs_its_name_and_its_bundle() {
    for name in ["https://prod.example", "prod.example", "spiffe://", "spiffe://Prod", "spiffe://prod/workload"] {
        assert_eq!(problems(&svid(name)), [("issuer", SettingRule::TrustDomain)], "{name}");
    }
    let without_bundle = IssuerSettings::spiffe("spiffe://prod.example", vec!["broker".to_owned()]);
    assert_eq!(problems(&without_bundle), [("key_location", SettingRule::BundleLocation)]);
    let eddsa = IssuerSettings { algorithms: vec![Algorithm::EdDsa], ..svid("spiffe://prod.example") };
    assert_eq!(problems(&eddsa), [("algorithms", SettingRule::SvidAlgorithm)]);
}

#[test]
fn the_presets_are_valid() {
    assert_eq!(problems(&oidc()), []);
    assert_eq!(problems(&cognito(POOL)), []);
    assert_eq!(problems(&IssuerSettings::kubernetes("https://kubernetes.default.svc", vec!["broker".to_owned()])), []);
    assert_eq!(problems(&svid("spiffe://prod.example")), []);
}

#[test]
fn every_problem_is_reported() {
    let settings = IssuerSettings {
        issuer: String::new(),
        audiences: vec![],
        profile: TokenProfile::Cognito { token_uses: TokenUses { id: false, access: false } },
        algorithms: vec![],
        key_location: KeyLocation::JwksFile(PathBuf::new()),
        start_key_file: Some("keys.json".into()),
        plain_http: PlainHttp::Refused,
        key_ca_file: Some("ca.crt".into()),
        key_bearer_file: Some("token".into()),
        key_proxy: KeyProxy::None,
        audience_claim: Some(ClaimPath::top_level("azp")),
        ignores_aud: false,
        subject_claims: vec![],
        groups_claims: vec![],
        groups_text: GroupsText::One,
        scopes_claims: vec![],
        required_claims: vec![ClaimPath::top_level("a"), ClaimPath::parse("/a").unwrap()],
        tenant: Some("t".to_owned()),
        leeway: Duration::from_secs(301),
        max_token_lifetime: Some(Duration::ZERO),
        trust_email: false,
        key_refresh_interval: Duration::from_secs(59),
        file_settle: Duration::ZERO,
        max_key_age: Duration::from_secs(7_199),
    };
    assert_eq!(
        problems(&settings),
        [
            ("issuer", SettingRule::NotEmpty),
            ("key_location", SettingRule::NotEmpty),
            ("key_ca_file", SettingRule::NoKeyServer),
            ("key_bearer_file", SettingRule::NoKeyServer),
            ("start_key_file", SettingRule::BesideUrl),
            ("audiences", SettingRule::AtLeastOne),
            ("algorithms", SettingRule::AtLeastOne),
            ("profile", SettingRule::SomeTokenUse),
            ("audience_claim", SettingRule::OidcOnly),
            ("subject_claims", SettingRule::AtLeastOne),
            ("groups_claims", SettingRule::AtLeastOne),
            ("scopes_claims", SettingRule::AtLeastOne),
            ("required_claims", SettingRule::NoRepetition),
            ("tenant", SettingRule::OidcOnly),
            ("leeway", SettingRule::LeewayLimit),
            ("max_token_lifetime", SettingRule::NotZero),
            ("key_refresh_interval", SettingRule::RefreshInterval),
            ("max_key_age", SettingRule::KeyAge),
        ]
    );
    let text = settings.validate().unwrap_err().to_string();
    assert!(text.contains("issuer must not be empty; key_location must not be empty"), "{text}");
}

#[test]
fn an_issuer_that_is_asked_for_its_keys_must_be_a_clean_https_url() {
    for issuer in [
        "issuer.example",
        "accounts.google.com",
        "http://issuer.example",
        "http://localhost:8080",
        "https://",
        "https://u:p@issuer.example",
        "file:///i",
    ] {
        let settings = IssuerSettings { issuer: issuer.to_owned(), ..oidc() };
        assert_eq!(problems(&settings), [("issuer", SettingRule::HttpsIssuer)], "{issuer}");
    }
    for issuer in ["https://issuer.example?a", "https://issuer.example/#", "https://issuer.example/?"] {
        let settings = IssuerSettings { issuer: issuer.to_owned(), ..oidc() };
        assert_eq!(problems(&settings), [("issuer", SettingRule::NoQueryOrFragment)], "{issuer}");
    }
}

#[test]
fn an_issuer_whose_keys_are_elsewhere_is_any_name() {
    let url = || KeyLocation::JwksUrl(Url::parse("https://issuer.example/keys").unwrap());
    let file = || KeyLocation::JwksFile("keys.json".into());
    let named = |issuer: &str, key_location| IssuerSettings { issuer: issuer.to_owned(), key_location, ..oidc() };
    let longest = "i".repeat(MAX_ISSUER_BYTES);
    for issuer in [
        "accounts.google.com",
        "http://adfs.example.com/adfs/services/trust",
        "robot@project.iam.gserviceaccount.com",
        "kubernetes/serviceaccount",
        "urn:example:issuer",
        "Ausstelldienst für Böse",
        "https://issuer.example/?tenant=1#x",
        &longest,
    ] {
        for key_location in [url(), file(), KeyLocation::KubernetesApiServer] {
            assert_eq!(problems(&named(issuer, key_location)), [], "{issuer}");
        }
    }
    let too_long = "i".repeat(MAX_ISSUER_BYTES + 1);
    for (issuer, rule) in [
        ("", SettingRule::NotEmpty),
        (&too_long, SettingRule::IssuerLength),
        ("any", SettingRule::NotAny),
        (" accounts.google.com", SettingRule::VisibleText),
        ("accounts.google.com\n", SettingRule::VisibleText),
        ("accounts\0.google.com", SettingRule::VisibleText),
        ("accounts\u{a0}.google.com", SettingRule::VisibleText),
        ("accounts\u{200b}.google.com", SettingRule::VisibleText),
        ("accounts\u{202e}.google.com", SettingRule::VisibleText),
        ("accounts\u{2028}.google.com", SettingRule::VisibleText),
        ("accounts\u{ad}.google.com", SettingRule::VisibleText),
        ("accounts\u{e0041}.google.com", SettingRule::VisibleText),
        ("\u{feff}accounts.google.com", SettingRule::VisibleText),
    ] {
        for key_location in [url(), file()] {
            assert_eq!(problems(&named(issuer, key_location)), [("issuer", rule)], "{issuer}");
        }
    }
    // Probably a mistake, but permitted: it causes a warning.
    assert_eq!(problems(&named("https://login.microsoftonline.com/{tenantid}/v2.0", url())), []);
}

#[test]
fn plain_http_to_loopback_must_be_asked_for() {
    let url = Url::parse("http://127.0.0.1:9/keys").unwrap();
    let location = IssuerSettings { key_location: KeyLocation::JwksUrl(url), ..oidc() };
    assert_eq!(problems(&location), [("key_location", SettingRule::HttpsUrl)]);
    assert_eq!(problems(&IssuerSettings { plain_http: PlainHttp::OnLoopback, ..location }), []);
    let discovered = IssuerSettings { issuer: "http://127.0.0.1:9".to_owned(), ..oidc() };
    assert_eq!(problems(&discovered), [("issuer", SettingRule::HttpsIssuer)]);
    assert_eq!(problems(&IssuerSettings { plain_http: PlainHttp::OnLoopback, ..discovered }), []);
}

#[test]
fn keys_to_start_with_belong_to_a_url() {
    let with = |key_location, file: &str| {
        problems(&IssuerSettings { key_location, start_key_file: Some(file.into()), ..oidc() })
    };
    let url = || KeyLocation::JwksUrl(Url::parse("https://issuer.example/keys").unwrap());
    assert_eq!(with(url(), "keys.json"), []);
    assert_eq!(with(url(), ""), [("start_key_file", SettingRule::BesideUrl)]);
    assert_eq!(with(KeyLocation::Discovery, "keys.json"), [("start_key_file", SettingRule::BesideUrl)]);
}

#[test]
fn empty_and_repeated_list_entries_are_refused() {
    let settings = IssuerSettings {
        audiences: vec!["a".to_owned(), String::new(), "a".to_owned()],
        algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::Rs256],
        ..oidc()
    };
    assert_eq!(
        problems(&settings),
        [
            ("audiences", SettingRule::NotEmpty),
            ("audiences", SettingRule::NoRepetition),
            ("algorithms", SettingRule::NoRepetition),
        ]
    );
}

#[test]
fn limits_include_their_ends() {
    let settings = IssuerSettings {
        leeway: MAX_LEEWAY,
        key_refresh_interval: Duration::from_hours(1),
        max_key_age: Duration::from_hours(7 * 24),
        ..oidc()
    };
    assert_eq!(problems(&settings), []);
    let settings = IssuerSettings { max_key_age: *KEY_AGE_LIMITS.end() + Duration::from_secs(1), ..settings };
    assert_eq!(problems(&settings), [("max_key_age", SettingRule::KeyAge)]);
}

#[test]
fn every_form_of_a_cognito_issuer_is_accepted() {
    for issuer in [
        POOL,
        "https://issuer.cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC123xyz",
        "https://issuer-cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC123xyz",
        "https://cognito-idp-fips.us-east-1.amazonaws.com/us-east-1_a",
        "https://cognito-idp-fips.us-gov-west-1.amazonaws.com/us-gov-west-1_a",
        "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_a",
        "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_a",
    ] {
        assert_eq!(problems(&cognito(issuer)), [], "{issuer}");
    }
}

#[test]
fn an_issuer_that_is_no_user_pool_needs_a_key_location() {
    for issuer in [
        "https://issuer.example",
        "https://cognito-idp.eu-central-1.amazonaws.com",
        "https://cognito-idp.eu-central-1.amazonaws.com/",
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_",
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A/",
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A/../B",
        "https://cognito-idp.eu-central-1.amazonaws.com/us-east-1_A",
        "https://cognito-idp.eu-central-1.amazonaws.com.evil.example/eu-central-1_A",
        "https://cognito-idp.evil.example/x.amazonaws.com/evil.example/x_A",
        "https://issuer.issuer.cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A",
        "https://issuer.issuer-cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A",
        "https://issuer.cognito-idp-fips.us-east-1.amazonaws.com/us-east-1_A",
        "https://xcognito-idp.eu-central-1.amazonaws.com/eu-central-1_A",
        "https://cognito-idp-fips.us-east-1.amazonaws.com/us-east-2_A",
        "https://cognito-idp-fips.us-east-1.evil.example/us-east-1_A",
        "https://cognito-idp.central.amazonaws.com/central_A",
        "https://cognito-idp.central-1.amazonaws.com/central-1_A",
        "https://cognito-idp.eu-central-10.amazonaws.com/eu-central-10_A",
        "https://cognito-idp.eu-central.amazonaws.com/eu-central_A",
        "https://cognito-idp.EU-central-1.amazonaws.com/EU-central-1_A",
        "https://cognito-idp.eu--central-1.amazonaws.com/eu--central-1_A",
        "https://cognito-idp.-1.amazonaws.com/-1_A",
        "https://cognito-idp.eu-central-1.amazonaws.eu/eu-central-1_A",
        "https://cognito-idp.eusc-de-east-1.amazonaws.com/eusc-de-east-1_a",
    ] {
        let settings = cognito(issuer);
        assert_eq!(problems(&settings), [("issuer", SettingRule::CognitoPool)], "{issuer}");
        let url = Url::parse("https://issuer.example/keys").unwrap();
        assert_eq!(problems(&IssuerSettings { key_location: KeyLocation::JwksUrl(url), ..settings }), [], "{issuer}");
    }
}

#[test]
fn an_audience_is_seen_as_it_is() {
    for audience in ["a\nall good", "\u{1b}[31m", "a\u{202e}", " a"] {
        let settings = IssuerSettings { audiences: vec![audience.to_owned()], ..oidc() };
        assert_eq!(problems(&settings), [("audiences", SettingRule::VisibleText)], "{audience:?}");
    }
}

#[test]
fn only_tokens_with_aud_may_have_their_audience_in_another_claim() {
    let azp = || Some(ClaimPath::top_level("azp"));
    assert_eq!(problems(&IssuerSettings { audience_claim: azp(), ..oidc() }), []);
    let access = IssuerSettings { profile: TokenProfile::AccessToken, audience_claim: azp(), ..oidc() };
    assert_eq!(problems(&access), []);
    for settings in [cognito(POOL), svid("spiffe://prod.example"), kubernetes()] {
        let settings = IssuerSettings { audience_claim: azp(), ..settings };
        assert_eq!(problems(&settings), [("audience_claim", SettingRule::OidcOnly)]);
    }
    assert_eq!(problems(&IssuerSettings { audience_claim: azp(), ignores_aud: true, ..oidc() }), []);
    let without = IssuerSettings { ignores_aud: true, ..oidc() };
    assert_eq!(problems(&without), [("ignores_aud", SettingRule::AudienceClaim)]);
}

fn kubernetes() -> IssuerSettings {
    IssuerSettings::kubernetes("https://kubernetes.default.svc", vec!["broker".to_owned()])
}

#[test]
fn service_accounts_and_workloads_are_their_sub() {
    let claims = |texts: &[&str]| texts.iter().map(|text| ClaimPath::parse(text).unwrap()).collect::<Vec<_>>();
    for list in [&["email"][..], &["sub", "email"], &["email", "sub"]] {
        assert_eq!(problems(&IssuerSettings { subject_claims: claims(list), ..oidc() }), []);
        assert_eq!(problems(&IssuerSettings { subject_claims: claims(list), ..cognito(POOL) }), []);
        for settings in [svid("spiffe://prod.example"), kubernetes()] {
            let settings = IssuerSettings { subject_claims: claims(list), ..settings };
            assert_eq!(problems(&settings), [("subject_claims", SettingRule::SubOnly)]);
        }
    }
    let same = IssuerSettings { subject_claims: claims(&["/sub"]), ..kubernetes() };
    assert_eq!(problems(&same), []);
}

#[test]
fn only_oidc_issuers_have_tenants() {
    let tenant = || Some("t".to_owned());
    assert_eq!(problems(&IssuerSettings { tenant: tenant(), ..oidc() }), []);
    let access = IssuerSettings { profile: TokenProfile::AccessToken, tenant: tenant(), ..oidc() };
    assert_eq!(problems(&access), []);
    for settings in [cognito(POOL), svid("spiffe://prod.example"), kubernetes()] {
        assert_eq!(problems(&IssuerSettings { tenant: tenant(), ..settings }), [("tenant", SettingRule::OidcOnly)]);
    }
}

#[test]
fn a_claim_is_named_once_in_a_list() {
    let twice = || vec![ClaimPath::top_level("a"), ClaimPath::top_level("b"), ClaimPath::parse("/a").unwrap()];
    for (settings, field) in [
        (IssuerSettings { subject_claims: twice(), ..oidc() }, "subject_claims"),
        (IssuerSettings { groups_claims: twice(), ..oidc() }, "groups_claims"),
        (IssuerSettings { scopes_claims: twice(), ..oidc() }, "scopes_claims"),
    ] {
        assert_eq!(problems(&settings), [(field, SettingRule::NoRepetition)]);
    }
}
