//! The tables of the documents, which are the reference of settings, reasons, metrics and fields.

use std::fs;
use std::path::Path;

use super::assert_unchanged_document;

/// The lines of a document's tables, in order, each under the heading of its section.
fn tables(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let document = fs::read_to_string(path).unwrap();
    let (mut text, mut heading, mut told) = (String::new(), "", "");
    for line in document.lines() {
        if line.starts_with('#') {
            heading = line;
        } else if line.starts_with('|') {
            if heading != told {
                text.extend(["\n", heading, "\n\n"]);
                told = heading;
            }
            text += line;
            text.push('\n');
        }
    }
    assert!(!text.is_empty(), "{name} has no tables");
    text
}

#[test]
fn the_tables_of_the_reference_are_as_they_were() {
    for name in ["CONFIGURATION", "POLICY", "ERRORS", "OPERATIONS", "AUDIT"] {
        assert_unchanged_document(&format!("tables_{}", name.to_lowercase()), &tables(&format!("{name}.md")));
    }
}
