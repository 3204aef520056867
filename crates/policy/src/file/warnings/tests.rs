//! Each kind of warning, and policies close to it that have none.

use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;

use super::*;
use crate::{BucketName, BucketProfile, CompiledPolicy, EndpointName, PolicyContext};
use access_broker_base::document::testing::{assert_none, assert_one};
use access_broker_base::document::{Variables, WarningCode};
use access_broker_identity::{
    AcceptedProof, ClaimPath, IssuerSettings, TokenProfile, TokenUses, TrustDomain, WorkloadProof, WorkloadSource,
};

const LOGIN: &str = "https://login.example";
const POOL: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A";
const CLUSTER: &str = "https://kubernetes.example";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const SPIFFE: &str = "spiffe://prod.example";

fn workload() -> WorkloadProof {
    WorkloadProof {
        trust_domain: TrustDomain::parse("mesh.example").unwrap(),
        source: WorkloadSource::ClientCertificate,
    }
}

fn oidc(issuer: &str) -> IssuerSettings {
    IssuerSettings::oidc(issuer, vec!["a".to_owned()])
}

fn cognito(token_uses: TokenUses) -> IssuerSettings {
    let profile = TokenProfile::Cognito { token_uses };
    IssuerSettings { profile, ..IssuerSettings::cognito(POOL, vec!["a".to_owned()]) }
}

/// The warnings about a policy: codes and lines.
fn warnings_of(text: &str, proofs: &[AcceptedProof], issuers: &[IssuerSettings]) -> Vec<(WarningCode, String)> {
    let name = |text: &str| EndpointName::parse(text).unwrap();
    let profile = BucketProfile::at_aws([name("default"), name("vpce")]);
    let buckets = ["media", "archive"].map(|bucket| (BucketName::parse(bucket).unwrap(), profile.clone()));
    let buckets = BTreeMap::from(buckets);
    let names: BTreeSet<String> = issuers.iter().map(|issuer| issuer.issuer.clone()).collect();
    let trust_domains = BTreeSet::from(["prod.example".to_owned(), "mesh.example".to_owned()]);
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &names,
        trust_domains: &trust_domains,
        variables: &Variables::None,
        members: None,
    };
    let outlook = CallerOutlook::new(proofs, issuers);
    let compiled = CompiledPolicy::parse("p", text, &context, &outlook);
    compiled.unwrap_or_else(|problems| panic!("{problems}")).warnings.lines().collect()
}

const TIER: &str = "[[tier]]\nname = 't'\nbucket = 'media'\nprefix = 't/'\ndownload = {}\n";

/// A grant in tier `t`, to whom `to` says, on lines 6 to 9.
fn granted(to: &str) -> String {
    format!("{TIER}[[grant]]\ntiers = 't'\noperations = 'download'\nto = {to}\n")
}

fn with_token(to: &str, issuers: &[IssuerSettings]) -> Vec<(WarningCode, String)> {
    warnings_of(&granted(to), &[AcceptedProof::Token], issuers)
}

/// The warnings about a policy for callers of an ordinary issuer.
fn plain(text: &str) -> Vec<(WarningCode, String)> {
    warnings_of(text, &[AcceptedProof::Token], &[oidc(LOGIN)])
}

#[test]
fn an_email_that_access_tokens_of_cognito_lack_gives_a_warning() {
    let to = "{ claims = { email = 'a@b.example' } }";
    let access_only = with_token(to, &[cognito(TokenUses::ACCESS)]);
    let parts = [
        "p:9: grant[0].to.claims.email cannot be met by any caller: Cognito access tokens have no claim \"email\"",
        "token_use = [\"id\"]",
    ];
    assert_one(&access_only, WarningCode::ConditionNeverHolds, &parts);
    assert_none(&with_token(to, &[cognito(TokenUses::ID)]));
    assert_none(&with_token(to, &[cognito(TokenUses::BOTH)]));
    let to = "{ issuers = 'any', claims = { email = 'a@b.example' } }";
    assert_none(&with_token(to, &[cognito(TokenUses::ACCESS), oidc(LOGIN)]));
}

