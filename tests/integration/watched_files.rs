//! The policy file of a running server while others write it: in parts, in place, by rename, by links.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use access_broker_dev::EmbeddedIssuer;
use serde_json::json;
use tokio::time;

use access_broker::server::RunningServer;

use crate::support::broker::{bucket, issuer_with_keys};
use crate::support::events::SERVING_ADMIN;
use crate::support::{
    Client, PATIENCE, Process, VARIABLES, config_with_keys_at, configuring, eventually, folder, issuer, log_lines,
    replace, run, serving_at, start_options,
};

const ISSUER: &str = "https://login.example.com";

const SAMPLE: &str = include_str!("../../samples/policy.toml");

/// An issuer that the sample policy names beside [`ISSUER`].
const POOL: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE01";

/// A key that everyone may read who is not denied.
const KEY: &str = "tier 1/a.jpg";

/// A policy that lets everybody read but one subject.
const WITH_DENIAL: &str = r#"
[[tier]]
name = "all"
bucket = "media"
prefix = ""
download = {}

[[grant]]
tiers = ["all"]
operations = ["download"]
to = { authenticated = true }

[[denial]]
name = "stolen-laptop"
to = { issuers = ["https://login.example.com"], claims = { sub = "00u1example" } }
"#;

/// The same without the denial.
fn without_denial() -> &'static str {
    &WITH_DENIAL[..WITH_DENIAL.find("[[denial]]").unwrap()]
}

/// A server whose policy file others write.
struct Watched {
    process: Process,
    client: Client,
    admin: String,
}

impl Watched {
    /// Serves what the sample policy needs. The policy file is `policy_file` in the folder, and is there already.
    async fn start(issuer: &EmbeddedIssuer, policy: &str, settle: &str) -> Self {
        let folder = folder();
        replace(&folder.path().join("policy.toml"), policy);
        Self::start_in(folder, issuer, "policy.toml", settle).await
    }

    async fn start_in(folder: tempfile::TempDir, issuer: &EmbeddedIssuer, policy_file: &str, settle: &str) -> Self {
        let mut bundle = issuer.jwks().clone();
        bundle["keys"][0]["use"] = "jwt-svid".into();
        let workloads = issuer_with_keys("spiffe://prod.example", "svid.json").set("preset", "spiffe");
        configuring(ISSUER, issuer.jwks())
            .table("policy", &format!("reload_interval = \"1s\"\nsettle = \"{settle}\""))
            .setting("policy", "file", policy_file)
            .issuer(issuer_with_keys(POOL, "jwks.json"))
            .issuer(workloads)
            .another_bucket(bucket().set("name", "archive").set("s3_bucket", "acme-archive"))
            .file("svid.json", bundle.to_string())
            .without_policy()
            .write_files(folder.path());
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
        let address = tokio::task::block_in_place(|| serving_at(&mut process));
        let admin = log_lines(&process)
            .iter()
            .find_map(|line| (SERVING_ADMIN.is(line)).then(|| line["address"].as_str().unwrap().to_owned()));
        let expiry = std::time::SystemTime::now() + Duration::from_mins(10);
        let expiry = expiry.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({ "iss": ISSUER, "aud": "broker", "sub": "00u1example", "exp": expiry });
        let authorization = format!("Bearer {}", issuer.sign_claims(&claims).unwrap());
        let client = Client::connect(address.parse().unwrap(), &[&authorization]).await;
        Self { process, client, admin: admin.unwrap() }
    }

    fn policy(&self) -> std::path::PathBuf {
        self.process.path("policy.toml")
    }

    async fn is_allowed(&self) -> bool {
        match self.client.download("media", KEY).await {
            Ok(_) => true,
            Err(status) if status.code() == tonic::Code::PermissionDenied => false,
            Err(status) => panic!("{status:?}"),
        }
    }

