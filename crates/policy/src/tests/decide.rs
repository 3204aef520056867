use super::*;

const SCENARIO: &str = include_str!("../../../../src/dev/policy.toml");

fn user_one() -> Value {
    json!({ "email": "me+user1@example.com", "email_verified": true })
}

fn user_two() -> Value {
    json!({ "email": "me+user2@example.com", "email_verified": true })
}

fn jpeg() -> RequestedUpload {
    RequestedUpload {
        content_type: Some(HeaderText::parse("image/jpeg").unwrap()),
        content_length: Some(1_000),
        checksum: Some(Checksum::new(ChecksumAlgorithm::Sha256, &[7; 32]).unwrap()),
        ..RequestedUpload::default()
    }
}

#[test]
fn the_scenario_lets_each_user_into_their_tiers() {
    let policy = compile(SCENARIO).unwrap();
    assert_eq!(download(&policy, &user_one(), "tier 1/cute-cat.jpg").unwrap().object().tier().as_ref(), "tier-1");
    assert_eq!(download(&policy, &user_one(), "tier 2/super-cute-cat.jpg").unwrap().object().tier().as_ref(), "tier-2");
    assert!(download(&policy, &user_two(), "tier 1/cute-cat.jpg").is_ok());
    assert_eq!(download(&policy, &user_two(), "tier 2/super-cute-cat.jpg").unwrap_err(), RefusalReason::NotGranted);
    assert!(upload(&policy, &user_one(), "tier 2/new-cat.jpg", jpeg()).is_ok());
    assert_eq!(upload(&policy, &user_two(), "tier 2/new-cat.jpg", jpeg()).unwrap_err(), RefusalReason::NotGranted);
    assert_eq!(
        upload(&policy, &user_one(), "tier 1/new-cat.jpg", jpeg()).unwrap_err(),
        RefusalReason::OperationNotOffered
    );
}

#[test]
fn what_is_outside_every_tier_is_refused() {
    let policy = compile(SCENARIO).unwrap();
    for (key, reason) in [
        ("notes.txt", RefusalReason::NoTier),
        ("tier 10/x.jpg", RefusalReason::NoTier),
        ("tier 1", RefusalReason::NoTier),
        ("Tier 1/cute-cat.jpg", RefusalReason::NoTier),
        ("tier 1/x.png", RefusalReason::NotIncluded),
        ("tier 1/x.JPG", RefusalReason::NotIncluded),
        ("tier%201/cute-cat.jpg", RefusalReason::NoTier),
    ] {
        assert_eq!(download(&policy, &user_one(), key).unwrap_err(), reason, "{key}");
    }
    let request =
        AccessRequest { object: object("archive", "tier 1/cute-cat.jpg"), ..access("x", RequestedDownload::default()) };
    let elsewhere = policy.decide_download(&caller(&user_one()), request, now());
    assert_eq!(elsewhere.unwrap_err().reason, RefusalReason::NoTier);
}

#[test]
fn an_unverified_address_matches_no_rule() {
    let policy = compile(SCENARIO).unwrap();
    for unverified in [
        json!({ "email": "me+user1@example.com" }),
        json!({ "email": "me+user1@example.com", "email_verified": false }),
        json!({ "email": ["me+user1@example.com"] }),
    ] {
        assert!(download(&policy, &unverified, "tier 2/super-cute-cat.jpg").is_err(), "{unverified}");
    }
}

const TREE: &str = r#"
[[tier]]
name = "all"
bucket = "media"
prefix = ""
download = {}

[[tier]]
name = "users"
bucket = "media"
prefix = "users/"
download = {}

[[tier]]
name = "own"
bucket = "media"
prefix = "users/{sub}/"
download = {}

[[tier]]
name = "shared"
bucket = "media"
prefix = "users/shared/"
include = ["*.txt"]
download = {}

[[tier]]
name = "tenant-reports"
bucket = "media"
prefix = "tenants/{claims.tenant_id}/reports/"
download = {}

