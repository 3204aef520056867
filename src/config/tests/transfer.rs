//! Settings about transfers.

use super::*;

fn problems_of(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_time_of_a_head_request_is_bounded() {
    assert_eq!(parse(GOOD).unwrap().server.s3_timeout, Duration::from_secs(5));
    for timeout in ["0s", "31s"] {
        let text = format!("server.s3_timeout = \"{timeout}\"\n{GOOD}");
        assert!(problems_of(&text).contains("server.s3_timeout must be between 1s and 30s"), "{timeout}");
    }
}

#[test]
fn the_key_of_pseudonyms_is_relative_to_the_configuration() {
    assert_eq!(parse(GOOD).unwrap().attribution.caller_key_file, None);
    let text = format!("attribution.caller_key_file = \"caller.key\"\n{GOOD}");
    let path = parse(&text).unwrap().attribution.caller_key_file.unwrap();
    assert!(path.ends_with("caller.key") && path.components().count() > 1, "{}", path.display());
    assert!(
        problems_of(&format!("attribution.key = \"x\"\n{GOOD}")).contains("attribution.key is not a known setting")
    );
}