    /// Calls for a while, each of which must be denied.
    async fn is_denied_for(&self, time: Duration, what: &str) {
        let started = Instant::now();
        while started.elapsed() < time {
            assert!(!self.is_allowed().await, "{what}: allowed after {:?}", started.elapsed());
            time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn until_allowed(&self) {
        eventually("permission", PATIENCE, async || self.is_allowed().await).await;
    }

    async fn metric(&self, name: &str) -> f64 {
        let text =
            crate::support::http_get(format!("http://{}/metrics", self.admin)).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    async fn until_file_in_force(&self, expected: bool) {
        let is_in_force = async || self.metric("access_broker_policy_file_in_force").await > 0.5;
        eventually(&format!("policy file active: {expected}"), PATIENCE, async || is_in_force().await == expected)
            .await;
    }

    fn log_has(&self, text: &str) -> bool {
        self.process.stderr().contains(text)
    }

    async fn until_log_has(&self, text: &str) {
        eventually(text, PATIENCE, async || if self.log_has(text) { Ok(()) } else { Err(self.process.stderr()) }).await;
    }

    fn stop(mut self) {
        self.process.signal("TERM");
        assert!(self.process.exit().success());
    }
}

/// Where a writer of the sample policy may stop so that what is there is valid and the caller is not denied.
fn dangerous_ends() -> Vec<usize> {
    let headers = ["[[denial]]\nname = \"contractors-never-write\"", "[[denial]]\nname = \"stolen-laptop\""];
    let mut ends: Vec<usize> = headers.iter().map(|header| SAMPLE.find(header).unwrap()).collect();
    // Behind each of the rules before.
    let rules = SAMPLE.match_indices("\n\n[[tier]]").chain(SAMPLE.match_indices("\n\n# Workloads"));
    ends.extend(rules.map(|(end, _)| end + 1).filter(|end| *end > SAMPLE.find("[[grant]]").unwrap()));
    ends.sort_unstable();
    ends
}

/// A writer stops in the middle, for shorter and for longer than `settle`, and goes on. Every part is tried against the
/// compiler in a test of the library; here are the most dangerous ones, with real files and real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_written_policy_is_never_in_force() {
    let issuer = Arc::new(issuer().await);
    let ends = dangerous_ends();
    let (last, others) = ends.split_last().unwrap();
    let plan = [(30, vec![*last]), (6, vec![*last, others[others.len() / 2]]), (2, ends.clone())];
    let servers = plan.map(|(wait, ends)| {
        let issuer = Arc::clone(&issuer);
        tokio::spawn(async move {
            let watched = Watched::start(&issuer, SAMPLE, "10s").await;
            for end in ends {
                let (policy, what) = (watched.policy(), format!("cut at {end} for {wait} s"));
                watched.is_denied_for(Duration::from_millis(100), &what).await;
                fs::write(&policy, &SAMPLE[..end]).unwrap();
                watched.is_denied_for(Duration::from_secs(wait), &what).await;
                // As a writer that goes on does: the rest is added.
                let mut file = fs::File::options().append(true).open(&policy).unwrap();
                std::io::Write::write_all(&mut file, &SAMPLE.as_bytes()[end..]).unwrap();
                watched.is_denied_for(Duration::from_millis(1_500), &what).await;
            }
            watched.until_file_in_force(true).await;
            assert_eq!(watched.log_has("may be truncated"), wait > 10, "{}", watched.process.stderr());
            watched.stop();
        })
    });
    for server in servers {
        server.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_is_copied_over_itself_in_a_loop_stays_in_force() {
    let issuer = issuer().await;
    // Large enough to be torn.
    let tiers: Vec<String> = (0..3_000)
        .map(|number| {
            format!("[[tier]]\nname = \"x{number}\"\nbucket = \"media\"\nprefix = \"x{number}/\"\ndownload = {{}}\n")
        })
        .collect();
    let policy = WITH_DENIAL.replace("[[grant]]", &format!("{}\n[[grant]]", tiers.concat()));
    let watched = Watched::start(&issuer, &policy, "1s").await;
    let (source, target) = (watched.process.path("source.toml"), watched.policy());
    fs::write(&source, &policy).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let copying = tokio::task::spawn_blocking(move || {
        let mut copies = 0;
        let started = Instant::now();
        while !stopped.load(Ordering::Relaxed) && started.elapsed() < 4 * PATIENCE {
            run(Command::new("cp").args([&source, &target]));
            copies += 1;
        }
        copies
    });
    watched.is_denied_for(Duration::from_secs(8), "while the policy is copied").await;
    stop.store(true, Ordering::Relaxed);
    assert!(copying.await.unwrap() >= 10);
    watched.until_file_in_force(true).await;
    assert!((watched.metric("access_broker_policy_generation").await - 1.0).abs() < 0.1, "nothing new");
    watched.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_with_less_in_it_is_in_force_by_rename_or_with_a_checksum_and_not_in_place() {
    let issuer = issuer().await;
    let watched = Watched::start(&issuer, WITH_DENIAL, "2s").await;
    let policy = watched.policy();
    fs::write(&policy, without_denial()).unwrap();
    watched.until_file_in_force(false).await;
    watched.until_log_has("may be truncated; the last good policy stays active").await;
    for part in ["denials: 0 instead of 1", "policy.toml.sha256", "Replace the file by rename (mv)"] {
        assert!(watched.log_has(part), "{part}: {}", watched.process.stderr());
    }
    watched.is_denied_for(Duration::from_secs(3), "in place").await;

    let sum = run(Command::new("sha256sum").arg("policy.toml").current_dir(watched.process.path("")));
    let checksum = watched.process.path("policy.toml.sha256");
    replace(&checksum, sum);
    watched.until_allowed().await;
    watched.until_file_in_force(true).await;

    // The checksum of the policy before vouches for nothing, and stops what is renamed, too.
    replace(&policy, WITH_DENIAL);
    watched.until_log_has("is the checksum of another content").await;
    watched.until_file_in_force(false).await;
    assert!(watched.is_allowed().await);
    fs::remove_file(&checksum).unwrap();
    watched.until_file_in_force(true).await;
    assert!(!watched.is_allowed().await);

    // A file that was written a while before it is renamed has certainly been renamed.
    let new = watched.process.path("next.toml");
    fs::write(&new, without_denial()).unwrap();
    time::sleep(Duration::from_millis(50)).await;
    fs::rename(&new, &policy).unwrap();
    watched.until_allowed().await;
    watched.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_with_more_in_it_is_in_force_in_place_once_it_has_settled() {
    let issuer = issuer().await;
    let watched = Watched::start(&issuer, &format!("{WITH_DENIAL}# old\n"), "2s").await;
    let other = WITH_DENIAL.replace("00u1example", "00u2example");
    let more = format!("{other}\n[[denial]]\nname = \"more\"\nto = {{ groups = [\"contractors\"] }}\n");
    fs::write(watched.policy(), &more[..more.len() - 30]).unwrap();
    watched.until_file_in_force(false).await;
    fs::write(watched.policy(), &more).unwrap();
    watched.until_allowed().await;
    watched.until_file_in_force(true).await;
    assert!(watched.log_has("it becomes active when it has been unchanged for the time of settle"));
    watched.stop();
}

/// As Kubernetes mounts a `ConfigMap`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_behind_a_link_is_in_force_when_the_link_is_swapped() {
    let issuer = issuer().await;
    let folder = folder();
    let version = |folder: &Path, name: &str, policy: &str| {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("policy.toml"), policy).unwrap();
    };
    version(folder.path(), "..2026_01", WITH_DENIAL);
    symlink("..2026_01", folder.path().join("..data")).unwrap();
    symlink("..data/policy.toml", folder.path().join("policy.toml")).unwrap();
    // With the longest time to settle: this is no change in place.
    let watched = Watched::start_in(folder, &issuer, "policy.toml", "10m").await;
    assert!(!watched.is_allowed().await);
    let path = |name: &str| watched.process.path(name);
    version(&path(""), "..2026_02", without_denial());
    symlink("..2026_02", path("..data_tmp")).unwrap();
    fs::rename(path("..data_tmp"), path("..data")).unwrap();
    watched.until_allowed().await;
    watched.until_file_in_force(true).await;

    fs::remove_dir_all(path("..2026_02")).unwrap();
    watched.until_log_has("the policy file is a symbolic link to a file that does not exist").await;
    watched.until_file_in_force(false).await;
    assert!(watched.is_allowed().await, "the last good policy stays");
    watched.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_with_a_policy_that_is_whole_and_names_one_that_is_not() {
    let issuer = issuer().await;
    let watched = Watched::start(&issuer, WITH_DENIAL, "1s").await;
    let path = watched.process.path("");
    let serve = |expected: &str| {
        let output = Process::output(&["serve", "--config", "broker.toml"], &path, &VARIABLES);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    };
    replace(&path.join("policy.toml.sha256"), "rubbish");
    serve("policy.toml.sha256 does not hold one SHA-256 in hex, as sha256sum writes it");
    fs::remove_file(path.join("policy.toml.sha256")).unwrap();
    replace(&path.join("policy.toml"), "");
    serve("policy.toml is empty");
    fs::remove_file(path.join("policy.toml")).unwrap();
    serve("policy.toml does not exist");
    // A writer that never rests for half a second.
    let writing = Arc::new(AtomicBool::new(true));
    let (still, policy) = (Arc::clone(&writing), path.join("policy.toml"));
    let writer = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        for number in 0_u64.. {
            if !still.load(Ordering::Relaxed) || started.elapsed() > 4 * PATIENCE {
                break;
            }
            replace(&policy, format!("{WITH_DENIAL}# {number}\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    time::sleep(Duration::from_millis(100)).await;
    tokio::task::block_in_place(|| serve("policy.toml is being changed"));
    writing.store(false, Ordering::Relaxed);
    writer.await.unwrap();
    watched.stop();
}

#[tokio::test]
async fn a_policy_that_is_replaced_while_the_server_starts_is_one_that_was_renamed() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_with_keys_at(&folder, "https://127.0.0.1:1/keys");
    let policy_file = folder.path().join("policy.toml");
    let own = |policy: &str| policy.replace(ISSUER, crate::support::ISSUER);
    replace(&policy_file, own(WITH_DENIAL));
    let policy = config.load_policy().unwrap();
    replace(&policy_file, own(without_denial()));
    let server = RunningServer::start(config, policy, start_options()).await.unwrap();
    let metrics = format!("http://{}/metrics", server.admin_addr());
    eventually("a reload", PATIENCE, async || {
        server.reloader().reload();
        time::sleep(Duration::from_millis(100)).await;
        let text = crate::support::http_get(&metrics).await.unwrap().text().await.unwrap();
        let is_loaded = text.contains("access_broker_policy_reloads_total{result=\"loaded\"} 1\n");
        if is_loaded { Ok(()) } else { Err(text) }
    })
    .await;
    server.stop().await;
}