[[grant]]
tiers = ["all", "users", "own", "shared", "tenant-reports"]
operations = ["download"]
to = { authenticated = true }
"#;

#[test]
fn a_key_belongs_to_the_tier_with_the_longest_prefix_alone() {
    let policy = compile(TREE).unwrap();
    let alice = json!({ "sub": "alice", "tenant_id": "t-1" });
    let shared = json!({ "sub": "shared" });
    for (claims, key, tier) in [
        (&alice, "readme.md", Some("all")),
        (&alice, "users/readme.md", Some("users")),
        (&alice, "users/bob/x", Some("users")),
        (&alice, "users/alice/x", Some("own")),
        (&alice, "users/alice/a/b/c", Some("own")),
        (&alice, "users/alice", Some("users")),
        // A literal beats a template at equal depth, even where the caller's own claim has that value.
        (&shared, "users/shared/x.txt", Some("shared")),
        // What the deepest tier leaves out is in no tier.
        (&alice, "users/shared/x.pdf", None),
        (&alice, "users/shared/deep/x.txt", None),
        (&alice, "tenants/t-1/reports/x", Some("tenant-reports")),
        (&alice, "tenants/t-2/reports/x", Some("all")),
        (&alice, "tenants/t-1/x", Some("all")),
    ] {
        let found = download(&policy, claims, key).map(|permit| permit.object().tier().to_string()).ok();
        assert_eq!(found.as_deref(), tier, "{key}");
    }
}

#[test]
fn a_claim_that_is_no_single_clean_segment_fills_no_template() {
    let policy = compile(TREE).unwrap();
    for tenant in [json!(""), json!(["t-1"]), json!("t-1/reports"), json!("../t-1"), json!(1), json!(null), json!("..")]
    {
        let claims = json!({ "tenant_id": tenant });
        let found = download(&policy, &claims, "tenants/t-1/reports/x").unwrap();
        assert_eq!(found.object().tier().as_ref(), "all", "{claims}");
    }
}

#[test]
fn an_address_fills_a_template_only_when_verified() {
    let policy = compile(
        r#"
        tier = [{ name = "own", bucket = "media", prefix = "by/{claims.email}/", download = {} }]
        grant = [{ tiers = ["own"], operations = ["download"], to = { authenticated = true } }]
        "#,
    )
    .unwrap();
    let verified = json!({ "email": "a@example.com", "email_verified": true });
    assert!(download(&policy, &verified, "by/a@example.com/x").is_ok());
    assert!(download(&policy, &json!({ "email": "a@example.com" }), "by/a@example.com/x").is_err());
}

fn with_rules(rules: &str) -> Policy {
    compile(&format!(
        "[[tier]]\nname = \"t\"\nbucket = \"media\"\nprefix = \"\"\ndownload = {{}}\nupload = {{}}\n{rules}"
    ))
    .unwrap()
}

#[test]
fn every_condition_must_hold_and_any_value_satisfies_one() {
    let policy = with_rules(
        r#"
        [[grant]]
        tiers = ["t"]
        operations = ["download"]
        to = { issuers = ["https://issuer.example"], groups = ["a", "b"], scopes = ["read"], claims = { level = [1, 2], staff = true } }
        "#,
    );
    let good = json!({ "groups": ["b", "x"], "scopes": ["read"], "level": 2, "staff": true });
    assert_eq!(download(&policy, &good, "x").unwrap().object().rule().as_ref(), "grant[0]");
    for (claim, value) in [
        ("iss", json!("https://other.example")),
        ("groups", json!(["x"])),
        ("scopes", json!([])),
        ("level", json!(3)),
        ("level", json!(2.5)),
        ("level", json!({ "x": 2 })),
        ("staff", json!(null)),
    ] {
        let mut changed = good.clone();
        changed[claim] = value;
        assert_eq!(download(&policy, &changed, "x").unwrap_err(), RefusalReason::NotGranted, "{changed}");
    }
}