#[test]
fn only_named_issuers_count() {
    let issuers = [cognito(TokenUses::ACCESS), oidc(LOGIN)];
    let to = |issuer: &str| format!("{{ issuers = '{issuer}', claims = {{ phone_number = '1' }} }}");
    assert_none(&with_token(&to(LOGIN), &issuers));
    assert_one(&with_token(&to(POOL), &issuers), WarningCode::ConditionNeverHolds, &["claims.phone_number"]);
}

#[test]
fn groups_and_scopes_that_no_issuer_gives_give_a_warning() {
    let scopes = "{ scopes = 'read' }";
    let found = with_token(scopes, &[cognito(TokenUses::ID)]);
    assert_one(&found, WarningCode::ConditionNeverHolds, &["grant[0].to.scopes", "Cognito ID tokens have no claim"]);
    assert_none(&with_token(scopes, &[cognito(TokenUses::ACCESS)]));
    let kubernetes = IssuerSettings::kubernetes(CLUSTER, vec!["a".to_owned()]);
    assert_one(&with_token(scopes, from_ref(&kubernetes)), WarningCode::ConditionNeverHolds, &["Kubernetes"]);
    let found = with_token("{ groups = 'admins' }", from_ref(&kubernetes));
    assert_one(&found, WarningCode::ConditionNeverHolds, &["\"system:serviceaccounts:NAMESPACE\" only"]);
    for group in ["system:serviceaccounts", "system:serviceaccounts:media"] {
        assert_none(&with_token(&format!("{{ groups = '{group}' }}"), from_ref(&kubernetes)));
    }
    // The name of the claim decides: an attribute of the user's that holds groups is in ID tokens alone.
    let of_attribute = |token_uses| IssuerSettings {
        groups_claims: vec![ClaimPath::parse("custom:roles").unwrap()],
        ..cognito(token_uses)
    };
    assert_none(&with_token("{ groups = 'a' }", &[of_attribute(TokenUses::ID)]));
    let found = with_token("{ groups = 'a' }", &[of_attribute(TokenUses::ACCESS)]);
    assert_one(&found, WarningCode::ConditionNeverHolds, &["custom:roles"]);
}

#[test]
fn conditions_that_no_single_token_meets_at_once_give_a_warning() {
    let to = "{ scopes = 'read', claims = { email = 'a@b.example' } }";
    let found = with_token(to, &[cognito(TokenUses::BOTH)]);
    assert_one(
        &found,
        WarningCode::ConditionNeverHolds,
        &["p:9: grant[0].to cannot be met by any caller", "no kind of caller meets all"],
    );
}

#[test]
fn a_denial_that_no_caller_meets_gives_a_warning() {
    let text = granted("{ authenticated = true }") + "[[denial]]\nto = { claims = { email = 'a@b.example' } }\n";
    let found = warnings_of(&text, &[AcceptedProof::Token], &[cognito(TokenUses::ACCESS)]);
    assert_one(&found, WarningCode::ConditionNeverHolds, &["p:11: denial[0].to.claims.email"]);
}

#[test]
fn conditions_on_tokens_where_no_listener_takes_tokens_give_a_warning() {
    let proofs = [AcceptedProof::Workload(workload())];
    for to in
        ["{ groups = 'a' }", "{ scopes = 'a' }", "{ claims = { a = 'b' } }", "{ issuers = 'https://login.example' }"]
    {
        let found = warnings_of(&granted(to), &proofs, &[oidc(LOGIN)]);
        assert_one(&found, WarningCode::ConditionNeverHolds, &["no listener accepts tokens"]);
    }
    assert_none(&warnings_of(&granted("{ trust_domains = 'mesh.example' }"), &proofs, &[]));
    // Only a JWT-SVID proves this trust domain.
    let svid = IssuerSettings::spiffe(SPIFFE, vec!["a".to_owned()]);
    let to = granted("{ trust_domains = 'prod.example' }");
    assert_one(&warnings_of(&to, &proofs, from_ref(&svid)), WarningCode::ConditionNeverHolds, &["trust_domains"]);
    assert_none(&warnings_of(&to, &[AcceptedProof::Token], &[svid]));
}

#[test]
fn a_workload_and_a_token_are_met_at_once_where_a_listener_takes_both() {
    let to = granted("{ groups = 'a', workloads = 'spiffe://mesh.example/x' }");
    let both = [AcceptedProof::TokenAndWorkload(workload())];
    assert_none(&warnings_of(&to, &both, &[oidc(LOGIN)]));
    let either = [AcceptedProof::Token, AcceptedProof::Workload(workload())];
    let found = warnings_of(&to, &either, &[oidc(LOGIN)]);
    assert_one(&found, WarningCode::ConditionNeverHolds, &["grant[0].to cannot be met by any caller"]);
}

