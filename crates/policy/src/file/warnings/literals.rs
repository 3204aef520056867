//! Patterns, templates and paths in texts that are compared literally.

use super::sketch::{ClaimSketch, LISTS, PolicySketch, RuleSketch, TierSketch};
use crate::decide::PrefixPart;
use access_broker_base::document::{Located, Location, Table, WarningCode};

pub(super) fn find(policy: &PolicySketch<'_>) {
    policy.tiers.iter().for_each(find_in_tier);
    policy.rules().for_each(find_in_rule);
}

fn find_in_tier(tier: &TierSketch<'_>) {
    let Some(Located { value, location }) = &tier.prefix else { return };
    let table = &tier.table;
    let is_pattern = |part: &PrefixPart| matches!(part, PrefixPart::Literal(text) if looks_like_pattern(text));
    if value.parts().iter().any(is_pattern) {
        let message = "has a pattern, but a prefix is compared literally; put the pattern into include";
        table.warn(WarningCode::LiteralPattern, "prefix", location, message);
    }
    for claim in tier.templates().map(|template| template.claim().to_string()).filter(|claim| looks_like_path(claim)) {
        table.warn(WarningCode::DottedClaim, "prefix", location, dotted(&claim));
    }
}

fn find_in_rule(rule: &RuleSketch<'_>) {
    let to = &rule.to;
    for Located { value, location } in rule.table.peek_strings("required_claims") {
        if looks_like_path(&value) {
            rule.table.warn(WarningCode::DottedClaim, "required_claims", &location, dotted(&value));
        }
    }
    for (key, values) in LISTS.iter().zip(&to.lists) {
        for value in values.iter().flatten() {
            find_in_value(&to.table, key, value);
        }
    }
    for ClaimSketch { name, values, .. } in &to.claims {
        if looks_like_path(name) {
            let location = values.first().map_or_else(|| to.claims_table.location(), |value| &value.location);
            to.claims_table.warn(WarningCode::DottedClaim, name, location, is_one_name(name));
        }
        for value in values {
            find_in_claim_value(&to.claims_table, name, value);
        }
    }
}

fn find_in_value(table: &Table<'_>, key: &str, Located { value, location }: &Located<String>) {
    if looks_like_pattern(value) {
        let message = format!("has {value:?}, which is compared literally and not as a pattern; list the values");
        table.warn(WarningCode::LiteralPattern, key, location, message);
    } else {
        warn_of_template(table, key, value, location);
    }
}

/// In a value of a claim, `*` is a pattern.
fn find_in_claim_value(table: &Table<'_>, key: &str, Located { value, location }: &Located<String>) {
    if looks_like_other_pattern(value) {
        let message = format!(
            "has {value:?}, in which only * and ** are a pattern, and the rest is compared literally; list the values"
        );
        table.warn(WarningCode::LiteralPattern, key, location, message);
    } else {
        warn_of_template(table, key, value, location);
    }
}

fn warn_of_template(table: &Table<'_>, key: &str, value: &str, location: &Location) {
    if let Some(advice) = template_advice(value) {
        let message = format!("has {value:?}, which is compared literally; {advice}");
        table.warn(WarningCode::LiteralTemplate, key, location, message);
    }
}

fn dotted(claim: &str) -> String {
    format!("has \"{claim}\", which {}", is_one_name(claim))
}

fn is_one_name(claim: &str) -> String {
    let path = claim.replace('.', "/");
    format!("is the name of one claim; for a claim inside another write \"/{path}\"")
}

/// Whether the name of a claim is probably a path to a claim inside another one. Names with dots that are no paths have a
/// slash or a colon, such as `https://example.com/roles`, or are `kubernetes.io`.
#[must_use]
pub fn looks_like_path(claim: &str) -> bool {
    claim.contains('.') && !claim.contains(['/', ':']) && claim != "kubernetes.io"
}

/// Whether a value is probably meant as a glob or a regular expression.
fn looks_like_pattern(value: &str) -> bool {
    value.contains('*') || looks_like_other_pattern(value)
}

/// The same without regard to `*`.
fn looks_like_other_pattern(value: &str) -> bool {
    let is_url = value.contains("://");
    (value.contains('?') && !is_url) || (value.starts_with('^') && value.ends_with('$')) || has_character_class(value)
}

/// `[0-9]`, `[!a]` or `[^a]`. Names of groups can begin with a word in brackets.
fn has_character_class(value: &str) -> bool {
    value.split('[').skip(1).filter_map(|rest| rest.split_once(']')).any(|(class, _)| {
        let bytes = class.as_bytes();
        let is_range = |part: &[u8]| matches!(part, [from, b'-', to] if from.is_ascii_alphanumeric() && to > from);
        let is_negated = class.starts_with(['!', '^']) && class.len() > 1;
        is_negated
            || (bytes.len() <= 12
                && bytes.len().is_multiple_of(3)
                && !bytes.is_empty()
                && bytes.chunks(3).all(is_range))
    })
}

/// What to do with a value that is probably meant as a template. A `${` can only come from `$${` or from a variable.
fn template_advice(value: &str) -> Option<&'static str> {
    if value.contains("${") {
        return Some("write ${NAME} for a variable, and list it in policy.variables");
    }
    let is_template = ["{sub}", "{claims."].iter().any(|template| value.contains(template));
    is_template.then_some("only the prefix of a tier can have templates")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_differ_from_names() {
        for pattern in ["refs/tags/*", "team-?", "v[0-9]", "v[a-z0-9]", "[!a]x", "^admin$", "*"] {
            assert!(looks_like_pattern(pattern), "{pattern}");
        }
        for name in ["admin", "[Team] Admins", "[a, b]", "[x-y z]", "https://example.com/?a=b", "a.b", "[]", "R&D"] {
            assert!(!looks_like_pattern(name), "{name}");
        }
    }

    #[test]
    fn paths_differ_from_names_with_dots() {
        for path in ["realm_access.roles", "app_metadata.role", "context.user.groups"] {
            assert!(looks_like_path(path), "{path}");
        }
        for name in ["groups", "https://example.com/roles", "oidc.circleci.com/project-id", "kubernetes.io", "a:b.c"] {
            assert!(!looks_like_path(name), "{name}");
        }
    }
}
