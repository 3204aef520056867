//! `[[issuer]]`: whose tokens are accepted, and under which conditions.

mod tenants;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::{ListenerSettings, key_proxy};
use access_broker_base::document::{Located, Location, Table};
use access_broker_identity::{
    Algorithm, ClaimPath, GroupsText, IssuerSettings, KEY_AGE_LIMITS, KeyLocation, KeyProxy, MAX_LEEWAY, PlainHttp,
    REFRESH_INTERVAL_LIMITS, SettingProblem, TokenProfile, TokenUses,
};

pub(super) use tenants::PLACEHOLDER as TENANT_PLACEHOLDER;

/// Sets of defaults for kinds of issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preset {
    Oidc,
    Cognito,
    Kubernetes,
    Spiffe,
}

/// Every `[[issuer]]`.
#[derive(Debug, Default)]
pub(super) struct Issuers {
    pub(super) settings: Vec<IssuerSettings>,
    /// The issuers whose keys must be available before anything is served.
    pub(super) required: BTreeSet<String>,
}

/// Reads every `[[issuer]]`. At least one is required where a listener accepts tokens.
pub(super) fn read_all(
    root: &mut Table<'_>,
    directory: &Path,
    plain_http: PlainHttp,
    listeners: &[ListenerSettings],
    key_proxy: &KeyProxy,
) -> Issuers {
    let tables = root.tables("issuer");
    if !root.holds("issuer") && listeners.iter().any(ListenerSettings::takes_tokens) {
        root.report(
            "issuer",
            &Location::Document,
            "is required, because a listener accepts tokens: configure at least one [[issuer]]",
        );
    }
    let mut names = BTreeSet::new();
    let mut issuers = Issuers::default();
    for table in tables {
        let (settings, is_required) = read(table, &mut names, directory, plain_http, key_proxy);
        if is_required {
            issuers.required.extend(settings.iter().map(|settings| settings.issuer.clone()));
        }
        issuers.settings.extend(settings);
    }
    issuers
}

/// The settings, for each tenant if there are several, and whether the issuer is required. `names` are the issuers that
/// were read before.
fn read(
    mut table: Table<'_>,
    names: &mut BTreeSet<String>,
    directory: &Path,
    plain_http: PlainHttp,
    server_key_proxy: &KeyProxy,
) -> (Vec<IssuerSettings>, bool) {
    table.describe(
        "Whose tokens are accepted. Required where a listener accepts tokens.",
        "invalid if a listener accepts tokens",
    );
    let issuer = read_issuer(&mut table);
    let tenants = tenants::read(&mut table, issuer.as_ref());
    let issuer = issuer.map(|issuer| issuer.value);
    let preset = table
        .setting("preset", "A set of defaults for a kind of issuer.")
        .choice(&[
            ("oidc", Preset::Oidc),
            ("cognito", Preset::Cognito),
            ("kubernetes", Preset::Kubernetes),
            ("spiffe", Preset::Spiffe),
        ])
        .or(Preset::Oidc);
    let audiences = table
        .setting("audiences", "The accepted audiences: one of them must be in `aud`, or in `audience_claim`.")
        .list("string")
        .limits("at least one, none empty, none twice")
        .required_because("is required, such as [\"access-broker\"]")
        .map(values);
    // What is missing or could not be read was reported, and is not reported as empty again.
    let reported = [("issuer", issuer.is_none()), ("audiences", audiences.is_none())];
    let (issuer, audiences) = (issuer.unwrap_or_default(), audiences.unwrap_or_default());
    let mut settings = match preset {
        Preset::Oidc => IssuerSettings::oidc(issuer, audiences),
        Preset::Cognito => IssuerSettings::cognito(issuer, audiences),
        Preset::Kubernetes => IssuerSettings::kubernetes(issuer, audiences),
        Preset::Spiffe => IssuerSettings::spiffe(issuer, audiences),
    };
    read_audience_claim(&mut table, &mut settings);
    settings.plain_http = plain_http;
    settings.profile = read_profile(&mut table, preset);
    if let Some(algorithms) = read_algorithms(&mut table) {
        settings.algorithms = algorithms;
    }
    let key_urls = read_keys(&mut table, directory, &tenants, &mut settings);
    settings.key_proxy = read_key_proxy(&mut table, &settings.key_location, server_key_proxy);
    read_claims(&mut table, &mut settings);
    read_times(&mut table, &mut settings);
    let is_required = table
        .setting(
            "required",
            "Health is `NOT_SERVING` while this issuer's keys are missing. See [readiness](#readiness).",
        )
        .flag()
        .or(false);
    let all = tenants::expand(settings, &tenants, &key_urls);
    report_problems(&mut table, &all, &reported);
    if !reported.contains(&("issuer", true)) {
        let repeated: Vec<bool> = all.iter().map(|settings| !names.insert(settings.issuer.clone())).collect();
        if repeated.contains(&true) {
            table.report("issuer", &table.location_of("issuer"), "repeats the issuer of another [[issuer]]");
        }
    }
    table.finish();
    (all, is_required)
}

