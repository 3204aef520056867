//! `[[issuer]]`: whose tokens are accepted, and under which conditions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use url::Url;

use super::{ListenerSettings, key_proxy};
use access_broker_base::document::{Located, Location, Table};
use access_broker_identity::{Algorithm, IssuerSettings, KeyLocation, KeyProxy, PlainHttp, TokenProfile, TokenUses};

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
    /// Those without whose keys nothing is served.
    pub(super) required: BTreeSet<String>,
}

/// Reads every `[[issuer]]`. There must be one where a listener takes tokens.
pub(super) fn read_all(
    root: &mut Table<'_>,
    folder: &Path,
    plain_http: PlainHttp,
    listeners: &[ListenerSettings],
    key_proxy: &KeyProxy,
) -> Issuers {
    let tables = root.tables("issuer");
    if !root.holds("issuer") && listeners.iter().any(ListenerSettings::takes_tokens) {
        root.report(
            "issuer",
            &Location::Document,
            "must be given at least once as [[issuer]], because a listener takes tokens",
        );
    }
    let mut names = BTreeSet::new();
    let mut issuers = Issuers::default();
    for mut table in tables {
        let issuer = table.required_string("issuer");
        if let Some(Located { value, location }) = &issuer
            && !names.insert(value.clone())
        {
            table.report("issuer", location, "is the URL of another issuer already");
        }
        let required = table.boolean("required").is_some_and(|flag| flag.value);
        let settings = read(table, issuer.map(|issuer| issuer.value), folder, plain_http, key_proxy);
        if required {
            issuers.required.insert(settings.issuer.clone());
        }
        issuers.settings.push(settings);
    }
    issuers
}

fn read(
    mut table: Table<'_>,
    issuer: Option<String>,
    folder: &Path,
    plain_http: PlainHttp,
    key_proxy: &KeyProxy,
) -> IssuerSettings {
    let issuer_is_known = issuer.is_some();
    let issuer = issuer.unwrap_or_default();
    let presets = [
        ("oidc", Preset::Oidc),
        ("cognito", Preset::Cognito),
        ("kubernetes", Preset::Kubernetes),
        ("spiffe", Preset::Spiffe),
    ];
    let preset = table.one_of("preset", &presets).unwrap_or(Preset::Oidc);
    let audiences = values(table.strings("audiences")).unwrap_or_default();
    let defaults = match preset {
        Preset::Oidc => IssuerSettings::oidc(issuer, audiences),
        Preset::Cognito => IssuerSettings::cognito(issuer, audiences),
        Preset::Kubernetes => IssuerSettings::kubernetes(issuer, audiences),
        Preset::Spiffe => IssuerSettings::spiffe(issuer, audiences),
    };
    let (key_location, start_key_file) = read_key_location(&mut table, folder);
    let insecure_loopback = table.boolean("insecure_loopback").is_some_and(|allowed| allowed.value);
    // What opens the way to a pod's API server is of no use elsewhere, and its token none of anybody's business.
    let elsewhere = key_location.is_some();
    let way_in = |default: Option<PathBuf>| if elsewhere { None } else { default };
    let path = |table: &mut Table<'_>, key| table.path_in(folder, key).map(|file| file.value);
    let key_location = key_location.unwrap_or(defaults.key_location);
    let settings = IssuerSettings {
        key_proxy: read_key_proxy(&mut table, &key_location, key_proxy),
        profile: read_profile(&mut table, preset),
        algorithms: read_algorithms(&mut table).unwrap_or(defaults.algorithms),
        key_location,
        start_key_file,
        plain_http: if insecure_loopback { PlainHttp::OnLoopback } else { plain_http },
        key_ca_file: path(&mut table, "jwks_ca_file").or_else(|| way_in(defaults.key_ca_file)),
        key_bearer_file: path(&mut table, "jwks_bearer_file").or_else(|| way_in(defaults.key_bearer_file)),
        groups_claim: table.string("groups_claim").map_or(defaults.groups_claim, |claim| claim.value),
        scopes_claim: table.string("scopes_claim").map_or(defaults.scopes_claim, |claim| claim.value),
        required_claims: values(table.strings("required_claims")).unwrap_or_default(),
        leeway: table.duration("leeway").map_or(defaults.leeway, |leeway| leeway.value),
        max_token_lifetime: table
            .duration("max_token_lifetime")
            .map_or(defaults.max_token_lifetime, |lifetime| Some(lifetime.value)),
        trust_email: table.boolean("trust_email").is_some_and(|trust| trust.value),
        key_refresh_interval: table
            .duration("key_refresh_interval")
            .map_or(defaults.key_refresh_interval, |interval| interval.value),
        file_settle: defaults.file_settle,
        max_key_age: table.duration("max_key_age").map_or(defaults.max_key_age, |age| age.value),
        issuer: defaults.issuer,
        audiences: defaults.audiences,
    };
    if let Err(invalid) = settings.validate() {
        // An issuer that could not be read was reported, and is not empty on top of that.
        for problem in invalid.0.into_iter().filter(|problem| issuer_is_known || problem.field != "issuer") {
            let setting = setting_name(problem.field);
            table.report(setting, &table.location_of(setting), problem.rule);
        }
    }
    table.finish();
    settings
}