#[test]
fn urls_that_end_with_a_token_where_there_are_none_give_a_warning() {
    let text = granted("{ authenticated = true }").replace("download = {}", "download = { end_with_token = true }");
    let found = warnings_of(&text, &[AcceptedProof::Workload(workload())], &[]);
    let parts = ["p:5: tier[0].download.end_with_token refuses every caller"];
    assert_one(&found, WarningCode::EndWithTokenWithoutTokens, &parts);
    assert_none(&plain(&text));
}

#[test]
fn prefixes_from_claims_that_no_caller_can_have_give_a_warning() {
    let text = |prefix: &str| granted("{ authenticated = true }").replace("'t/'", &format!("'{prefix}'"));
    let of = |prefix: &str, issuer: IssuerSettings| warnings_of(&text(prefix), &[AcceptedProof::Token], &[issuer]);
    let found = of("u/{claims.email}/", cognito(TokenUses::ACCESS));
    assert_one(
        &found,
        WarningCode::PrefixNeverMatches,
        &["p:7: grant[0].tiers permits nothing in tier \"t\"", "email"],
    );
    assert_one(&of("r/{claims.repository}/", oidc(GITHUB)), WarningCode::PrefixNeverMatches, &["always has a slash"]);
    let gitlab = oidc("https://gitlab.com");
    assert_one(&of("r/{claims.project_path}/", gitlab), WarningCode::PrefixNeverMatches, &["always has a slash"]);
    let svid = IssuerSettings::spiffe(SPIFFE, vec!["a".to_owned()]);
    for subject in ["{sub}", "{claims./sub:4}"] {
        let found = of(&format!("u/{subject}/"), svid.clone());
        assert_one(&found, WarningCode::PrefixNeverMatches, &["always has \"//\""]);
    }
    assert_none(&of("r/{claims.repository:2}/", oidc(GITHUB)));
    assert_none(&of("r/{claims./nested/repository}/", oidc(GITHUB)));
    assert_none(&of("r/{claims./kubernetes.io/namespace}/", IssuerSettings::kubernetes(CLUSTER, vec!["a".to_owned()])));
    let found = of("r/{claims./namespace/x}/", IssuerSettings::kubernetes(CLUSTER, vec!["a".to_owned()]));
    assert_one(&found, WarningCode::PrefixNeverMatches, &["the claim \"/namespace/x\"", "none of their tokens has it"]);
    for claim in ["{claims.email}", "{claims.repository}", "{sub}"] {
        assert_none(&of(&format!("u/{claim}/"), oidc(LOGIN)));
    }
    let workloads = warnings_of(&text("u/{sub}/"), &[AcceptedProof::Workload(workload())], &[]);
    assert_one(&workloads, WarningCode::PrefixNeverMatches, &["these callers have no token"]);
}

#[test]
fn patterns_in_literal_texts_give_a_warning() {
    for (to, setting) in [
        ("{ claims = { ref = 'refs/tags/v[0-9]*' } }", "ref has \"refs/tags/v[0-9]*\", in which only * and ** are"),
        ("{ claims = { ref = '^main$' } }", "grant[0].to.claims.ref has \"^main$\""),
        ("{ groups = ['a', 'team-?'] }", "grant[0].to.groups has \"team-?\""),
        ("{ scopes = 'v[0-9]' }", "grant[0].to.scopes"),
    ] {
        assert_one(&with_token(to, &[oidc(LOGIN)]), WarningCode::LiteralPattern, &["p:9: ", setting]);
    }
    let found = plain(&granted("{ authenticated = true }").replace("'t/'", "'tier */'"));
    assert_one(&found, WarningCode::LiteralPattern, &["p:4: tier[0].prefix", "put the pattern into include"]);
    assert_none(&plain(&granted("{ groups = ['[Team] A', 'a.b', 'https://x.example/?a'] }")));
    for pattern in ["refs/tags/*", "refs/tags/**", r"\*", r"a\\b", "*"] {
        assert_none(&plain(&granted(&format!("{{ claims = {{ ref = '{pattern}' }} }}"))));
    }
}

