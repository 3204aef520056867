//! What differs from run to run, and what stands in its place.

use std::sync::LazyLock;

use regex::Regex;

/// Patterns of values that are new in each run, wherever they stand.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r"(?m)^date: .*$", "date: <date>"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
        // The module that wrote a line of the log, which is no promise to its readers.
        (r"access_broker[a-z0-9_]*(::[a-z0-9_]+)+", "<module>"),
        (r"(?m)^(\s*(seconds|nanos)): \d+,$", "$1: <number>,"),
    ]
    .map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement))
    .into()
});

/// A text without ids, times, ports and names of modules.
pub(super) fn redacted(text: &str) -> String {
    PATTERNS
        .iter()
        .fold(text.to_owned(), |text, (pattern, replacement)| pattern.replace_all(&text, *replacement).into_owned())
}

/// A text without the version of the program.
pub(super) fn without_version(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "<version>")
}

/// What stands in the place of a JSON field's value, if it is new in each run and has no form that tells it.
pub(super) fn redacted_field(name: &str) -> Option<&'static str> {
    Some(match name {
        "caller_id" => "<pseudonym>",
        "duration_ms" => "<duration>",
        "trace_id" => "<trace>",
        _ => return None,
    })
}
