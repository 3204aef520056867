use std::time::Duration;

use super::{GOOD, parse, sole_problem};

const BUCKET: &str = "[presignedurl]\nbucket = \"media\"\n";

fn with(text: &str) -> String {
    format!("{GOOD}\n{text}")
}

#[test]
fn origins_are_those_of_pages() {
    let http =
        parse(&with("[http]\ncors_origins = [\"https://app.example\", \"http://localhost:5173\"]")).unwrap().http;
    let origins: Vec<_> = http.cors_origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://app.example", "http://localhost:5173"]);
    for invalid in
        ["*", "https://app.example/", "https://App.example", "https://app.example:443", "null", "app.example", ""]
    {
        let problem = sole_problem(&with(&format!("[http]\ncors_origins = [\"{invalid}\"]")));
        assert!(problem.contains("http.cors_origins must be an origin as browsers send it"), "{invalid}: {problem}");
    }
    let problem = sole_problem(&with(
        "[http]\ncors_origins = [\"https://app.example\"]\n[[listener]]\naddress = \"127.0.0.1:0\"\nproof = \
         \"token\"\nprotocols = [\"grpc\"]",
    ));
    assert!(problem.contains("http.cors_origins requires a listener with \"http\" in protocols"), "{problem}");
}

#[test]
fn the_call_of_the_lambda_function_needs_a_bucket_and_a_listener() {
    for off in ["", "[presignedurl]"] {
        assert_eq!(parse(&with(off)).unwrap().http.presigned_url, None);
    }
    let settings = parse(&with(BUCKET)).unwrap().http.presigned_url.unwrap();
    assert_eq!((settings.bucket.as_str(), settings.ttl, settings.raw_token), ("media", Duration::from_hours(1), false));
    let settings =
        parse(&with(&format!("{BUCKET}ttl = \"5m\"\nraw_token = true"))).unwrap().http.presigned_url.unwrap();
    assert_eq!((settings.ttl, settings.raw_token), (Duration::from_mins(5), true));
    for (text, rule) in [
        ("[presignedurl]\nttl = \"5m\"", "presignedurl.ttl requires presignedurl.bucket to be set"),
        ("[presignedurl]\nraw_token = true", "presignedurl.raw_token requires presignedurl.bucket to be set"),
        ("[presignedurl]\nbucket = \"other\"", "presignedurl.bucket names no configured bucket"),
        (&format!("{BUCKET}ttl = \"8d\""), "presignedurl.ttl must be between 1s and 7d"),
        (
            &format!("{BUCKET}[[listener]]\naddress = \"127.0.0.1:0\"\nproof = \"token\"\nprotocols = [\"grpc\"]"),
            "presignedurl.bucket requires a listener with \"http\" in protocols that accepts tokens",
        ),
    ] {
        let problem = sole_problem(&with(text));
        assert!(problem.contains(rule), "{text}: {problem}");
    }
}

#[test]
fn protocols_are_grpc_http_or_both() {
    for (protocols, rule) in [
        ("[]", "listener[0].protocols must have \"grpc\", \"http\" or both"),
        ("[\"h2\"]", "listener[0].protocols has \"h2\"; must be \"grpc\" or \"http\""),
        ("[\"http\", \"http\"]", "listener[0].protocols repeats a protocol"),
    ] {
        let text = format!("[[listener]]\naddress = \"127.0.0.1:0\"\nproof = \"token\"\nprotocols = {protocols}");
        let problem = sole_problem(&with(&text));
        assert!(problem.contains(rule), "{protocols}: {problem}");
    }
}
