//! Signing credentials from AWS profiles: keys, programs, roles, SSO and `aws login`, and profiles that are mended while
//! the server runs.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use access_broker::contract::proto::{ExpiryLimit, IssueDownloadUrlRequest};
use access_broker_dev::EmbeddedIssuer;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::credentials::{client, configured_with_the_default_chain};
use crate::support::{PATIENCE, Process, eventually, issuer, log_lines, serving_at};

/// What the environment has in every test: a home in the folder, and no instance metadata.
const VARIABLES: [(&str, &str); 3] = [("HOME", "."), ("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_PROFILE", "work")];

pub(crate) const WORK: &str = "[profile work]\naws_access_key_id = AKIAFIRST\naws_secret_access_key = hunter2\n";

/// A folder with a configuration and these profiles.
pub(crate) fn folder_with(issuer: &EmbeddedIssuer, profiles: &str) -> TempDir {
    let folder = configured_with_the_default_chain(issuer);
    fs::create_dir(folder.path().join(".aws")).unwrap();
    fs::write(folder.path().join(".aws/config"), profiles).unwrap();
    folder
}

/// The same without a word on the profile, so that it need not exist.
pub(crate) fn start_without_profile(folder: TempDir, variables: &[(&str, &str)]) -> Process {
    let variables: Vec<_> = VARIABLES[..2].iter().chain(variables).copied().collect();
    Process::start(&["serve", "--config", "broker.toml"], folder, &variables)
}

pub(crate) fn start(folder: TempDir, variables: &[(&str, &str)]) -> Process {
    let variables: Vec<_> = VARIABLES.iter().chain(variables).copied().collect();
    Process::start(&["serve", "--config", "broker.toml"], folder, &variables)
}

/// The errors of all renewals that failed so far.
pub(crate) fn errors(process: &Process) -> Vec<String> {
    let lines = log_lines(process).into_iter();
    let failed = lines.filter(|line| !line["retry_in_ms"].is_null());
    failed.map(|line| line["error"].as_str().unwrap().to_owned()).collect()
}

/// Waits for some failures, all of which must say the same.
pub(crate) fn failed_with(process: &mut Process, failures: usize, expected: &str) {
    let errors =
        process.wait_for("failures", |process| Some(errors(process)).filter(|errors| errors.len() >= failures));
    assert!(errors.iter().all(|error| error.contains(expected)), "{errors:#?}");
}

/// The access key that signs, once the server serves.
async fn access_key(process: &mut Process, issuer: &EmbeddedIssuer) -> String {
    let address = serving_at(process);
    signer(&address, issuer).await
}

pub(crate) async fn signer(address: &str, issuer: &EmbeddedIssuer) -> String {
    let url = client(issuer, address).await.download("media", "x").await.unwrap().get.unwrap().url;
    let (_, rest) = url.split_once("X-Amz-Credential=").unwrap();
    rest.split_once("%2F").unwrap().0.to_owned()
}

/// Waits until URLs are signed by an access key.
pub(crate) async fn signed_by(address: &str, issuer: &EmbeddedIssuer, access_key: &str) {
    eventually(access_key, 2 * PATIENCE, async || {
        let found = signer(address, issuer).await;
        if found == access_key { Ok(()) } else { Err(found) }
    })
    .await;
}

/// Ends the server, whose log must hold no secret.
pub(crate) fn stop(mut process: Process) {
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(!process.stderr().contains("hunter"), "{}", process.stderr());
}

