//! Issuers whose tokens are never accepted, and misleading names of claims.

use url::Url;

use crate::config::Config;
use crate::config::issuer::TENANT_PLACEHOLDER;
use access_broker_base::document::{Located, Table, WarningCode};
use access_broker_identity::{AcceptedProof, IssuerSettings};
use access_broker_policy::looks_like_path;

/// The hosts of Microsoft Entra's issuers, and the domains of its issuers for customers.
const ENTRA_HOSTS: [&str; 6] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "sts.windows.net",
    "login.windows.net",
    "sts.chinacloudapi.cn",
];
const ENTRA_DOMAINS: [&str; 2] = [".ciamlogin.com", ".b2clogin.com"];

/// Placeholders for a tenant in Entra's documents. No token has them in `iss`.
const ENTRA_ALIASES: [&str; 3] = ["common", "organizations", "consumers"];

pub(super) fn find(root: &mut Table<'_>, config: &Config) {
    let takes_tokens = config.listeners.iter().any(|listener| !matches!(listener.proof, AcceptedProof::Workload(_)));
    let mut all = config.issuers.iter();
    for mut table in root.tables("issuer") {
        // A table with tenants has several issuers, which differ only by their tenant.
        let tenants = table.peek_strings("tenants").len();
        let Some(settings) = all.nth(tenants.saturating_sub(1)) else { return };
        find_placeholders(&mut table);
        find_tenant_aliases(&table, settings);
        for key in ["audience_claim", "subject_claim", "groups_claim", "scopes_claim", "required_claims"] {
            for Located { value, location } in table.peek_strings(key) {
                if looks_like_path(&value) {
                    let pointer = value.replace('.', "/");
                    let message = format!(
                        "has \"{value}\", which is the name of one claim; for a claim inside another write \"/{pointer}\""
                    );
                    table.warn(WarningCode::DottedClaim, key, &location, message);
                }
            }
        }
        if settings.trust_email && is_entra(&settings.issuer) {
            let message = "must not be set for Microsoft Entra: users and tenants can set the email to that of another \
                           person; use claims.sub or claims.oid";
            let location = table.location_of("trust_email");
            table.warn(WarningCode::ChangeableEmailTrusted, "trust_email", &location, message);
        }
        if !takes_tokens {
            let message =
                "has no effect: no listener accepts tokens; remove it, or add a [[listener]] that accepts tokens";
            table.warn(WarningCode::UnusedIssuer, "issuer", &table.location_of("issuer"), message);
        }
    }
}

fn find_placeholders(table: &mut Table<'_>) {
    let has_tenants = table.holds("tenants");
    for key in ["issuer", "audiences", "jwks_url"] {
        for Located { value, location } in table.peek_strings(key) {
            let of_tenant = has_tenants && key != "audiences";
            let value = if of_tenant { value.replace(TENANT_PLACEHOLDER, "") } else { value };
            if let Some(placeholder) = placeholder(&value) {
                // A URL can have a secret, which can have brackets.
                let shown = if key == "jwks_url" { String::new() } else { format!(" {placeholder:?}") };
                let message = format!("has a placeholder in brackets{shown}; write the value instead");
                table.warn(WarningCode::IssuerPlaceholder, key, &location, message);
            }
        }
    }
}

fn find_tenant_aliases(table: &Table<'_>, settings: &IssuerSettings) {
    let Ok(url) = Url::parse(&settings.issuer) else { return };
    let tenant = url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
    if ENTRA_HOSTS.iter().any(|host| url.host_str() == Some(host))
        && ENTRA_ALIASES.iter().any(|alias| tenant.eq_ignore_ascii_case(alias))
    {
        let message = format!(
            "has \"{tenant}\", but tokens have the id of a tenant; list the tenants: tenants = [\"ID\"], with {{tid}} in issuer"
        );
        table.warn(WarningCode::IssuerPlaceholder, "issuer", &table.location_of("issuer"), message);
    }
}

/// `{tenantid}`, `${POOL}` or `<region>`.
fn placeholder(value: &str) -> Option<&str> {
    [('{', '}'), ('<', '>')].iter().find_map(|(open, close)| {
        let begins = value.find(*open)?;
        let length = value.get(begins..)?.find(*close)?;
        value.get(begins..=begins + length).filter(|placeholder| placeholder.len() > 2)
    })
}

fn is_entra(issuer: &str) -> bool {
    let url = Url::parse(issuer).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    ENTRA_HOSTS.contains(&host) || ENTRA_DOMAINS.iter().any(|domain| host.ends_with(domain))
}