/// The proxy on the way to the keys: the issuer's own, or that of all. The API server of the own cluster is reached
/// through none that is not the issuer's own.
fn read_key_proxy(table: &mut Table<'_>, location: &KeyLocation, of_all: &KeyProxy) -> KeyProxy {
    let own = key_proxy::read(table);
    match (own, location) {
        (Some(_), KeyLocation::JwksFile(_)) => {
            let rule = "must not be given where keys come from a file";
            table.report("key_proxy", &table.location_of("key_proxy"), rule);
            KeyProxy::None
        }
        (Some(own), _) => own,
        (None, KeyLocation::KubernetesApiServer | KeyLocation::JwksFile(_)) => KeyProxy::None,
        (None, _) => of_all.clone(),
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
        other => other,
    }
}

fn read_profile(table: &mut Table<'_>, preset: Preset) -> TokenProfile {
    let token_uses = read_token_uses(table, preset);
    let access_tokens_only = read_token_type(table, preset);
    match preset {
        Preset::Oidc if access_tokens_only => TokenProfile::AccessToken,
        Preset::Oidc => TokenProfile::Oidc,
        Preset::Cognito => TokenProfile::Cognito { token_uses },
        Preset::Kubernetes => TokenProfile::Kubernetes,
        Preset::Spiffe => TokenProfile::Spiffe,
    }
}

fn read_token_uses(table: &mut Table<'_>, preset: Preset) -> TokenUses {
    let Some(uses) = table.strings("token_use") else { return TokenUses::BOTH };
    if preset != Preset::Cognito {
        table.report("token_use", &table.location_of("token_use"), "belongs to preset \"cognito\" only");
        return TokenUses::BOTH;
    }
    for Located { value, location } in uses.iter().filter(|used| !matches!(used.value.as_str(), "id" | "access")) {
        table.report("token_use", location, format!("holds {value:?}; there are \"id\" and \"access\""));
    }
    let named = |name: &str| uses.iter().any(|used| used.value == name);
    TokenUses { id: named("id"), access: named("access") }
}

/// Whether only access tokens by RFC 9068 are accepted.
fn read_token_type(table: &mut Table<'_>, preset: Preset) -> bool {
    let access_tokens_only = table.one_of("token_type", &[("any", false), ("at+jwt", true)]).unwrap_or(false);
    if access_tokens_only && preset != Preset::Oidc {
        table.report("token_type", &table.location_of("token_type"), "may be \"at+jwt\" for preset \"oidc\" only");
    }
    access_tokens_only
}

fn read_algorithms(table: &mut Table<'_>) -> Option<Vec<Algorithm>> {
    let names = table.strings("algorithms")?;
    let count = names.len();
    let mut algorithms: Vec<(String, Algorithm)> = Vec::new();
    for Located { value, location } in names {
        match Algorithm::parse(&value) {
            // "EdDSA" and "Ed25519" are two names of one algorithm, and may stand beside each other.
            Some(algorithm) if algorithms.iter().any(|(name, other)| *other == algorithm && *name != value) => {}
            Some(algorithm) => algorithms.push((value, algorithm)),
            None if value == Algorithm::NOT_YET => {
                table.report("algorithms", &location, "holds \"ES512\", which this version cannot verify yet");
            }
            None => {
                let known: Vec<&str> = Algorithm::ALL.into_iter().map(Algorithm::name).collect();
                let known = known.join(", ");
                let rule = format!("holds {value:?}, which is no accepted algorithm; there are {known} and Ed25519");
                table.report("algorithms", &location, rule);
            }
        }
    }
    // Where only wrong names were given, that was reported; the list is not empty on top of it.
    let only_wrong_names = algorithms.is_empty() && count > 0;
    (!only_wrong_names).then(|| algorithms.into_iter().map(|(_, algorithm)| algorithm).collect())
}

/// Where the keys are, unless the preset says, and the file to start with.
fn read_key_location(table: &mut Table<'_>, folder: &Path) -> (Option<KeyLocation>, Option<PathBuf>) {
    let url = table.string("jwks_url");
    let file = table.path_in(folder, "jwks_file").map(|file| file.value);
    let Some(Located { value, location }) = url else {
        return (file.map(KeyLocation::JwksFile), None);
    };
    match Url::parse(&value) {
        Ok(url) => (Some(KeyLocation::JwksUrl(url)), file),
        Err(_) => {
            table.report("jwks_url", &location, "must be a URL");
            (None, None)
        }
    }
}

fn values(list: Option<Vec<Located<String>>>) -> Option<Vec<String>> {
    list.map(|list| list.into_iter().map(|item| item.value).collect())
}