#[test]
fn templates_in_literal_texts_give_a_warning() {
    let found = plain(&granted("{ claims = { owner = '{sub}' } }"));
    assert_one(&found, WarningCode::LiteralTemplate, &["p:9: grant[0].to.claims.owner"]);
    assert_none(&plain(&granted("{ authenticated = true }").replace("'t/'", "'users/{sub}/'")));
}

#[test]
fn paths_to_claims_inside_others_give_a_warning() {
    let found = plain(&granted("{ claims = { 'realm_access.roles' = 'admin' } }"));
    assert_one(
        &found,
        WarningCode::DottedClaim,
        &["grant[0].to.claims.realm_access.roles is the name of one claim", "write \"/realm_access/roles\""],
    );
    let found = plain(&granted("{ authenticated = true }").replace("'t/'", "'o/{claims.app_metadata.org}/'"));
    assert_one(&found, WarningCode::DottedClaim, &["p:4: tier[0].prefix", "app_metadata.org"]);
    assert_none(&plain(&granted("{ claims = { 'https://example.com/roles' = 'a', 'oidc.example/id' = 'b' } }")));
    assert_none(&plain(&granted("{ claims = { '/realm_access/roles' = 'a', '/a.b/c' = 'b' } }")));
    for claim in ["/app_metadata/org", "https://a.b/org", "a:2"] {
        let prefix = format!("'o/{{claims.{claim}}}/'");
        assert_none(&plain(&granted("{ authenticated = true }").replace("'t/'", &prefix)));
    }
}

#[test]
fn what_no_grant_reaches_gives_a_warning() {
    assert_one(&plain(TIER), WarningCode::TierWithoutGrants, &["p:2: tier[0].name is in no grant"]);
    let text = granted("{ authenticated = true }").replace("download = {}", "download = {}\nupload = {}");
    assert_one(&plain(&text), WarningCode::OperationWithoutGrants, &["p:6: tier[0].upload is in no grant"]);
}

#[test]
fn a_grant_of_what_earlier_grants_give_gives_a_warning() {
    let more = |to: &str| format!("[[grant]]\nname = 'b'\ntiers = 't'\noperations = 'download'\nto = {to}\n");
    let two = |first: &str, second: &str| plain(&(granted(first) + &more(second)));
    let parts = ["p:10: grant[1] has no effect", "permit the same: \"grant[0]\""];
    assert_one(&two("{ authenticated = true }", "{ groups = 'a' }"), WarningCode::GrantShadowed, &parts);
    assert_one(&two("{ groups = 'a' }", "{ groups = 'a' }"), WarningCode::GrantShadowed, &parts);
    let narrower = "{ groups = ['a'], claims = { x = 'y' } }";
    assert_one(&two("{ groups = ['a', 'b'] }", narrower), WarningCode::GrantShadowed, &parts);
    // The first is the rule in the log, and the second gives more.
    assert_none(&two("{ groups = 'a' }", "{ authenticated = true }"));
    assert_none(&two("{ groups = 'a' }", "{ groups = ['a', 'b'] }"));
    assert_none(&two("{ groups = 'a' }", "{ scopes = 'a' }"));
    assert_none(&two("{ claims = { x = 'y' } }", "{ claims = { x = ['y', 'z'] } }"));
    let claim = |first: &str, second: &str| {
        let to = |values: &str| format!("{{ claims = {{ x = {values} }} }}");
        two(&to(first), &to(second))
    };
    assert_one(&claim("'a/**'", "['a/b', 'a/b/*', 'a/c:**']"), WarningCode::GrantShadowed, &parts);
    assert_one(&claim(r"['\*', 'a*']", r"['abc', '\*', 'a*']"), WarningCode::GrantShadowed, &parts);
    for (first, second) in [("'a/**'", "['a/b', 'a*']"), ("'a/b'", "'a/*'"), ("'a/*'", "'a/**'"), (r"'\*'", "'*'")] {
        assert_none(&claim(first, second));
    }
    assert_none(&two("{ claims = { x = '**' } }", "{ claims = { y = 'a' } }"));
    let parts = ["permit the same: \"grant[0]\""];
    assert_one(&two("{ claims = { '/x' = 'y' } }", "{ claims = { x = 'y' } }"), WarningCode::GrantShadowed, &parts);
    assert_none(&two("{ claims = { '/x/z' = 'y' } }", "{ claims = { x = 'y' } }"));
    let other_endpoint = more("{ groups = 'a' }") + "endpoints = 'vpce'\n";
    assert_none(&plain(&(granted("{ authenticated = true }") + &other_endpoint)));
}

