//! The groups and scopes of a caller.

use serde_json::Value;

use crate::caller::Names;
use crate::claim_path::ClaimPath;
use crate::claim_set::{Claim, ClaimSet, listed_names};
use crate::issuer::{GroupsText, IssuerSettings};
use crate::rejection::Rejection;
use crate::token::SignedClaims;

/// The groups in all claims that the settings name.
pub(super) fn groups(claims: &SignedClaims, set: &ClaimSet, settings: &IssuerSettings) -> Result<Names, Rejection> {
    let mut listed: Vec<Box<str>> = Vec::new();
    for path in &settings.groups_claims {
        match readable(claims, set, path, Rejection::GroupsMalformed)? {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => {
                let groups: Vec<&str> = split(text, settings.groups_text).collect();
                // What has brackets or quotes inside is another form of list, with other groups than these.
                let is_other_form = |group: &&str| group.contains(['[', ']', '"']);
                if settings.groups_text == GroupsText::Commas && groups.iter().any(is_other_form) {
                    return Err(Rejection::GroupsMalformed);
                }
                listed.extend(groups.into_iter().map(Into::into));
            }
            Some(Value::Object(members)) => {
                let names = listed_names(members).ok_or(Rejection::GroupsMalformed)?;
                listed.extend(names.into_iter().map(Into::into));
            }
            Some(other) => listed.extend(strings(other).ok_or(Rejection::GroupsMalformed)?),
        }
    }
    Ok(Names { listed: listed.into(), elsewhere: is_any_elsewhere(set, &settings.groups_claims) })
}

/// The scopes in all claims that the settings name.
pub(super) fn scopes(claims: &SignedClaims, set: &ClaimSet, settings: &IssuerSettings) -> Result<Names, Rejection> {
    let mut listed: Vec<Box<str>> = Vec::new();
    for path in &settings.scopes_claims {
        match readable(claims, set, path, Rejection::ScopesMalformed)? {
            None | Some(Value::Null) => {}
            Some(Value::String(scopes)) => listed.extend(scopes.split_ascii_whitespace().map(Into::into)),
            Some(other) => listed.extend(strings(other).ok_or(Rejection::ScopesMalformed)?),
        }
    }
    Ok(Names { listed: listed.into(), elsewhere: is_any_elsewhere(set, &settings.scopes_claims) })
}

/// The claim at a path, if there is one. Malformed if the token has something else on the way than an object, or an
/// address that the issuer has not verified: it is unknown which names are the caller's, and a denial by one of them must
/// not be void.
fn readable<'c>(
    claims: &'c SignedClaims,
    set: &ClaimSet,
    path: &ClaimPath,
    malformed: Rejection,
) -> Result<Option<&'c Value>, Rejection> {
    let is_unverified = set.find(path).is_some_and(|claim| !claim.is_verified());
    if is_unverified || claims.has_other_than_objects_before(path) { Err(malformed) } else { Ok(claims.find(path)) }
}

fn is_any_elsewhere(set: &ClaimSet, paths: &[ClaimPath]) -> bool {
    paths.iter().any(|path| set.find(path).is_some_and(Claim::is_elsewhere))
}

/// The groups in one string.
fn split(text: &str, form: GroupsText) -> Box<dyn Iterator<Item = &str> + '_> {
    match form {
        GroupsText::One => Box::new(std::iter::once(text)),
        GroupsText::Spaces => Box::new(text.split_ascii_whitespace()),
        GroupsText::Commas => {
            let text = text.trim();
            let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
            Box::new(inner.split(',').map(str::trim).filter(|group| !group.is_empty()))
        }
    }
}

fn strings(value: &Value) -> Option<Vec<Box<str>>> {
    value.as_array()?.iter().map(|item| item.as_str().map(Into::into)).collect()
}