/// Reports each rule that these settings break, once. What was `reported` as missing is not reported as empty again.
fn report_problems(table: &mut Table<'_>, all: &[IssuerSettings], reported: &[(&str, bool)]) {
    let mut problems: Vec<SettingProblem> = Vec::new();
    for settings in all {
        let found = settings.validate().err().map(|invalid| invalid.0).unwrap_or_default();
        let is_new =
            |problem: &SettingProblem| !reported.contains(&(problem.field, true)) && !problems.contains(problem);
        let found: Vec<SettingProblem> = found.into_iter().filter(is_new).collect();
        problems.extend(found);
    }
    for problem in problems {
        let setting = setting_name(problem.field);
        table.report(setting, &table.location_of(setting), problem.rule);
    }
}

/// Reads where the keys are, and what is used to fetch them. Returns the URL of the keys for each tenant, or one URL
/// without tenants, if there is a URL.
fn read_keys(table: &mut Table<'_>, directory: &Path, tenants: &[String], settings: &mut IssuerSettings) -> Vec<Url> {
    let (key_location, start_key_file, key_urls) = read_key_location(table, directory, tenants);
    let insecure_loopback = table
        .setting(
            "insecure_loopback",
            "Permits plain `http` for fetching keys from [loopback addresses](#loopback-keys).",
        )
        .flag()
        .or(false);
    let ca_file = table
        .setting(
            "jwks_ca_file",
            "The only authorities that may certify the key server, instead of the machine's. Read again at every \
             fetch.",
        )
        .path(directory)
        .limits("PEM; not with keys from `jwks_file` alone")
        .absent("the machine's authorities; the cluster's for preset kubernetes")
        .optional();
    let bearer_file = table
        .setting(
            "jwks_bearer_file",
            "A file with a bearer token for the key server. Read again at every fetch, and sent only to the origin of \
             the issuer or of `jwks_url`.",
        )
        .path(directory)
        .limits("not with keys from `jwks_file` alone")
        .absent("none; the pod's token for preset kubernetes")
        .optional();
    if let Some(key_location) = key_location {
        settings.key_location = key_location;
        // The certificate authority and the token of a pod are for the API server of its cluster only.
        (settings.key_ca_file, settings.key_bearer_file) = (None, None);
    }
    settings.start_key_file = start_key_file;
    if insecure_loopback {
        settings.plain_http = PlainHttp::OnLoopback;
    }
    if let Some(file) = ca_file {
        settings.key_ca_file = Some(file.value);
    }
    if let Some(file) = bearer_file {
        settings.key_bearer_file = Some(file.value);
    }
    key_urls
}

