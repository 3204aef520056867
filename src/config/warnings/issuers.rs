//! Issuers whose tokens are never accepted, and claims that are not what they seem.

use url::Url;

use crate::config::Config;
use access_broker_base::document::{Located, Table, WarningCode};
use access_broker_identity::{AcceptedProof, IssuerSettings};
use access_broker_policy::looks_like_path;

/// Where Microsoft Entra's issuers are: by host, and by the end of a host for its kinds for customers.
const ENTRA_HOSTS: [&str; 6] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "sts.windows.net",
    "login.windows.net",
    "sts.chinacloudapi.cn",
];
const ENTRA_DOMAINS: [&str; 2] = [".ciamlogin.com", ".b2clogin.com"];

/// What stands for a tenant in Entra's documents, and never in a token's `iss`.
const ENTRA_ALIASES: [&str; 3] = ["common", "organizations", "consumers"];

pub(super) fn find(root: &mut Table<'_>, config: &Config) {
    let takes_tokens = config.listeners.iter().any(|listener| !matches!(listener.proof, AcceptedProof::Workload(_)));
    for (mut table, settings) in root.tables("issuer").into_iter().zip(&config.issuers) {
        find_placeholders(&mut table);
        find_tenant_aliases(&table, settings);
        for (key, claim) in [("groups_claim", &settings.groups_claim), ("scopes_claim", &settings.scopes_claim)] {
            if looks_like_path(claim) {
                let message = format!(
                    "reads the top-level claim \"{claim}\", and not a claim inside another; let the issuer put it into \
                     a top-level claim, and name that"
                );
                table.warn(WarningCode::DottedClaim, key, &table.location_of(key), message);
            }
        }
        for Located { value, location } in table.peek_strings("required_claims") {
            if looks_like_path(&value) {
                let message = format!(
                    "requires the top-level claim \"{value}\", and not a claim inside another, so that every token is \
                     refused that has only that; name the top-level claim"
                );
                table.warn(WarningCode::DottedClaim, "required_claims", &location, message);
            }
        }
        if settings.trust_email && is_entra(&settings.issuer) {
            let message = "must not be set for Microsoft Entra: users and tenants can change the email there, and take \
                           one of another person; use claims.sub or claims.oid";
            let location = table.location_of("trust_email");
            table.warn(WarningCode::ChangeableEmailTrusted, "trust_email", &location, message);
        }
        if !takes_tokens {
            let message = "is of no use: no listener takes tokens; remove it, or add a [[listener]] that takes tokens";
            table.warn(WarningCode::UnusedIssuer, "issuer", &table.location_of("issuer"), message);
        }
    }
}

fn find_placeholders(table: &mut Table<'_>) {
    for key in ["issuer", "audiences", "jwks_url"] {
        for Located { value, location } in table.peek_strings(key) {
            if let Some(placeholder) = placeholder(&value) {
                // A URL may hold a secret, and that may have brackets.
                let shown = if key == "jwks_url" { String::new() } else { format!(" {placeholder:?}") };
                let message = format!("holds a placeholder in brackets{shown}; write the value that it stands for");
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
        let message =
            format!("names \"{tenant}\", and tokens name the id of a tenant; write an [[issuer]] for each tenant");
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