#[test]
fn a_denial_wins_over_every_grant_and_covers_all_it_does_not_limit() {
    let policy = with_rules(
        r#"
        [[grant]]
        tiers = ["t"]
        operations = ["download", "upload"]
        to = { authenticated = true }

        [[denial]]
        name = "contractors do not write"
        operations = ["upload"]
        to = { groups = ["contractors"] }

        [[denial]]
        to = { issuers = ["https://issuer.example"], claims = { sub = "mallory" } }
        "#,
    );
    let contractor = json!({ "groups": ["contractors"] });
    let mallory = json!({ "sub": "mallory" });
    assert!(download(&policy, &contractor, "x").is_ok());
    assert_eq!(
        upload(&policy, &contractor, "x", RequestedUpload::default()).unwrap_err(),
        RefusalReason::Denied("contractors do not write".into())
    );
    // The claim condition reads the token's claims, of which the subject is one.
    assert_eq!(download(&policy, &mallory, "x").unwrap_err(), RefusalReason::Denied("denial[1]".into()));
}

#[test]
fn every_unmet_obligation_is_named_at_once() {
    let policy = compile(SCENARIO).unwrap();
    let fields = |terms: RequestedUpload| match upload(&policy, &user_one(), "tier 2/x.jpg", terms) {
        Err(RefusalReason::ObligationsNotMet(violations)) => {
            violations.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(fields(RequestedUpload::default()), ["content_type", "content_length", "checksum"]);
    let wrong = RequestedUpload {
        content_type: Some(HeaderText::parse("text/html").unwrap()),
        content_length: Some(50 * 1_024 * 1_024 + 1),
        checksum: Some(Checksum::new(ChecksumAlgorithm::Crc32, &[1; 4]).unwrap()),
        create_only: Some(false),
        ..RequestedUpload::default()
    };
    assert_eq!(fields(wrong), ["content_type", "content_length", "checksum", "create_only"]);
}

#[test]
fn a_tier_without_overwriting_makes_every_upload_create_only() {
    let policy = compile(SCENARIO).unwrap();
    let permit = upload(&policy, &user_one(), "tier 2/x.jpg", jpeg()).unwrap();
    assert!(permit.terms().create_only);
}

#[test]
fn a_life_is_the_least_of_what_was_asked_allowed_and_left_in_the_token() {
    let policy = compile(
        r#"
        tier = [{ name = "t", bucket = "media", prefix = "", download = { max_ttl = "20m", default_ttl = "5m", end_with_token = true } }]
        grant = [{ tiers = ["t"], operations = ["download"], to = { authenticated = true } }]
        "#,
    )
    .unwrap();
    let decide = |ttl: Option<u64>, require_full_ttl, token_left: f64| {
        let mut token = token(&json!({}));
        token.expires_at = now() + Duration::from_secs_f64(token_left);
        let caller = Caller::from_token(Arc::new(token));
        let lifetime = LifetimeRequest { ttl: ttl.map(Duration::from_secs), require_full_ttl, stable: false };
        let request = AccessRequest { lifetime, ..access("x", RequestedDownload::default()) };
        policy
            .decide_download(&caller, request, now())
            .map(|permit| (permit.lifetime().ttl.as_secs(), permit.lifetime().limited_by))
            .map_err(|refusal| refusal.reason)
    };
    assert_eq!(decide(None, false, 3_600.0), Ok((300, ExpiryLimit::TierDefaultTtl)));
    assert_eq!(decide(Some(60), false, 3_600.0), Ok((60, ExpiryLimit::RequestedTtl)));
    assert_eq!(decide(Some(7_200), false, 3_600.0), Ok((1_200, ExpiryLimit::TierMaxTtl)));
    assert_eq!(decide(Some(7_200), false, 90.9), Ok((90, ExpiryLimit::TokenExpiry)));
    // A limit that does not shorten the requested life is not named.
    assert_eq!(decide(Some(1_200), false, 3_600.0), Ok((1_200, ExpiryLimit::RequestedTtl)));
    assert_eq!(decide(Some(90), false, 90.0), Ok((90, ExpiryLimit::RequestedTtl)));
    assert_eq!(decide(None, false, 300.0), Ok((300, ExpiryLimit::TierDefaultTtl)));
    assert_eq!(decide(Some(60), true, 90.9), Ok((60, ExpiryLimit::RequestedTtl)));
    assert_eq!(decide(Some(7_200), true, 3_600.0), Err(RefusalReason::FullTtlNotAllowed(Duration::from_mins(20))));
    assert_eq!(decide(None, true, 90.0), Err(RefusalReason::FullTtlNotAllowed(Duration::from_secs(90))));
    // A token within its leeway is accepted, but there is no time left to give.
    assert_eq!(decide(None, false, 0.5), Err(RefusalReason::TokenEnded));
}

const THUMBNAILER: &str = "spiffe://prod.example/ns/media/sa/thumbnailer";

fn workload(text: &str) -> WorkloadId {
    WorkloadId::parse(text).unwrap()
}

/// Whether each caller may read, under a policy whose one grant is `to`.
fn readers<const N: usize>(to: &str, callers: [Caller; N]) -> [bool; N] {
    let policy = compile(&format!(
        "tier = [{{ name = 't', bucket = 'media', prefix = '', download = {{}} }}]\n\
         grant = [{{ tiers = 't', operations = 'download', to = {to} }}]"
    ))
    .unwrap();
    callers.map(|caller| read(&policy, &caller, "x").is_ok())
}

#[test]
fn workloads_are_granted_by_id_and_by_trust_domain() {
    let callers = || {
        [
            Caller::from_workload(workload(THUMBNAILER)),
            Caller::from_workload(workload("spiffe://prod.example/ns/media/sa/other")),
            Caller::from_workload(workload("a.media.serviceaccount.identity.linkerd.cluster.local")),
            caller(&json!({})).through(workload(THUMBNAILER)).unwrap(),
            caller(&json!({})),
        ]
    };
    let by_id = format!("{{ workloads = ['{THUMBNAILER}'] }}");
    assert_eq!(readers(&by_id, callers()), [true, false, false, true, false]);
    assert_eq!(readers("{ trust_domains = 'prod.example' }", callers()), [true, true, false, true, false]);
    assert_eq!(readers("{ trust_domains = 'cluster.local' }", callers()), [false, false, true, false, false]);
    assert_eq!(readers("{ authenticated = true }", callers()), [true; 5]);
    let both = format!("{{ workloads = ['{THUMBNAILER}'], issuers = ['{ISSUER}'] }}");
    assert_eq!(readers(&both, callers()), [false, false, false, true, false]);
    assert_eq!(readers("{ groups = 'viewers' }", callers()), [false; 5]);
}

#[test]
fn a_denial_of_a_workload_holds_whatever_its_token_says() {
    let policy = compile(&format!(
        "tier = [{{ name = 't', bucket = 'media', prefix = '', download = {{}} }}]\n\
         grant = [{{ tiers = 't', operations = 'download', to = {{ authenticated = true }} }}]\n\
         denial = [{{ to = {{ workloads = ['{THUMBNAILER}'] }} }}]"
    ))
    .unwrap();
    let caller = caller(&json!({})).through(workload(THUMBNAILER)).unwrap();
    let refused = read(&policy, &caller, "x").unwrap_err();
    assert!(matches!(refused.reason, RefusalReason::Denied(_)));
}

#[test]
fn a_workload_without_a_token_reaches_no_prefix_that_comes_from_claims() {
    let policy = compile(
        "tier = [{ name = 't', bucket = 'media', prefix = 'users/{sub}/', download = {} }]\n\
         grant = [{ tiers = 't', operations = 'download', to = { authenticated = true } }]",
    )
    .unwrap();
    let caller = Caller::from_workload(workload(THUMBNAILER));
    let refused = read(&policy, &caller, "users/a/x").unwrap_err();
    assert_eq!(refused.reason, RefusalReason::NoTier);
}

/// The tier of each key, for a caller.
fn tiers(policy: &Policy, claims: &Value, keys: &[&str]) -> Vec<Option<String>> {
    keys.iter().map(|key| Some(download(policy, claims, key).ok()?.object().tier().to_string())).collect()
}

/// A policy in which every caller may read all of these tiers: names, prefixes and further settings.
fn open_tiers(tiers: &[(&str, &str, &str)]) -> Result<Policy, access_broker_base::document::Problems> {
    let tiers: Vec<String> = tiers
        .iter()
        .map(|(name, prefix, more)| {
            format!("{{ name = '{name}', bucket = 'media', prefix = '{prefix}', download = {{}}{more} }}")
        })
        .collect();
    let rule = "grant = [{ tiers = NAMES, operations = 'download', to = { authenticated = true } }]";
    let names: Vec<String> = tiers.iter().map(|tier| tier.split('\'').nth(1).unwrap().to_owned()).collect();
    compile(&format!("tier = [{}]\n{}", tiers.join(",\n"), rule.replace("NAMES", &format!("{names:?}"))))
}

#[test]
fn a_template_takes_exactly_its_number_of_segments() {
    let policy = open_tiers(&[
        ("all", "", ""),
        ("two", "r/{claims.repository:2}/", ""),
        ("below", "r/{claims.repository:2}/x/", ""),
    ])
    .unwrap();
    let keys = ["r/o/a/f", "r/o/a/x/f", "r/o/a/x", "r/o/b/f", "r/o/f", "r/o/a", "o/a/f"];
    let of = |repository: Value| tiers(&policy, &json!({ "repository": repository }), &keys);
    let [all, two, below] = ["all", "two", "below"].map(|name| Some(name.to_owned()));
    let own = [&two, &below, &two, &all, &all, &all, &all].map(Clone::clone);
    assert_eq!(of(json!("o/a")), own);
    for other in ["o", "o/a/x", "o//a", "o/a/", "/o/a", "o/./a", "o/..", "", "/", "O/a"] {
        assert_eq!(of(json!(other)), vec![all.clone(); keys.len()], "{other}");
    }
    for other in [json!(["o/a"]), json!(7), json!(null), json!({ "o": "a" })] {
        assert_eq!(of(other.clone()), vec![all.clone(); keys.len()], "{other}");
    }
}

#[test]
fn a_template_of_any_number_takes_all_of_the_value() {
    let free = ", prefix_free = true";
    let policy = open_tiers(&[
        ("p", "p/{claims.project_path:*}/", free),
        ("artifacts", "p/{claims.project_path:*}/artifacts/{sub}/", free),
        ("fixed", "p/g/shared/", ""),
    ])
    .unwrap();
    let of = |path: &str, keys: &[&str]| tiers(&policy, &json!({ "project_path": path, "sub": "s" }), keys);
    let [p, artifacts, fixed] = ["p", "artifacts", "fixed"].map(|name| Some(name.to_owned()));
    let keys = ["p/g/a/f", "p/g/a/b/f", "p/g/f", "p/g/a", "p/g/a/artifacts/s/f", "p/g/a/artifacts/t/f", "p/h/a/f"];
    assert_eq!(of("g/a", &keys), [p.clone(), p.clone(), None, None, artifacts.clone(), p.clone(), None]);
    assert_eq!(of("g", &["p/g/f", "p/g/artifacts/s/f", "p/f"]), [p.clone(), artifacts, None]);
    assert_eq!(of("g/a/b", &keys[..2]), [None, p.clone()]);
    for path in ["g//a", "g/a/", "/g/a", "g/../a", ""] {
        assert_eq!(of(path, &keys), vec![None; keys.len()], "{path}");
    }
    // The longer one wins, and of two of equal length the one with the literal.
    for path in ["g/shared", "g"] {
        assert_eq!(of(path, &["p/g/shared/f"])[0], fixed, "{path}");
    }
    assert_eq!(of("g/shared/x", &["p/g/shared/x/f"]), [p]);
}

#[test]
fn an_include_is_matched_with_what_follows_the_segments_of_a_template() {
    let policy = open_tiers(&[
        ("two", "r/{claims.a:2}/", ", include = '*.jpg'"),
        ("any", "p/{claims.b:*}/", ", prefix_free = true, include = '*.jpg'"),
    ])
    .unwrap();
    let claims = json!({ "a": "x/y", "b": "x/y/z" });
    assert!(download(&policy, &claims, "r/x/y/f.jpg").is_ok() && download(&policy, &claims, "p/x/y/z/f.jpg").is_ok());
    for key in ["r/x/y/z/f.jpg", "r/x/y/f.png", "p/x/y/z/z/f.jpg"] {
        assert_eq!(download(&policy, &claims, key).unwrap_err(), RefusalReason::NotIncluded, "{key}");
    }
}

#[test]
fn a_template_names_a_claim_inside_others() {
    let policy = open_tiers(&[
        ("namespace", "k/{claims./kubernetes.io/namespace}/", ""),
        ("tenant", "t/{claims.https://example.com/tenant}/", ""),
        ("user", "u/{claims./user/email}/", ""),
    ])
    .unwrap();
    let claims = json!({
        "kubernetes.io": { "namespace": "media", "pod": { "name": "p" } },
        "https://example.com/tenant": "acme",
        "user": { "email": "a@b" }, "email": "a@b", "email_verified": true,
    });
    let found = tiers(&policy, &claims, &["k/media/f", "k/p/f", "t/acme/f", "t/x/f", "u/a@b/f"]);
    let [namespace, tenant] = ["namespace", "tenant"].map(|name| Some(name.to_owned()));
    assert_eq!(found, [namespace, None, tenant, None, None]);
    let other = json!({ "namespace": "media", "kubernetes.io/namespace": "media", "kubernetes.io": { "x": { "namespace": "media" } } });
    assert_eq!(tiers(&policy, &other, &["k/media/f"]), [None]);
}

#[test]
fn prefix_free_goes_with_a_template_of_any_number_of_segments() {
    assert!(open_tiers(&[("a", "p/{claims.p:*}/", ", prefix_free = true")]).is_ok());
    assert!(open_tiers(&[("a", "p/{claims.p:2}/", ", prefix_free = false")]).is_ok());
    for (prefix, more, problem) in [
        ("p/{claims.p:*}/", "", "tier[0].prefix has a template with :*, which requires prefix_free = true"),
        ("{sub}/{claims.p:*}/", ", prefix_free = false", "tier[0].prefix has a template with :*, which requires"),
        ("p/{claims.p:2}/", ", prefix_free = true", "tier[0].prefix_free must be left out"),
        ("p/", ", prefix_free = true", "tier[0].prefix_free must be left out"),
        ("p/", ", prefix_free = 'x'", "tier[0].prefix_free must be true or false"),
    ] {
        let problems = open_tiers(&[("a", prefix, more)]).unwrap_err().to_string();
        assert!(problems.contains(problem) && problems.lines().count() == 1, "{problems}");
    }
}

#[test]
fn one_place_of_a_bucket_has_one_template() {
    let free = ", prefix_free = true";
    for (one, other, more) in [
        ("{claims.a:2}/", "{claims.a}/x/", ""),
        ("{claims.a:2}/", "{claims.a:*}/x/", free),
        ("{claims.a:2}/", "{claims.b:2}/x/", ""),
        ("x/{claims./a/b}/", "x/{claims.a/b}/y/", ""),
    ] {
        let problems = open_tiers(&[("a", one, ""), ("b", other, more)]).unwrap_err().to_string();
        assert!(
            problems.contains("tier[1].prefix has a template where another tier has a different one"),
            "{problems}"
        );
    }
    for (one, other) in [("{claims.a:2}/", "{claims./a:2}/"), ("{sub}/", "{claims./sub:1}/")] {
        let problems = open_tiers(&[("a", one, ""), ("b", other, "")]).unwrap_err().to_string();
        assert!(problems.contains("tier[1].prefix repeats the prefix of tier \"a\""), "{problems}");
    }
    assert!(open_tiers(&[("a", "{claims.a:2}/", ""), ("b", "{claims./a:2}/{claims.b}/", "")]).is_ok());
}