fn read_audience_claim(table: &mut Table<'_>, settings: &mut IssuerSettings) {
    settings.audience_claim = table
        .setting(
            "audience_claim",
            "The [claim](#names-of-claims) that must have one of `audiences`, for issuers whose tokens have no `aud`. \
             See [tokens without `aud`](#tokens-without-aud).",
        )
        .parsed("claim", ClaimPath::parse)
        .limits("only for preset `oidc`")
        .optional()
        .map(|claim| claim.value);
    settings.ignores_aud = table
        .setting("aud", "`ignored`: an `aud` for other services does not matter. `audience_claim` alone decides.")
        .choice(&[("checked", false), ("ignored", true)])
        .limits("`ignored` only with `audience_claim`")
        .or(false);
}

/// The claims of a list, if it is given. `None` also where every entry was invalid and reported, so that the list is not
/// reported as empty again.
fn given_claims(table: &Table<'_>, key: &str, claims: Option<Vec<Located<ClaimPath>>>) -> Option<Vec<ClaimPath>> {
    let claims: Vec<ClaimPath> = claims?.into_iter().map(|claim| claim.value).collect();
    (!claims.is_empty() || table.peek_strings(key).is_empty()).then_some(claims)
}

fn read_claims(table: &mut Table<'_>, settings: &mut IssuerSettings) {
    let subject_claims = table
        .setting(
            "subject_claim",
            "The [claims](#names-of-claims) that identify the caller: the first one that is not empty counts. See \
             [subjects from other claims](#subjects-from-other-claims).",
        )
        .list("claims")
        .limits("at least one, none twice; only `sub` for presets `kubernetes` and `spiffe`")
        .absent("`sub`")
        .each(ClaimPath::parse);
    if let Some(claims) = given_claims(table, "subject_claim", subject_claims) {
        settings.subject_claims = claims;
    }
    let groups_claims = table
        .setting(
            "groups_claim",
            "The [claims](#names-of-claims) with the caller's groups. Each is an array of strings, a string, or an \
             object whose member names are the groups. See [groups](#groups).",
        )
        .list("claims")
        .limits("at least one, none twice")
        .absent("`groups`; `cognito:groups` for preset cognito")
        .each(ClaimPath::parse);
    if let Some(claims) = given_claims(table, "groups_claim", groups_claims) {
        settings.groups_claims = claims;
    }
    settings.groups_text = table
        .setting(
            "groups_text",
            "How a string in `groups_claim` is read: as one group, or as several. See [groups](#groups).",
        )
        .choice(&[("one", GroupsText::One), ("spaces", GroupsText::Spaces), ("commas", GroupsText::Commas)])
        .or(settings.groups_text);
    let scopes_claims = table
        .setting(
            "scopes_claim",
            "The [claims](#names-of-claims) with the caller's scopes. Each is an array of strings, or one string with \
             spaces between the scopes.",
        )
        .list("claims")
        .limits("at least one, none twice")
        .absent("`scope`")
        .each(ClaimPath::parse);
    if let Some(claims) = given_claims(table, "scopes_claim", scopes_claims) {
        settings.scopes_claims = claims;
    }
    let required_claims = table
        .setting(
            "required_claims",
            "The [claims](#names-of-claims) that every token must have. See [claims](#algorithms-and-claims).",
        )
        .list("claims")
        .limits("none twice")
        .each(ClaimPath::parse);
    settings.required_claims = given_claims(table, "required_claims", required_claims).unwrap_or_default();
    settings.trust_email = table
        .setting(
            "trust_email",
            "Accepts every e-mail address of this issuer as verified, also without `email_verified`. Not for \
             [Microsoft Entra ID](#microsoft-entra-id).",
        )
        .flag()
        .or(false);
}

