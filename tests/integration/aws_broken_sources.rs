//! Sources of AWS's default chain that are set up and broken: another identity must not sign instead of them.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use crate::aws_profiles::{
    WORK, failed_with, failed_with_last, folder_with, instance_metadata, replace, signed_by, signer, sources, start,
    start_without_profile, stop,
};
use crate::support::{issuer, run, serving_at};

const ROLE: &str = "arn:aws:iam::123456789012:role/signer";

/// A start, and what its error must say.
struct Case<'a> {
    config: &'a [u8],
    profile: Option<&'a str>,
    variables: &'a [(&'a str, &'a str)],
    expected: &'a str,
}

#[tokio::test(flavor = "multi_thread")]
async fn instance_metadata_does_not_sign_instead_of_a_broken_source() {
    let issuer = issuer().await;
    let metadata = instance_metadata(Arc::default()).await;
    let role_of_nothing = format!("[profile top]\nrole_arn = {ROLE}\nsource_profile = gone\n");
    let role = format!("[profile top]\nrole_arn = {ROLE}\nsource_profile = work\n{WORK}");
    let of_profile = format!("[profile work]\nrole_arn = {ROLE}\nweb_identity_token_file = ./pipe\n");
    let refused = ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    let with_token = |file| [("AWS_WEB_IDENTITY_TOKEN_FILE", file), ("AWS_ROLE_ARN", ROLE), refused];
    let cases = [
        Case {
            config: b"[profile other]\n",
            profile: Some("work"),
            variables: &[],
            expected: "AWS_PROFILE names the profile",
        },
        Case {
            config: b"[work]\n",
            profile: Some("work"),
            variables: &[],
            expected: "./.aws/config has [work], which must be [profile work] there",
        },
        Case {
            config: role_of_nothing.as_bytes(),
            profile: Some("top"),
            variables: &[],
            expected: "could not find source profile gone referenced from top",
        },
        Case {
            config: b"",
            profile: None,
            variables: &[("AWS_ACCESS_KEY_ID", "AKIAHALF")],
            expected: "environment: AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not",
        },
        Case {
            config: b"",
            profile: None,
            variables: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/x/y")],
            expected: "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not",
        },
        Case {
            config: b"",
            profile: None,
            variables: &with_token("/x/y"),
            expected: "web identity: AWS_WEB_IDENTITY_TOKEN_FILE /x/y does not exist",
        },
        Case {
            config: b"",
            profile: None,
            variables: &with_token("pipe"),
            expected: "web identity: AWS_WEB_IDENTITY_TOKEN_FILE pipe is not a regular file",
        },
        Case {
            config: b"",
            profile: None,
            variables: &with_token("broker.toml"),
            expected: "web identity: role arn:aws:iam::123456789012:role/signer of STS in ",
        },
        Case {
            config: of_profile.as_bytes(),
            profile: Some("work"),
            variables: &[],
            expected: "profile: web_identity_token_file of the profile `work`: ./pipe is not a regular file",
        },
        Case {
            config: role.as_bytes(),
            profile: Some("top"),
            variables: &[refused],
            expected: "profile: role arn:aws:iam::123456789012:role/signer of STS in ",
        },
        Case {
            config: b"",
            profile: None,
            variables: &[
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "pipe"),
            ],
            expected: "container: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE pipe is not a regular file",
        },
        Case {
            config: b"",
            profile: None,
            variables: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/x?token=hunter2")],
            expected: "http://192.0.2.1/x?...",
        },
        Case { config: b"\xff", profile: None, variables: &[], expected: "profile: ./.aws/config is not valid UTF-8" },
    ];
    for case in cases {
        let folder = folder_with(&issuer, "");
        fs::write(folder.path().join(".aws/config"), case.config).unwrap();
        run(Command::new("mkfifo").arg(folder.path().join("pipe")));
        let mut process = start_with_metadata(folder, &metadata, case.profile, case.variables);
        failed_with(&mut process, 1, case.expected);
        assert_eq!(sources(&process), [""; 0], "{}", case.expected);
        stop(process);
    }
}

fn start_with_metadata(
    folder: TempDir,
    metadata: &str,
    profile: Option<&str>,
    variables: &[(&str, &str)],
) -> crate::support::Process {
    let variables: Vec<_> = [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata)]
        .iter()
        .chain(variables)
        .copied()
        .chain(profile.map(|profile| ("AWS_PROFILE", profile)))
        .collect();
    if profile.is_some() { start(folder, &variables) } else { start_without_profile(folder, &variables) }
}

#[tokio::test(flavor = "multi_thread")]
async fn role_alone_sets_nothing_up() {
    let issuer = issuer().await;
    let metadata = instance_metadata(Arc::default()).await;
    let variables = [("AWS_ROLE_ARN", ROLE)];
    let mut process = start_with_metadata(folder_with(&issuer, ""), &metadata, None, &variables);
    let address = serving_at(&mut process);
    assert_eq!(signer(&address, &issuer).await, "ASIAINSTANCE");
    stop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_file_that_becomes_unreadable_leaves_its_keys_in_force_and_one_that_is_removed_does_not() {
    let issuer = issuer().await;
    let metadata = instance_metadata(Arc::default()).await;
    let folder = folder_with(&issuer, &WORK.replace("profile work", "default"));
    let config = folder.path().join(".aws/config");
    let mut process = start_with_metadata(folder, &metadata, None, &[]);
    let address = serving_at(&mut process);
    assert_eq!(signer(&address, &issuer).await, "AKIAFIRST");

    replace(&config, b"\xff");
    failed_with_last(&mut process, "profile: ./.aws/config is not valid UTF-8");
    assert_eq!(signer(&address, &issuer).await, "AKIAFIRST");

    fs::remove_file(&config).unwrap();
    signed_by(&address, &issuer, "ASIAINSTANCE").await;
    assert_eq!(sources(&process), ["profile `default`", "instance metadata"]);
    stop(process);
}
