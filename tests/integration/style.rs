//! The rules of docs/STYLE.md that a program can check, and the table of log messages in docs/LOGGING.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use regex::{Regex, RegexBuilder};

const LOGGING: &str = "docs/LOGGING.md";

/// The generated table is between these lines.
const MESSAGES_BEGIN: &str =
    "<!-- messages: begin (UPDATE_DOCUMENTS=1 cargo test --test integration style writes this table) -->\n";
const MESSAGES_END: &str = "<!-- messages: end -->";

/// The macros that log, the most severe first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// A warning or an error has one of these words, so that a search finds it.
const FAILURE_WORDS: &str = r"\b(expired|timed out|refused|unavailable|limits?|invalid|failed)\b";

/// The folders with texts of the product. The documents in the root of the sources are such texts as well.
const TEXTS: [&str; 6] = ["src", "crates", "docs", "proto", "samples", "deploy"];

/// Phrases that none of these texts has. A blank also matches a line break, with the comment marker after it.
const REFUSED_PHRASES: [&str; 8] = [
    "cannot be had",
    "that (is|are) (not one|none)",
    "came of",
    "came to nothing",
    "must stand beside",
    "whoever",
    "nobody",
    "has the same end",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a path, in order. Hidden files and build folders are left out.
fn files_below(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        !name.starts_with('.') && name != "target"
    });
    entries.sort();
    entries.iter().flat_map(|path| files_below(path)).collect()
}

/// The path below the root of the sources.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The sources that the program is built from, without those of tests.
fn program_sources() -> Vec<PathBuf> {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path().join("src"));
    let mut folders: Vec<PathBuf> = crates.chain([root().join("src")]).collect();
    folders.sort();
    let is_program = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ending == "rs")
            && !path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
    };
    folders.iter().flat_map(|folder| files_below(folder)).filter(is_program).collect()
}

/// The path of the module in a source file, as log lines have it in `target`.
fn module_of(path: &Path) -> String {
    let path = shown(path);
    let (name, inside) = match path.strip_prefix("crates/") {
        Some(member) => {
            let (member, inside) = member.split_once("/src/").unwrap();
            (format!("access_broker_{member}"), inside)
        }
        None => ("access_broker".to_owned(), path.strip_prefix("src/").unwrap()),
    };
    match inside.strip_suffix(".rs").unwrap() {
        "lib" | "main" => name,
        inside => format!("{name}::{}", inside.replace('/', "::")),
    }
}

/// One event macro.
#[derive(Debug)]
struct Event {
    level: usize,
    /// `None` if it is not one literal.
    message: Option<String>,
    fields: Vec<String>,
    /// Whether a field is written in the form for debugging.
    has_debug_form: bool,
    target: String,
    place: String,
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// Whether an attribute's content is a condition that only tests meet.
fn is_for_tests(attribute: &TokenStream) -> bool {
    let text = attribute.to_string();
    let mut words = text.split(|character: char| !character.is_alphanumeric());
    text.starts_with("cfg") && words.any(|word| word == "test") && !text.contains("not")
}

/// The events in some tokens, without those of tests.
fn events(tokens: TokenStream, file: &Path, found: &mut Vec<Event>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        index += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.get(index)
                    && is_for_tests(&attribute.stream())
                {
                    index += 1;
                    // To the end of the item.
                    while let Some(token) = tokens.get(index) {
                        index += 1;
                        let is_body = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
                        if is_body || is_punct(Some(token), ';') {
                            break;
                        }
                    }
                }
            }
            TokenTree::Ident(name) if is_punct(tokens.get(index), '!') => {
                let level = LEVELS.iter().position(|level| name == level);
                if let (Some(level), Some(TokenTree::Group(arguments))) = (level, tokens.get(index + 1)) {
                    let place = format!("{}:{}", shown(file), name.span().start().line);
                    found.push(event(level, &arguments.stream(), module_of(file), place));
                }
            }
            TokenTree::Group(group) => events(group.stream(), file, found),
            _ => {}
        }
    }
}

/// Reads the arguments of an event macro.
fn event(level: usize, arguments: &TokenStream, module: String, place: String) -> Event {
    let mut event = Event { level, message: None, fields: Vec::new(), has_debug_form: false, target: module, place };
    let tokens: Vec<TokenTree> = arguments.clone().into_iter().collect();
    let mut after_message = false;
    for argument in tokens.split(|token| is_punct(Some(token), ',')).filter(|argument| !argument.is_empty()) {
        if after_message {
            // Arguments of a message that is a format.
            event.message = None;
            break;
        }
        let is_assignment = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '=' && punct.spacing() == Spacing::Alone);
        let assignment = argument.iter().position(is_assignment);
        let is_option = matches!(argument.get(1), Some(TokenTree::Punct(punct))
            if punct.as_char() == ':' && punct.spacing() == Spacing::Alone);
        match (&argument[0], assignment) {
            (TokenTree::Ident(name), _) if is_option => {
                if name == "target" {
                    event.target = literal(&argument[2]).unwrap();
                }
            }
            (first @ TokenTree::Literal(_), None) => {
                event.message = literal(first).filter(|_| argument.len() == 1);
                after_message = true;
            }
            (_, assignment) => {
                let name = &argument[..assignment.unwrap_or(argument.len())];
                let value = assignment.map_or(argument, |assignment| &argument[assignment + 1..]);
                event.has_debug_form |= is_punct(value.first(), '?');
                let name: String = name.iter().map(ToString::to_string).collect();
                event.fields.push(name.trim_matches(['%', '?', '"']).replace("r#", ""));
            }
        }
    }
    event
}