fn read_times(table: &mut Table<'_>, settings: &mut IssuerSettings) {
    settings.leeway = table
        .setting("leeway", "How far the clocks of issuer and broker may differ: for `exp`, `nbf` and `iat`.")
        .duration()
        .at_most(MAX_LEEWAY)
        .or(settings.leeway);
    let max_token_lifetime = table
        .setting("max_token_lifetime", "The longest time from `iat` to `exp`. If it is set, tokens need `iat`.")
        .duration()
        .at_least(Duration::from_secs(1))
        .absent("none; 24h for preset kubernetes")
        .optional();
    if let Some(lifetime) = max_token_lifetime {
        settings.max_token_lifetime = Some(lifetime.value);
    }
    settings.key_refresh_interval = table
        .setting(
            "key_refresh_interval",
            "The time between fetches of the keys, where the key server's `Cache-Control` gives none.",
        )
        .duration()
        .within(REFRESH_INTERVAL_LIMITS)
        .or(settings.key_refresh_interval);
    settings.max_key_age = table
        .setting("max_key_age", "How long keys may be used after the last fetch that succeeded.")
        .duration()
        .within(KEY_AGE_LIMITS)
        .or(settings.max_key_age);
}

fn read_profile(table: &mut Table<'_>, preset: Preset) -> TokenProfile {
    let access_tokens_only = read_token_type(table, preset);
    let token_uses = read_token_uses(table, preset);
    match preset {
        Preset::Oidc if access_tokens_only => TokenProfile::AccessToken,
        Preset::Oidc => TokenProfile::Oidc,
        Preset::Cognito => TokenProfile::Cognito { token_uses },
        Preset::Kubernetes => TokenProfile::Kubernetes,
        Preset::Spiffe => TokenProfile::Spiffe,
    }
}

fn read_issuer(table: &mut Table<'_>) -> Option<Located<String>> {
    table
        .setting("issuer", "`iss`, byte for byte as in the tokens. See [names of issuers](#names-of-issuers).")
        .text()
        .limits(
            "unique; 1 to 2048 bytes of visible characters; not `any`; an `https` URL where keys are found from it; \
             the SPIFFE id of a trust domain for preset `spiffe`",
        )
        .required()
}

/// The proxy for the key server: the issuer's own, or the server's. The API server of the broker's own cluster is
/// reached through the issuer's own proxy only.
fn read_key_proxy(table: &mut Table<'_>, location: &KeyLocation, server_key_proxy: &KeyProxy) -> KeyProxy {
    let own = key_proxy::read(
        table,
        "The proxy for requests to this issuer's key server. See [through a proxy](#through-a-proxy).",
        "that of the server; none for the API server of the broker's own cluster",
    );
    match (own, location) {
        (Some(Located { location, .. }), KeyLocation::JwksFile(_)) => {
            table.report("key_proxy", &location, "cannot be combined with keys from a file");
            KeyProxy::None
        }
        (Some(own), _) => own.value,
        (None, KeyLocation::KubernetesApiServer | KeyLocation::JwksFile(_)) => KeyProxy::None,
        (None, _) => server_key_proxy.clone(),
    }
}