/// Another file in the place of one.
pub(crate) fn replace(path: &Path, content: impl AsRef<[u8]>) {
    fs::write(path.with_extension("new"), content).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

/// A service on loopback. The requests that come are kept, each as its headers and its body in one text.
async fn service(path: &str, answer: impl Fn() -> String + Clone + Send + Sync + 'static) -> (String, Requests) {
    let requests = Requests::default();
    let kept = requests.clone();
    let handler = move |request: Request| {
        let (kept, answer) = (kept.clone(), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let text = format!("{} {:?} {}", parts.uri, parts.headers, String::from_utf8_lossy(&body));
            kept.0.lock().unwrap().push(text);
            ([("content-type", "application/json")], answer())
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route(path, get(handler.clone()).merge(post(handler)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, requests)
}

#[derive(Debug, Clone, Default)]
struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_hours(1)
}

fn text_of(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn write_token(folder: &Path, name: &str, token: &Value) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(format!("{name}.json")), token.to_string()).unwrap();
}

/// STS, which gives the credentials of a role.
async fn sts() -> (String, Requests) {
    service("/", || {
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>hunter3</SecretAccessKey>\
             <SessionToken>hunter4</SessionToken><Expiration>{}</Expiration></Credentials><AssumedRoleUser>\
             <AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/signer/s</Arn>\
             </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>",
            text_of(in_an_hour())
        )
    })
    .await
}

#[tokio::test]
async fn profile_that_is_mended_is_used_and_the_error_stays_visible_until_then() {
    let issuer = issuer().await;
    let folder = folder_with(&issuer, "[profile other]\nregion = eu-central-1\n");
    let config = folder.path().join(".aws/config");
    let mut process = start(folder, &[]);
    failed_with(&mut process, 3, "profile: there is no profile `work`, but there are other");

    // In place, so that it must settle for 10 seconds.
    let mended = Instant::now();
    fs::write(&config, WORK).unwrap();
    let address = serving_at(&mut process);
    assert_eq!(signer(&address, &issuer).await, "AKIAFIRST");
    assert!(mended.elapsed() >= Duration::from_secs(9), "a file that may still be written was used");

    replace(&config, WORK.replace("FIRST", "SECOND"));
    signed_by(&address, &issuer, "AKIASECOND").await;

    // A profile that is broken later leaves the credentials in force, and is told of.
    replace(&config, "[profile work\nhunter2\n");
    failed_with_last(&mut process, ".aws/config: could not parse profile file");
    assert_eq!(signer(&address, &issuer).await, "AKIASECOND");
    replace(&config, WORK.replace("FIRST", "THIRD"));
    signed_by(&address, &issuer, "AKIATHIRD").await;
    stop(process);
}

pub(crate) fn failed_with_last(process: &mut Process, expected: &str) {
    process.wait_for(expected, |process| errors(process).last()?.contains(expected).then_some(()));
}

#[tokio::test]
async fn profile_file_that_appears_is_used() {
    let issuer = issuer().await;
    let folder = configured_with_the_default_chain(&issuer);
    let folder_of_profiles = folder.path().join(".aws");
    let mut process = start(folder, &[]);
    failed_with(&mut process, 2, "profile: there is no profile `work`; ./.aws/config does not exist");
    fs::create_dir(&folder_of_profiles).unwrap();
    fs::write(folder_of_profiles.join("credentials"), WORK.replace("profile ", "")).unwrap();
    assert_eq!(access_key(&mut process, &issuer).await, "AKIAFIRST");
    stop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn instance_metadata_that_hangs_does_not_hide_what_is_wrong_with_the_profile() {
    let issuer = issuer().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let variables = [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    let mut process = start_without_profile(folder_with(&issuer, "[profile other]\n"), &variables);
    failed_with(&mut process, 1, "profile: there is no profile `default`, but there are other");
    failed_with(&mut process, 1, "instance metadata: ");
    stop(process);
}

/// The metadata of an instance, which gives credentials until it is told to be out of order.
pub(crate) async fn instance_metadata(is_out_of_order: Arc<AtomicBool>) -> String {
    let answer = move |request: Request| {
        let is_out_of_order = is_out_of_order.load(Ordering::SeqCst);
        async move {
            let credentials = json!({
                "Code": "Success", "LastUpdated": text_of(SystemTime::now()), "Type": "AWS-HMAC",
                "AccessKeyId": "ASIAINSTANCE", "SecretAccessKey": "hunter5", "Token": "hunter6",
                "Expiration": text_of(in_an_hour())
            });
            let text = match request.uri().path() {
                _ if is_out_of_order => return Err(StatusCode::SERVICE_UNAVAILABLE),
                "/latest/api/token" => "hunter7".to_owned(),
                "/latest/meta-data/iam/security-credentials/" => "signer".to_owned(),
                "/latest/meta-data/iam/security-credentials/signer" => credentials.to_string(),
                _ => return Err(StatusCode::NOT_FOUND),
            };
            Ok(([("x-aws-ec2-metadata-token-ttl-seconds", "21600")], text))
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_that_appears_or_goes_away_takes_turns_with_instance_metadata() {
    let issuer = issuer().await;
    let is_out_of_order = Arc::<AtomicBool>::default();
    let url = instance_metadata(Arc::clone(&is_out_of_order)).await;
    let variables = [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    let folder = folder_with(&issuer, "[profile other]\n");
    let config = folder.path().join(".aws/config");
    let mut process = start_without_profile(folder, &variables);
    let address = serving_at(&mut process);
    assert_eq!(signer(&address, &issuer).await, "ASIAINSTANCE");

    // The same source is asked after the profile, and remembers what it gave before its outage.
    is_out_of_order.store(true, Ordering::SeqCst);
    let default = WORK.replace("profile work", "default");
    for (profiles, expected) in [(&*default, "AKIAFIRST"), ("[profile other]\n", "ASIAINSTANCE")] {
        replace(&config, profiles);
        signed_by(&address, &issuer, expected).await;
    }
    assert_eq!(sources(&process), ["instance metadata", "profile `default`", "instance metadata"]);
    stop(process);
}

/// Where the log says that the credentials came from, in turn.
pub(crate) fn sources(process: &Process) -> Vec<String> {
    let lines = log_lines(process).into_iter();
    let changes = lines.filter(|line| line["message"] == "signing credentials have a new source");
    changes.map(|line| line["source"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn role_is_assumed_with_keys_of_another_profile() {
    let issuer = issuer().await;
    let (url, requests) = sts().await;
    let profiles = format!(
        "[profile top]\nrole_arn = arn:aws:iam::123456789012:role/signer\nsource_profile = work\n\
         role_session_name = broker\nexternal_id = known\n{WORK}"
    );
    let variables = [("AWS_ENDPOINT_URL_STS", url.as_str()), ("AWS_PROFILE", "top")];
    let mut process = start(folder_with(&issuer, &profiles), &variables);
    assert_eq!(access_key(&mut process, &issuer).await, "ASIAROLE");
    let asked = requests.all().join("\n");
    for part in ["Credential=AKIAFIRST/", "Action=AssumeRole&", "role%2Fsigner", "=broker", "ExternalId=known"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    stop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn program_gives_credentials_alone_and_for_a_role_and_its_failure_is_told_without_its_answer() {
    let issuer = issuer().await;
    let (url, requests) = sts().await;
    let profiles = "[profile top]\nrole_arn = arn:aws:iam::123456789012:role/signer\nsource_profile = work\n\
                    [profile work]\ncredential_process = sh ./give --user me\n\
                    [profile self]\nrole_arn = arn:aws:iam::123456789012:role/signer\nsource_profile = self\n\
                    credential_process = sh ./give --user me\n";
    let answer = json!({
        "Version": 1, "AccessKeyId": "ASIAPROGRAM", "SecretAccessKey": "hunter5", "SessionToken": "hunter6",
        "Expiration": text_of(in_an_hour()).replace('Z', "+00:00")
    });
    for (profile, named, signer) in
        [("work", "work", "ASIAPROGRAM"), ("top", "work", "ASIAROLE"), ("self", "self", "ASIAROLE")]
    {
        let folder = folder_with(&issuer, profiles);
        let program = folder.path().join("give");
        fs::write(&program, "echo hunter7; echo 'log in first' >&2; exit 3").unwrap();
        let mut process = start(folder, &[("AWS_ENDPOINT_URL_STS", url.as_str()), ("AWS_PROFILE", profile)]);
        let expected =
            format!("profile: credential_process of the profile `{named}`: the program failed (exit status: 3)");
        failed_with(&mut process, 2, &format!("{expected}; standard error: log in first;"));
        replace(&program, format!("echo '{answer}'"));
        assert_eq!(access_key(&mut process, &issuer).await, signer);
        stop(process);
    }
    let asked = requests.all();
    assert_eq!(asked.len(), 2);
    for asked in asked {
        assert!(asked.contains("Credential=ASIAPROGRAM/") && asked.contains("hunter6"), "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sso_token_is_used_once_somebody_has_logged_in() {
    let issuer = issuer().await;
    let (url, requests) = service("/federation/credentials", || {
        let end = in_an_hour().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        json!({ "roleCredentials": {
            "accessKeyId": "ASIASSO", "secretAccessKey": "hunter2", "sessionToken": "hunter3", "expiration": end
        }})
        .to_string()
    })
    .await;
    let (oidc, refreshes) = service("/token", || {
        json!({ "accessToken": "hunter-fresh", "expiresIn": 3600, "tokenType": "Bearer", "refreshToken": "hunter8" })
            .to_string()
    })
    .await;
    let of_a_session = "[profile work]\nsso_session = team\nsso_account_id = 123456789012\nsso_role_name = signer\n\
                        [sso-session team]\nsso_region = eu-central-1\nsso_start_url = https://start.example\n";
    let by_url = "[profile work]\nsso_region = eu-central-1\nsso_start_url = https://start.example\n\
                  sso_account_id = 123456789012\nsso_role_name = signer\n";
    let an_hour_ago = text_of(SystemTime::now() - Duration::from_hours(1));
    let plain = json!({
        "accessToken": "hunter-plain", "expiresAt": text_of(in_an_hour()), "region": "eu-central-1",
        "startUrl": "https://start.example"
    });
    let expired = json!({
        "accessToken": "hunter-expired", "expiresAt": an_hour_ago, "region": "eu-central-1",
        "startUrl": "https://start.example", "clientId": "c", "clientSecret": "hunter9", "refreshToken": "hunter8",
        "registrationExpiresAt": text_of(in_an_hour())
    });
    let variables = [("AWS_ENDPOINT_URL_SSO", url.as_str()), ("AWS_ENDPOINT_URL_SSO_OIDC", oidc.as_str())];
    let (no_file, no_token) =
        ("profile: failed to read `./.aws/sso/cache/", "profile: failed to load the cached SSO token");
    for (profile, error, named, token, sent) in [
        (by_url, no_file, "https://start.example", &plain, "hunter-plain"),
        (of_a_session, no_token, "team", &plain, "hunter-plain"),
        (of_a_session, no_token, "team", &expired, "hunter-fresh"),
    ] {
        let folder = folder_with(&issuer, profile);
        let cache = folder.path().join(".aws/sso/cache");
        let mut process = start(folder, &variables);
        failed_with(&mut process, 1, error);
        write_token(&cache, &hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, named.as_bytes()).as_ref()), token);
        assert_eq!(access_key(&mut process, &issuer).await, "ASIASSO");
        let asked = requests.all().pop().unwrap();
        assert!(asked.contains(sent) && asked.contains("account_id=123456789012"), "{asked}");
        stop(process);
    }
    assert_eq!(refreshes.all().len(), 1, "{:?}", refreshes.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_cannot_be_parsed_is_not_in_the_log() {
    let issuer = issuer().await;
    let (url, _requests) = service("/federation/credentials", || {
        r#"{"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"hunter2","expiration":}}"#.to_owned()
    })
    .await;
    let profile = "[profile work]\nsso_region = eu-central-1\nsso_start_url = https://start.example\n\
                   sso_account_id = 123456789012\nsso_role_name = signer\n";
    let folder = folder_with(&issuer, profile);
    let token = json!({ "accessToken": "hunter1", "expiresAt": text_of(in_an_hour()) });
    let name = hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, b"https://start.example").as_ref());
    write_token(&folder.path().join(".aws/sso/cache"), &name, &token);
    let mut process = start(folder, &[("AWS_ENDPOINT_URL_SSO", url.as_str())]);
    failed_with(&mut process, 2, "profile: ");
    stop(process);
}

/// An EC key for tests alone, for the proof of possession that `aws login` refreshes tokens with.
const DPOP_KEY: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    MHcCAQEEIFDZHUzOG1Pzq+6F0mjMlOSp1syN9LRPBuHMoCFXTcXhoAoGCCqGSM49\n\
    AwEHoUQDQgAE9qhj+KtcdHj1kVgwxWWWw++tqoh7H7UHs7oXh8jBbgF47rrYGC+t\n\
    djiIaHK3dBvvdE7MGj5HsepzLm3Kj91bqA==\n-----END EC PRIVATE KEY-----\n";

#[tokio::test(flavor = "multi_thread")]
async fn session_of_aws_login_is_used_and_refreshed() {
    let issuer = issuer().await;
    let (url, requests) = service("/v1/token", || {
        json!({
            "accessToken": {
                "accessKeyId": "ASIAREFRESHED", "secretAccessKey": "hunter2", "sessionToken": "hunter3"
            },
            "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "hunter4"
        })
        .to_string()
    })
    .await;
    let session = "arn:aws:iam::123456789012:user/Admin";
    for (end, signer) in [(in_an_hour(), "ASIALOGIN"), (SystemTime::now(), "ASIAREFRESHED")] {
        let folder = folder_with(&issuer, &format!("[profile work]\nlogin_session = {session}\n"));
        let cache = folder.path().join(".aws/login/cache");
        let token = json!({
            "accessToken": {
                "accessKeyId": "ASIALOGIN", "secretAccessKey": "hunter5", "sessionToken": "hunter6",
                "accountId": "123456789012", "expiresAt": text_of(end)
            },
            "tokenType": "aws_sigv4", "refreshToken": "hunter7", "idToken": "hunter8",
            "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": DPOP_KEY
        });
        let mut process = start(folder, &[("AWS_ENDPOINT_URL_SIGNIN", url.as_str())]);
        failed_with(&mut process, 1, "profile: failed to read `./.aws/login/cache/");
        write_token(&cache, &hex(digest(&SHA256, session.as_bytes()).as_ref()), &token);
        assert_eq!(access_key(&mut process, &issuer).await, signer);
        stop(process);
    }
    let asked = requests.all();
    assert!(asked.len() == 1 && asked[0].contains("hunter7") && asked[0].contains("dpop"), "{asked:?}");
}

#[tokio::test]
async fn temporary_keys_of_the_environment_are_used_where_their_end_is_known() {
    const KEYS: [(&str, &str); 3] =
        [("AWS_ACCESS_KEY_ID", "ASIAENV"), ("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_SESSION_TOKEN", "hunter3")];
    let issuer = issuer().await;
    let mut endless = start_without_profile(folder_with(&issuer, ""), &KEYS);
    failed_with(&mut endless, 1, "AWS_CREDENTIAL_EXPIRATION");
    stop(endless);
    let end = humantime::format_rfc3339_seconds(SystemTime::now() + Duration::from_mins(10)).to_string();
    let variables = [&KEYS[..], &[("AWS_CREDENTIAL_EXPIRATION", &end)]].concat();
    let mut process = start_without_profile(folder_with(&issuer, ""), &variables);
    let address = serving_at(&mut process);
    let longer = IssueDownloadUrlRequest {
        bucket: "media".to_owned(),
        key: "x".to_owned(),
        ttl: Some(prost_types::Duration { seconds: 900, nanos: 0 }),
        ..IssueDownloadUrlRequest::default()
    };
    let answer = client(&issuer, &address).await.issue_download(longer).await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::SigningCredentialsExpiry);
    assert!(answer.get.unwrap().url.contains("X-Amz-Credential=ASIAENV%2F"));
    stop(process);
}
