//! `tenants`: one `[[issuer]]` for several tenants of an identity provider, each of which is an issuer.

use url::{ParseError, Url};

use access_broker_base::document::{Located, Table};
use access_broker_identity::{IssuerSettings, KeyLocation};

/// Stands for the id of the tenant.
pub(in crate::config) const PLACEHOLDER: &str = "{tid}";

const MAX_TENANTS: usize = 100;

const MAX_TENANT_BYTES: usize = 128;

/// Reads the ids of the tenants. Without the setting there are none, and the placeholder is an ordinary text.
pub(super) fn read(table: &mut Table<'_>, issuer: Option<&Located<String>>) -> Vec<String> {
    let tenants = table
        .setting(
            "tenants",
            "The accepted tenants of a multi-tenant issuer. `{tid}` in `issuer` and `jwks_url` stands for each. See \
             [tenants](#tenants).",
        )
        .list("string")
        .limits("1 to 100, none twice; letters, digits, `.` and `-`; only for preset `oidc`; `issuer` has `{tid}` once")
        .each(|id| {
            if is_id(id) { Ok(id.to_owned()) } else { Err("must have ids of 1 to 128 letters, digits, '.' and '-'") }
        });
    let Some(tenants) = tenants else { return Vec::new() };
    let location = table.location_of("tenants");
    let given = table.peek_strings("tenants").len();
    if given == 0 || given > MAX_TENANTS {
        table.report("tenants", &location, format!("must have 1 to {MAX_TENANTS} ids"));
        return Vec::new();
    }
    let mut distinct = Vec::new();
    for Located { value, location } in tenants {
        if distinct.contains(&value) {
            table.report("tenants", &location, "must not have the same entry twice");
        } else {
            distinct.push(value);
        }
    }
    let Some(Located { value, location }) = issuer else { return distinct };
    if value.matches(PLACEHOLDER).count() != 1 {
        table.report("issuer", location, format!("must have {PLACEHOLDER} exactly once where tenants is set"));
        return Vec::new();
    }
    distinct
}

fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    // In a URL, `.` and `..` would name another folder.
    (1..=MAX_TENANT_BYTES).contains(&text.len()) && text.bytes().all(allowed) && text != "." && text != ".."
}

/// The URL for each tenant, or one without tenants.
pub(super) fn parse_urls(text: &str, tenants: &[String]) -> Result<Vec<Url>, ParseError> {
    if tenants.is_empty() {
        return Ok(vec![Url::parse(text)?]);
    }
    tenants.iter().map(|tenant| Url::parse(&text.replace(PLACEHOLDER, tenant))).collect()
}

/// The settings for each tenant, with its URL of `key_urls`, or the settings themselves without tenants.
pub(super) fn expand(settings: IssuerSettings, tenants: &[String], key_urls: &[Url]) -> Vec<IssuerSettings> {
    if tenants.is_empty() {
        return vec![settings];
    }
    let of_tenant = |(index, tenant): (usize, &String)| {
        let mut of_tenant = settings.clone();
        of_tenant.issuer = settings.issuer.replace(PLACEHOLDER, tenant);
        of_tenant.tenant = Some(tenant.clone());
        if let Some(url) = key_urls.get(index) {
            of_tenant.key_location = KeyLocation::JwksUrl(url.clone());
        }
        of_tenant
    };
    tenants.iter().enumerate().map(of_tenant).collect()
}
