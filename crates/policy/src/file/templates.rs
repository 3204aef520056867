//! Templates in prefixes, which variables must not give.
//!
//! `{sub}` in a prefix gives each caller another prefix. Whether a prefix has a template must be visible in the file,
//! and must not depend on the environment.

use toml::de::DeTable;

use access_broker_base::document::{Document, Location, Variables};

/// Reports each prefix with a variable whose value has a brace.
pub(super) fn report_from_variables(document: &Document<'_>, text: &str, variables: &Variables) {
    let names = names_with_braces(variables);
    if names.is_empty() {
        return;
    }
    // The document has the values in place of the variables. Its text is valid TOML, or there would be no document.
    let Ok(root) = DeTable::parse(text) else { return };
    let tiers = root.get_ref().get("tier").and_then(|tiers| tiers.get_ref().as_array());
    for (index, tier) in tiers.into_iter().flat_map(|tiers| tiers.iter()).enumerate() {
        let prefix = tier.get_ref().as_table().and_then(|tier| tier.get("prefix"));
        let Some((prefix, written)) = prefix.and_then(|prefix| Some((prefix, prefix.get_ref().as_str()?))) else {
            continue;
        };
        if let Some(name) = names.iter().find(|name| has_variable(written, name)) {
            let line = text[..prefix.span().start].matches('\n').count() + 1;
            let rule = format!("must not get \"{{\" or \"}}\" from the variable {name}: write templates into the file");
            document.report(&Location::Line(line), format!("tier[{index}].prefix"), rule);
        }
    }
}

fn names_with_braces(variables: &Variables) -> Vec<&str> {
    let Variables::Listed { variables, .. } = variables else { return Vec::new() };
    let has_brace = |value: &Option<String>| value.as_ref().is_some_and(|value| value.contains(['{', '}']));
    variables.iter().filter(|(_, value)| has_brace(value)).map(|(name, _)| name.as_str()).collect()
}

/// Whether a string of the file uses a variable: `${NAME}` or `${NAME:-default}`. `$$` is a dollar.
fn has_variable(written: &str, name: &str) -> bool {
    let mut rest = written;
    while let Some(dollar) = rest.find('$') {
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some(end) = rest.strip_prefix('{').and_then(|inside| inside.strip_prefix(name))
            && (end.starts_with('}') || end.starts_with(":-"))
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_by_their_whole_name() {
        for written in ["${A}/", "x/${A}/", "${A:-b}/", "$${A}${A}", "${B}${A}", "$$$${A}$$${A}"] {
            assert!(has_variable(written, "A"), "{written}");
        }
        for written in ["", "A", "$A", "$${A}/", "${AB}/", "${B}/", "{A}", "$$$${A}"] {
            assert!(!has_variable(written, "A"), "{written}");
        }
    }
}
