//! Which endpoint a caller gets.

use super::*;

const POLICY: &str = r#"
[[tier]]
name = "open"
bucket = "media"
prefix = "open/"
download = {}

[[tier]]
name = "inside"
bucket = "media"
prefix = "inside/"
endpoints = ["vpce", "default"]
download = {}

[[grant]]
tiers = ["open", "inside"]
operations = ["download"]
to = { groups = "staff" }

[[grant]]
tiers = ["open", "inside"]
operations = ["download"]
to = { groups = "partners" }
endpoints = ["public", "vpce"]

[[grant]]
tiers = ["open"]
operations = ["download"]
to = { groups = "auditors" }
endpoints = ["public"]

[[grant]]
tiers = ["open"]
operations = ["download"]
to = { groups = "auditors" }
endpoints = ["vpce"]
"#;

fn endpoint(policy: &Policy, group: &str, key: &str, wanted: Option<&str>) -> Result<String, RefusalReason> {
    let endpoint = wanted.map(|name| EndpointName::parse(name).unwrap());
    let request = AccessRequest { endpoint, ..access(key, RequestedDownload::default()) };
    let permit = policy.decide_download(&caller(&json!({ "groups": [group] })), request, now());
    permit.map(|permit| permit.endpoint().to_string()).map_err(|refusal| refusal.reason)
}

#[test]
fn the_wish_counts_where_the_policy_lets_it_and_else_the_first_that_it_names() {
    let policy = compile(POLICY).unwrap();
    for (group, key, wanted, expected) in [
        ("staff", "open/x", None, Some("default")),
        ("staff", "open/x", Some("public"), Some("public")),
        ("staff", "inside/x", None, Some("vpce")),
        ("staff", "inside/x", Some("default"), Some("default")),
        ("staff", "inside/x", Some("public"), None),
        ("partners", "open/x", None, Some("public")),
        ("partners", "open/x", Some("vpce"), Some("vpce")),
        ("partners", "open/x", Some("default"), None),
        ("partners", "inside/x", None, Some("vpce")),
        ("partners", "inside/x", Some("public"), None),
        // Several grants add up.
        ("auditors", "open/x", Some("vpce"), Some("vpce")),
        ("auditors", "open/x", None, Some("public")),
        // What the bucket does not have is answered like what is not allowed.
        ("staff", "open/x", Some("elsewhere"), None),
    ] {
        let found = endpoint(&policy, group, key, wanted);
        let expected = expected.map(str::to_owned).ok_or(RefusalReason::EndpointNotGranted);
        assert_eq!(found, expected, "{group} {key} {wanted:?}");
    }
    assert_eq!(endpoint(&policy, "stranger", "open/x", Some("public")), Err(RefusalReason::NotGranted));
}

/// Each bucket of a grant has its own endpoints.
#[test]
fn what_the_bucket_does_not_have_is_passed_over() {
    let policy = compile(
        r#"
        tier = [
            { name = "media", bucket = "media", prefix = "", download = {}, upload = { record_decision = true } },
            { name = "archive", bucket = "archive", prefix = "", download = {}, upload = { record_decision = true } },
        ]
        grant = [{
            tiers = ["media", "archive"],
            operations = ["download", "upload"],
            to = { authenticated = true },
            endpoints = ["vpce", "default"],
        }]
        "#,
    )
    .unwrap();
    let caller = caller(&json!({}));
    for (bucket, wanted, expected) in [
        ("media", None, Some("vpce")),
        ("media", Some("default"), Some("default")),
        ("archive", None, Some("default")),
        ("archive", Some("default"), Some("default")),
        ("archive", Some("vpce"), None),
    ] {
        let endpoint = wanted.map(|name| EndpointName::parse(name).unwrap());
        let request =
            AccessRequest { object: object(bucket, "x"), endpoint, ..access("x", RequestedDownload::default()) };
        let permit = policy.decide_download(&caller, request, now());
        let found = permit.map(|permit| permit.endpoint().to_string()).map_err(|refusal| refusal.reason);
        let expected = expected.map(str::to_owned).ok_or(RefusalReason::EndpointNotGranted);
        assert_eq!(found, expected, "{bucket} {wanted:?}");
    }
    assert!(policy.decide_verification(&caller, &object("archive", "x"), true).is_ok());
}

#[test]
fn endpoints_that_do_not_exist_or_leave_nothing_are_reported() {
    let text = POLICY
        .replace("endpoints = [\"vpce\", \"default\"]", "endpoints = [\"vpc\", \"Default\"]")
        .replace("endpoints = [\"public\"]", "endpoints = [\"publik\"]")
        .replace("endpoints = [\"vpce\"]", "endpoints = []");
    let problems = compile(&text).unwrap_err().to_string();
    for problem in [
        "tier[1].endpoints refers to undefined endpoint \"vpc\" of bucket \"media\"",
        "tier[1].endpoints must be 1 to 63 characters",
        "grant[1].endpoints leaves tier \"inside\" without an endpoint",
        "grant[2].endpoints leaves tier \"open\" without an endpoint",
        "grant[2].endpoints lists endpoint \"publik\", which none of its tiers allows",
        "grant[3].endpoints must not be an empty list",
    ] {
        assert!(problems.contains(problem), "{problem} is not in\n{problems}");
    }
}
