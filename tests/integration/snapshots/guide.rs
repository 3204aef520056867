//! The guide that `dev` prints.

use regex::Regex;

use super::assert_unchanged_document;
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
    let mut guide: String = process.wait_for("the guide", |process| {
        let printed = process.stdout();
        printed.contains("Ctrl-C").then_some(printed)
    });
    process.signal("TERM");
    assert!(process.exit().success());
    for (changing, shown) in CHANGING {
        guide = Regex::new(changing).unwrap().replace_all(&guide, shown).into_owned();
    }
    // It has the tokens of its users, which were replaced, and says where a token goes.
    assert_unchanged_document("guide", &guide);
}