#[test]
fn a_grant_with_one_new_part_is_not_shadowed() {
    let text = "tier = [{ name = 'a', bucket = 'media', prefix = 'a/', download = {}, upload = {} },\n\
                { name = 'b', bucket = 'media', prefix = 'b/', download = {} }]\n\
                [[grant]]\ntiers = ['a', 'b']\noperations = 'download'\nto = { authenticated = true }\n\
                [[grant]]\nname = 'later'\ntiers = TIERS\noperations = ['download', 'upload']\nto = { groups = 'x' }\n";
    assert_none(&plain(&text.replace("TIERS", "['a', 'b']")));
    let shadowed =
        text.replace("TIERS", "['a']") + "[[grant]]\ntiers = 'b'\noperations = 'download'\nto = { groups = 'x' }\n";
    assert_one(&plain(&shadowed), WarningCode::GrantShadowed, &["p:12: grant[2]"]);
}

#[test]
fn a_grant_of_what_is_denied_gives_a_warning() {
    let denied = |denial: &str| plain(&(granted("{ groups = 'a' }") + "[[denial]]\nname = 'no'\n" + denial));
    let parts = ["p:6: grant[0] has no effect: everything in it is denied by \"no\""];
    assert_one(&denied("to = { authenticated = true }\n"), WarningCode::GrantDenied, &parts);
    assert_one(&denied("tiers = 't'\nto = { groups = 'a' }\n"), WarningCode::GrantDenied, &parts);
    let of_claims = |denial: &str, grant: &str| {
        let granted = granted(&format!("{{ claims = {{ x = '{grant}' }} }}"));
        plain(&format!("{granted}[[denial]]\nname = 'no'\nto = {{ claims = {{ x = '{denial}' }} }}\n"))
    };
    assert_one(&of_claims("a/**", "a/b/*"), WarningCode::GrantDenied, &parts);
    assert_none(&of_claims("a/**", "a/*"));
    assert_none(&of_claims("a/b", "a/*"));
    assert_none(&denied("operations = 'upload'\nto = { authenticated = true }\n"));
    assert_none(&denied("to = { groups = ['b'] }\n"));
}

#[test]
fn pictures_with_scripts_give_a_warning() {
    let text = |download: &str, types: &str| {
        granted("{ authenticated = true }")
            .replace("download = {}", &format!("download = {download}\nupload = {{ content_types = {types} }}"))
            .replace("operations = 'download'", "operations = ['download', 'upload']")
    };
    let found = plain(&text("{}", "['image/*']"));
    assert_one(&found, WarningCode::ScriptsInPictures, &["p:6: tier[0].upload.content_types", "attachment"]);
    assert_none(&plain(&text("{ disposition = 'attachment' }", "['image/*']")));
    assert_none(&plain(&text("{}", "['image/png']")));
}

#[test]
fn without_an_outlook_no_warning_is_about_callers() {
    let buckets = BTreeMap::from([(BucketName::parse("media").unwrap(), BucketProfile::default())]);
    let (issuers, trust_domains) = (BTreeSet::new(), BTreeSet::new());
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers,
        trust_domains: &trust_domains,
        variables: &Variables::None,
        members: None,
    };
    let outlook = CallerOutlook::default();
    let compiled = CompiledPolicy::parse("p", &granted("{ groups = 'a' }"), &context, &outlook).unwrap();
    assert_eq!(compiled.warnings.count(), 0);
}

#[test]
fn grants_in_one_tier_are_compared_up_to_a_limit() {
    let grants = |count: usize| -> String {
        let grant =
            |number| format!("[[grant]]\ntiers = 't'\noperations = 'download'\nto = {{ groups = 'g{number}' }}\n");
        (0..count).chain([count - 1]).map(grant).collect()
    };
    assert_one(&plain(&(TIER.to_owned() + &grants(100))), WarningCode::GrantShadowed, &["grant[100]"]);
    // The grants before the last two are over ten million comparisons: two for each pair.
    assert_none(&plain(&(TIER.to_owned() + &grants(3_300))));
}

