//! What operators and clients read, word for word: help, `check`, answers, metrics, records, log lines and the tables
//! of the documents.
//!
//! Each subject has a file `snapshots/NAME.snap`. Its test fails, with the difference, when the program says something
//! else. Most tests run the built program, so that the files hold whatever becomes of the code inside it.
//!
//! A failing test never changes a snapshot. On a developer's machine it leaves `NAME.snap.new` beside it; where `CI` is
//! set it writes nothing. To accept a change that is meant, run
//!
//! ```text
//! INSTA_UPDATE=always cargo test --test integration snapshots
//! ```
//!
//! and commit the changed files, or review them one by one with `cargo insta review`.

mod check;
mod documents;
mod guide;
mod help;
mod json_lines;
mod log_lines;
mod metric_names;
mod plain_http;
mod redaction;
mod session;
mod status_text;

use std::path::Path;

use crate::support::assert_no_secrets;

/// Fails if a text of the program differs from its snapshot, or holds a secret.
fn assert_unchanged(name: &str, text: &str) {
    assert_no_secrets(name, text);
    assert_unchanged_document(name, text);
}

/// The same for texts of the documentation, which show what tokens look like.
fn assert_unchanged_document(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