/// The setting that fills a field of [`IssuerSettings`].
fn setting_name(field: &'static str) -> &'static str {
    match field {
        "profile" => "token_use",
        "key_location" => "jwks_url",
        "start_key_file" => "jwks_file",
        "key_ca_file" => "jwks_ca_file",
        "key_bearer_file" => "jwks_bearer_file",
        "ignores_aud" => "aud",
        "subject_claims" => "subject_claim",
        "groups_claims" => "groups_claim",
        "scopes_claims" => "scopes_claim",
        "tenant" => "tenants",
        other => other,
    }
}

fn read_token_uses(table: &mut Table<'_>, preset: Preset) -> TokenUses {
    let uses = table
        .setting("token_use", "The accepted kinds of Cognito tokens, by their claim `token_use`.")
        .list("string")
        .limits("`id`, `access`; only for preset `cognito`")
        .absent("`id` and `access`")
        .each(|name| match name {
            "id" => Ok(TokenUses::ID),
            "access" => Ok(TokenUses::ACCESS),
            _ => Err("must be \"id\", \"access\" or both"),
        });
    let Some(uses) = uses else { return TokenUses::BOTH };
    if preset != Preset::Cognito {
        table.report("token_use", &table.location_of("token_use"), "applies only when preset = \"cognito\"");
        return TokenUses::BOTH;
    }
    TokenUses { id: uses.iter().any(|uses| uses.value.id), access: uses.iter().any(|uses| uses.value.access) }
}

/// Whether only access tokens by RFC 9068 are accepted.
fn read_token_type(table: &mut Table<'_>, preset: Preset) -> bool {
    let access_tokens_only = table
        .setting(
            "token_type",
            "`at+jwt` accepts only access tokens by RFC 9068: `typ` must be `at+jwt`, and `client_id`, `iat` and `jti` \
             are required.",
        )
        .choice(&[("any", false), ("at+jwt", true)])
        .limits("`at+jwt` only for preset `oidc`")
        .or(false);
    if access_tokens_only && preset != Preset::Oidc {
        table.report("token_type", &table.location_of("token_type"), "can be \"at+jwt\" only when preset = \"oidc\"");
    }
    access_tokens_only
}

fn read_algorithms(table: &mut Table<'_>) -> Option<Vec<Algorithm>> {
    let names = table
        .setting("algorithms", "The accepted signature algorithms. `EdDSA` and `Ed25519` name the same algorithm.")
        .list("string")
        .limits(
            "`RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `EdDSA`, `Ed25519`; at least one, \
             none twice",
        )
        .absent("`RS256`; also ES256 and ES384 for preset spiffe")
        .each(|name| {
            Algorithm::parse(name).map(|algorithm| (name.to_owned(), algorithm)).ok_or_else(|| unknown(name))
        })?;
    // All names were invalid and reported: the list is not reported as empty again.
    if names.is_empty() && !table.peek_strings("algorithms").is_empty() {
        return None;
    }
    let mut algorithms: Vec<(String, Algorithm)> = Vec::new();
    for Located { value: (name, algorithm), .. } in names {
        // "EdDSA" and "Ed25519" are two names of one algorithm, and can both be listed.
        if !algorithms.iter().any(|(other_name, other)| *other == algorithm && *other_name != name) {
            algorithms.push((name, algorithm));
        }
    }
    Some(algorithms.into_iter().map(|(_, algorithm)| algorithm).collect())
}

fn unknown(name: &str) -> String {
    if name == Algorithm::NOT_YET {
        return format!("has algorithm {name:?}, which this version does not support");
    }
    let known: Vec<&str> = Algorithm::ALL.into_iter().map(Algorithm::name).collect();
    format!("has invalid algorithm {name:?}; must be {} or Ed25519", known.join(", "))
}

/// Where the keys are, if not at the preset's place, the file with the first keys, and the URL for each tenant.
fn read_key_location(
    table: &mut Table<'_>,
    directory: &Path,
    tenants: &[String],
) -> (Option<KeyLocation>, Option<PathBuf>, Vec<Url>) {
    let urls = table
        .setting("jwks_url", "The URL of the keys.")
        .parsed("URL", |text| tenants::parse_urls(text, tenants).map_err(|_| "must be a URL"))
        .limits("`https`")
        .absent("[by preset](#where-the-keys-come-from)")
        .optional();
    let file = table
        .setting(
            "jwks_file",
            "A file with the keys, read again at every refresh. Together with `jwks_url`: the keys to use until the \
             first fetch succeeds.",
        )
        .path(directory)
        .limits("a regular file")
        .absent("[by preset](#where-the-keys-come-from)")
        .optional()
        .map(|file| file.value);
    let urls = urls.map(|urls| urls.value).unwrap_or_default();
    match urls.first().cloned() {
        Some(url) => (Some(KeyLocation::JwksUrl(url)), file, urls),
        // The keys are at a URL that is invalid and was reported.
        None if table.holds("jwks_url") => (None, None, urls),
        None => (file.map(KeyLocation::JwksFile), None, urls),
    }
}

fn values(list: Vec<Located<String>>) -> Vec<String> {
    list.into_iter().map(|item| item.value).collect()
}