#[test]
fn paths_in_required_claims_give_a_warning() {
    let text =
        granted("{ authenticated = true }").replace("tiers =", "required_claims = 'realm_access.roles'\ntiers =");
    assert_one(&plain(&text), WarningCode::DottedClaim, &["grant[0].required_claims", "realm_access.roles"]);
}

/// Two lists of a hundred thousand groups would take ten thousand million comparisons.
#[test]
fn comparisons_of_rules_with_long_lists_are_bounded() {
    let groups: Vec<String> = (0..100_000).map(|number| format!("'g{number}'")).collect();
    let grant = granted(&format!("{{ groups = [{}] }}", groups.join(",")));
    let twice = format!("{grant}{}", &grant[grant.find("[[grant]]").unwrap()..]);
    let started = std::time::Instant::now();
    assert_none(&plain(&twice));
    // Without a bound it takes many minutes.
    assert!(started.elapsed() < std::time::Duration::from_mins(1), "{:?}", started.elapsed());
}

#[test]
fn a_pattern_on_the_subject_that_pull_requests_match_gives_a_warning() {
    let of = |issuer: &str, sub: &str| {
        with_token(&format!("{{ issuers = '{issuer}', claims = {{ sub = {sub} }} }}"), &[oidc(GITHUB), oidc(LOGIN)])
    };
    let parts = ["p:9: grant[0].to.claims.sub has \"repo:octo-org/app:**\", which jobs of pull requests match"];
    for issuer in [GITHUB, "any", LOGIN] {
        assert_one(
            &of(issuer, "['repo:octo-org/app:ref:**', 'repo:octo-org/app:**']"),
            WarningCode::SubjectPattern,
            &parts,
        );
    }
    assert_one(&of(GITHUB, "'**'"), WarningCode::SubjectPattern, &["grant[0].to.claims.sub has \"**\""]);
    assert_none(&of(LOGIN, "'**'"));
    assert_none(&of("any", "'**'"));
    assert_none(&of(GITHUB, "'repo:octo-org/app:ref:refs/heads/**'"));
    assert_none(&of(GITHUB, "'repo:octo-org/app:pull_request'"));
    let other_claim = format!("{{ issuers = '{GITHUB}', claims = {{ workflow = 'repo:octo-org/app:**' }} }}");
    assert_none(&with_token(&other_claim, &[oidc(GITHUB)]));
    let denial = format!("[[denial]]\nto = {{ issuers = '{GITHUB}', claims = {{ sub = 'repo:octo-org/app:**' }} }}\n");
    let text = granted("{ authenticated = true }") + &denial;
    assert_none(&warnings_of(&text, &[AcceptedProof::Token], &[oidc(GITHUB)]));
}

/// A tier `name` in `media` with this prefix and more settings, and downloads.
fn tier(name: &str, prefix: &str, more: &str) -> String {
    format!("[[tier]]\nname = '{name}'\nbucket = 'media'\nprefix = '{prefix}'\ndownload = {{}}\n{more}\n")
}

fn grant(name: &str, tiers: &str, operations: &str, to: &str) -> String {
    format!("[[grant]]\nname = '{name}'\ntiers = {tiers}\noperations = '{operations}'\nto = {to}\n")
}

fn of(parts: &[String]) -> Vec<(WarningCode, String)> {
    warnings_of(&parts.concat(), from_ref(&AcceptedProof::Token), &[oidc(LOGIN)])
}

const ANYONE: &str = "{ authenticated = true }";

#[test]
fn a_star_grants_in_every_tier() {
    let tiers = [tier("a", "a/", ""), tier("b", "b/", "upload = {}")].concat();
    assert_none(&of(&[tiers.clone(), grant("g", "'*'", "*", ANYONE)]));
    let found = of(&[tiers.clone(), grant("g", "'*'", "download", ANYONE)]);
    assert_one(&found, WarningCode::OperationWithoutGrants, &["tier[1].upload", "every upload is refused"]);
    // It makes later grants useless, and is made so by denials.
    let found = of(&[tiers.clone(), grant("g", "'*'", "*", ANYONE), grant("h", "'b'", "upload", "{ groups = 'x' }")]);
    assert_one(&found, WarningCode::GrantShadowed, &["grant[1]", "\"g\""]);
    let denial = "[[denial]]\nname = 'd'\ntiers = '*'\noperations = '*'\nto = { authenticated = true }\n".to_owned();
    let found = of(&[tiers, grant("g", "'*'", "*", ANYONE), denial]);
    assert_one(&found, WarningCode::GrantDenied, &["grant[0]", "\"d\""]);
}

