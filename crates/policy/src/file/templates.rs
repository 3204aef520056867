//! What the variables in a prefix must not change: its templates, and whether it is the whole bucket.
//!
//! `{sub}` in a prefix gives each caller another prefix, and `""` is the whole bucket. Both must be visible in the file
//! and must not depend on the environment.

/// What is in the place of a variable. No string of TOML has it unescaped, and no prefix is valid with it.
const VARIABLE: char = '\0';

/// The rule that a prefix breaks by its variables. `raw` is the string as the file has it, `prefix` with the values.
pub(super) fn broken_rule(raw: &str, prefix: &str) -> Option<&'static str> {
    let written = without_variables(raw);
    if prefix.is_empty() {
        return Some("must not become empty by a variable; write prefix = \"\" for the whole bucket");
    }
    let braces = |text: &str| text.matches(['{', '}']).count();
    if braces(prefix) != braces(&written) {
        return Some("must not get \"{\" or \"}\" from a variable: write templates into the file");
    }
    let templates = written.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    if templates.into_iter().any(|template| template.contains(VARIABLE)) {
        return Some("must not have a variable inside a template: write the name of the claim into the file");
    }
    None
}

/// The string with a mark for each variable, `$$` read as a dollar.
fn without_variables(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, from)) = rest.split_once('$') {
        text.push_str(before);
        rest = from;
        if let Some(after) = rest.strip_prefix('$') {
            text.push('$');
            rest = after;
        } else if let Some((_, after)) = rest.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
            text.push(VARIABLE);
            rest = after;
        } else {
            text.push('$');
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_the_whole_bucket_stand_in_the_file() {
        for (raw, prefix, part) in [
            ("${A}", "", "become empty"),
            ("${A}${B:-}", "", "become empty"),
            ("${A}/", "{sub}/", "must not get"),
            ("${A}sub}/", "{sub}/", "must not get"),
            ("x/${A}/", "x/a}/", "must not get"),
            ("{${A}}/", "{sub}/", "inside a template"),
            ("t/{claims.${A}}/", "t/{claims.tenant}/", "inside a template"),
            ("t/{claims.a${A:-b}}/", "t/{claims.ab}/", "inside a template"),
            ("t/{claims./a/${A}/c:2}/", "t/{claims./a/b/c:2}/", "inside a template"),
            ("t/{claims.a:${A}}/", "t/{claims.a:*}/", "inside a template"),
        ] {
            let rule = broken_rule(raw, prefix);
            assert!(rule.is_some_and(|rule| rule.contains(part)), "{raw}: {rule:?}");
        }
        for (raw, prefix) in [
            ("${A}/", "a/"),
            ("${A}/{sub}/", "a/{sub}/"),
            ("{sub}/${A}/{claims.b}/", "{sub}/a/{claims.b}/"),
            ("{claims./a/b:2}/${A}/", "{claims./a/b:2}/a/"),
            ("$${A}/${B}/", "${A}/b/"),
            ("$$/${A}$/", "$/a$/"),
        ] {
            assert_eq!(broken_rule(raw, prefix), None, "{raw}");
        }
    }
}