/// The text of a string literal.
fn literal(token: &TokenTree) -> Option<String> {
    let source = token.to_string();
    let inner = source.strip_prefix('"')?.strip_suffix('"')?;
    let mut lines = inner.split("\\\n");
    let first = lines.next()?.to_owned();
    let joined = lines.fold(first, |text, line| text + line.trim_start());
    Some(joined.replace("\\\"", "\"").replace("\\\\", "\\"))
}

fn all_events() -> Vec<Event> {
    let mut found = Vec::new();
    for path in program_sources() {
        let text = fs::read_to_string(&path).unwrap();
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        events(tokens, &path, &mut found);
    }
    assert!(found.len() > 50, "the reader of sources finds {} events", found.len());
    found
}

#[test]
fn a_log_message_is_a_constant_that_can_be_searched_for() {
    let failure_words = Regex::new(FAILURE_WORDS).unwrap();
    let mut problems = Vec::new();
    for event in all_events() {
        let place = &event.place;
        if event.has_debug_form {
            problems.push(format!("{place}: a field has the form for debugging"));
        }
        let Some(message) = &event.message else {
            problems.push(format!("{place}: the message is not one string literal"));
            continue;
        };
        // Abbreviations such as TLS are the exception.
        let first_word = message.split(' ').next().unwrap_or_default();
        if !first_word.chars().any(char::is_lowercase) && first_word.len() < 2
            || first_word.starts_with(char::is_uppercase) && first_word.chars().any(char::is_lowercase)
        {
            problems.push(format!("{place}: {message:?} does not begin in lower case"));
        }
        if message.contains(['{', '}']) {
            problems.push(format!("{place}: {message:?} has a placeholder: put the value in a field"));
        }
        if event.level < 2 && !failure_words.is_match(message) {
            problems.push(format!("{place}: {message:?} has none of the words of rule 4"));
        }
    }
    assert!(problems.is_empty(), "see docs/STYLE.md:\n{}", problems.join("\n"));
}

fn table_of_messages() -> String {
    let mut rows = BTreeSet::new();
    for Event { level, message, fields, target, .. } in all_events() {
        let message = message.unwrap_or_default();
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        rows.insert((level, message, fields.join(", "), target));
    }
    let row = |(level, message, fields, target): &(usize, String, String, String)| {
        format!("| {} | {message} | {fields} | `{target}` |\n", LEVELS[*level].to_uppercase())
    };
    let rows: String = rows.iter().map(row).collect();
    format!("| level | message | fields | target |\n|---|---|---|---|\n{rows}")
}

#[test]
fn the_table_of_log_messages_is_the_programs() {
    let path = root().join(LOGGING);
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(MESSAGES_BEGIN).unwrap();
    let (written, after) = rest.split_once(MESSAGES_END).unwrap();
    let table = table_of_messages();
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(path, [before, MESSAGES_BEGIN, &table, MESSAGES_END, after].concat()).unwrap();
        return;
    }
    assert_eq!(written, table, "UPDATE_DOCUMENTS=1 writes the table");
}

/// Finds the phrases, also where one is broken over two lines of a comment or a document.
static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let spaced = REFUSED_PHRASES.join("|").replace(' ', r"\s+(?:(?://[/!]?|#|>|\*)\s+)?");
    RegexBuilder::new(&format!(r"\b(?:{spaced})\b")).case_insensitive(true).build().unwrap()
});

/// The refused phrases in a text, each with its line.
fn refused_phrases(text: &str) -> Vec<(usize, String)> {
    let line = |offset: usize| text[..offset].matches('\n').count() + 1;
    PATTERN.find_iter(text).map(|found| (line(found.start()), found.as_str().replace('\n', " "))).collect()
}

#[test]
fn no_text_of_the_product_has_a_refused_phrase() {
    let in_root = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let documents = in_root.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let texts = TEXTS.iter().flat_map(|folder| files_below(&root().join(folder))).chain(documents);
    let mut problems = Vec::new();
    for path in texts {
        // Binary files have no sentences.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        problems.extend(
            refused_phrases(&text).into_iter().map(|(line, phrase)| format!("{}:{line}: {phrase}", shown(&path))),
        );
    }
    assert!(problems.is_empty(), "see docs/STYLE.md:\n{}", problems.join("\n"));
}

#[test]
fn a_phrase_is_found_in_any_case_and_across_the_lines_of_a_comment() {
    assert_eq!(refused_phrases("a key\n/// that is\n/// not one"), [(2, "that is /// not one".to_owned())]);
    assert_eq!(refused_phrases("# Nobody\nwaits"), [(1, "Nobody".to_owned())]);
    assert_eq!(refused_phrases("* what came\n  of it"), [(1, "came   of".to_owned())]);
    assert_eq!(refused_phrases("that is not ones own"), []);
}

#[test]
fn events_are_read_with_their_fields_and_those_of_tests_are_left_out() {
    let source = r#"
        fn run() {
            tracing::warn!(target: "access", %error, name = first.second, "reading \
                failed");
            tracing::info!(count = ?3, "read {count}", count);
        }
        #[cfg(test)]
        mod tests { fn run() { tracing::error!("in a test"); } }
        #[cfg(not(test))]
        fn other() { tracing::debug!("last") }
    "#;
    let mut found = Vec::new();
    events(source.parse().unwrap(), &root().join("src/a/b.rs"), &mut found);
    let read: Vec<_> = found
        .iter()
        .map(|event| (event.level, event.message.as_deref(), event.fields.join(" "), event.target.as_str()))
        .collect();
    assert_eq!(
        read,
        [
            (1, Some("reading failed"), "error name".to_owned(), "access"),
            (2, None, "count".to_owned(), "access_broker::a::b"),
            (3, Some("last"), String::new(), "access_broker::a::b"),
        ]
    );
    assert_eq!(found.iter().map(|event| event.has_debug_form).collect::<Vec<_>>(), [false, true, false]);
}