#[test]
fn a_star_may_have_tiers_that_its_callers_have_no_prefix_in() {
    let tiers = [tier("a", "a/", ""), tier("own", "u/{claims.email}/", "")].concat();
    let found = |tiers_of_grant: &str| {
        let issuers = [cognito(TokenUses { id: false, access: true })];
        let text = format!("{tiers}{}", grant("g", tiers_of_grant, "download", ANYONE));
        warnings_of(&text, from_ref(&AcceptedProof::Token), &issuers)
    };
    assert_one(&found("['a', 'own']"), WarningCode::PrefixNeverMatches, &["tier \"own\""]);
    assert_none(&found("'*'"));
}

#[test]
fn a_tier_below_one_with_grants_can_inherit_them() {
    let above = [tier("a", "a/", ""), tier("b", "a/b/", "upload = {}")].concat();
    let granted = grant("g", "['a', 'b']", "*", ANYONE);
    let found = of(&[above.clone(), tier("c", "a/b/{sub}/", ""), granted.clone()]);
    let advice = "add a [[grant]], write inherit = \"b\" for the rules of that tier, or remove the tier";
    assert_one(&found, WarningCode::TierWithoutGrants, &["tier[2].name is in no grant", advice]);
    assert_none(&of(&[above.clone(), tier("c", "a/b/{sub}/", "inherit = 'b'"), granted.clone()]));
    // Not from tiers of another place, of the same prefix, or without grants.
    for (name, prefix) in [("c", "ab/"), ("c", "")] {
        let found = of(&[above.clone(), tier(name, prefix, ""), granted.clone()]);
        let advice = "every call in it is refused; add a [[grant]] or remove the tier";
        assert_one(&found, WarningCode::TierWithoutGrants, &[advice]);
    }
    let in_archive = tier("a", "", "").replace("media", "archive");
    let found = of(&[in_archive, tier("b", "a/", ""), grant("g", "'a'", "download", ANYONE)]);
    assert_one(&found, WarningCode::TierWithoutGrants, &["tier[1].name", "add a [[grant]] or remove"]);
    let same = [tier("a", "a/", "include = '*.a'"), tier("b", "a/", "include = '*.b'")].concat();
    let found = of(&[same, grant("g", "'a'", "download", ANYONE)]);
    assert_one(&found, WarningCode::TierWithoutGrants, &["tier[1].name", "add a [[grant]] or remove"]);
    let without = [tier("a", "a/", ""), tier("b", "a/b/", "")].concat();
    let found = of(&[without, tier("c", "a/b/c/", ""), grant("g", "'a'", "download", ANYONE)]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(_, line)| line.contains("inherit = \"a\"")), "{found:?}");
    // One that inherits from a tier without grants gets no such advice.
    let found = of(&[
        tier("a", "", ""),
        tier("b", "b/", ""),
        tier("c", "b/c/", "inherit = 'b'"),
        grant("g", "'a'", "download", ANYONE),
    ]);
    assert_eq!(found.iter().filter(|(_, line)| line.contains("inherit = \"a\"")).count(), 1, "{found:?}");
}

#[test]
fn inherited_rules_count_for_the_effect_of_grants() {
    let tiers = [tier("a", "a/", ""), tier("b", "a/b/", "inherit = 'a'")].concat();
    let of_a = grant("one", "'a'", "download", "{ groups = ['x', 'y'] }");
    // In `b` the own grant comes first, so the earlier one that is inherited does not make it useless.
    assert_none(&of(&[tiers.clone(), of_a.clone(), grant("two", "'b'", "download", "{ groups = 'x' }")]));
    // The own grant of `b` makes the inherited one useless there, but not in `a`.
    assert_none(&of(&[tiers.clone(), of_a.clone(), grant("two", "'b'", "download", ANYONE)]));
    let found = of(&[tiers.clone(), of_a.clone(), grant("two", "'a'", "download", "{ groups = 'x' }")]);
    assert_one(&found, WarningCode::GrantShadowed, &["grant[1]", "\"one\""]);
    // A denial of `a` comes along.
    let denial = "[[denial]]\nname = 'd'\ntiers = 'a'\nto = { groups = 'z' }\n".to_owned();
    let found = of(&[tiers, of_a, grant("two", "'b'", "download", "{ groups = 'z' }"), denial]);
    assert_one(&found, WarningCode::GrantDenied, &["grant[1]", "\"d\""]);
}

