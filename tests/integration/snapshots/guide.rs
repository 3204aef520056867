//! The guide that `dev` prints.

use regex::Regex;

use super::assert_unchanged;
use crate::support::start_dev;

/// What differs from start to start, by its shape.
const CHANGING: [(&str, &str); 3] = [
    (r"eyJ[\w.-]+", "<token>"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"/[^\s'\x22]*access-broker-\w+", "<directory>"),
];

#[test]
fn the_guide_of_dev_is_as_it_was() {
    let (mut process, _) = start_dev();
    let guide = process.wait_for("the guide", |process| {
        let printed = process.stdout();
        printed.matches("IssueUploadUrl").count() == 2.then_some(printed)
    });
    process.signal("TERM");
    assert!(process.exit().success());
    let guide = CHANGING
        .iter()
        .fold(guide, |text, (changing, shown)| Regex::new(changing).unwrap().replace_all(&text, *shown).into_owned());
    assert_unchanged("guide", &guide);
}