#[test]
fn tiers_that_include_the_same_keys_are_found_by_an_example() {
    let overlap = |one: &str, other: &str| {
        let tiers = [("a", one), ("b", other)].map(|(name, globs)| tier(name, "x/", &format!("include = {globs}")));
        of(&[tiers.concat(), grant("g", "'*'", "download", ANYONE)])
    };
    assert_one(
        &overlap("'*.jpg'", "['*.pdf', '**']"),
        WarningCode::TiersOverlap,
        &["p:6: tier[0].include has \"*.jpg\", and tier \"b\"", "\"x.jpg\" is in neither"],
    );
    assert_one(&overlap("'**/*.jpg'", "'a.jpg'"), WarningCode::TiersOverlap, &["tier[1].include", "tier \"a\""]);
    for (one, other) in
        [("'*.jpg'", "'*.pdf'"), ("'thumb-*'", "'*.jpg'"), ("'in/**'", "'*'"), ("['*.a', '**/*.a']", "'*.b'")]
    {
        assert_none(&overlap(one, other));
    }
    // In other prefixes and buckets are other keys.
    let tiers = [tier("a", "x/", "include = '*.jpg'"), tier("b", "y/", "include = '**'")].concat();
    assert_none(&of(&[tiers, grant("g", "'*'", "download", ANYONE)]));
    let in_archive = tier("b", "x/", "include = '**'").replace("media", "archive");
    assert_none(&of(&[tier("a", "x/", "include = '*.jpg'"), in_archive, grant("g", "'*'", "download", ANYONE)]));
    let defaults = "[[defaults]]\nbucket = 'media'\ninclude = '**'\n".to_owned();
    let tiers = [tier("a", "x/", ""), tier("b", "x/", "include = '*.b'")].concat();
    let found = of(&[defaults, tiers, grant("g", "'*'", "download", ANYONE)]);
    assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [WarningCode::TiersOverlap]);
}

#[test]
fn defaults_count_as_settings_of_the_tier() {
    let with = |defaults: &str, more: &str| {
        let defaults = format!("[[defaults]]\nbucket = 'media'\n{defaults}\n");
        let uploads = format!("[[tier]]\nname = 'a'\nbucket = 'media'\nprefix = 'a/'\n{more}\n");
        of(&[defaults, uploads, grant("g", "'*'", "*", ANYONE)])
    };
    let shows = "download = {}\nupload = {}";
    let found = with("upload = { content_types = 'image/*' }", shows);
    assert_one(&found, WarningCode::ScriptsInPictures, &["p:3: defaults[0].upload.content_types allows image/svg+xml"]);
    let images = "upload = { content_types = 'image/*' }";
    assert_none(&with(&format!("{images}\ndownload = {{ disposition = 'attachment' }}"), shows));
    assert_none(&with("download = { content_type = 'a/b' }", &format!("download = {{}}\n{images}")));
    assert_none(&with(images, "download = {}\nupload = { content_types = 'image/png' }"));
    let only_downloads = |defaults: &str| {
        let text = [
            format!("[[defaults]]\nbucket = 'media'\n{defaults}\n"),
            tier("a", "a/", ""),
            grant("g", "'*'", "download", ANYONE),
        ]
        .concat();
        warnings_of(&text, &[AcceptedProof::Workload(workload())], &[])
    };
    assert_none(&only_downloads("upload = { content_types = 'image/*', end_with_token = true }"));
    let found = only_downloads("download = { end_with_token = true }");
    assert_one(
        &found,
        WarningCode::EndWithTokenWithoutTokens,
        &["p:8: tier[0].download.end_with_token refuses every caller"],
    );
    assert_none(&only_downloads("download = { end_with_token = false }"));
}
