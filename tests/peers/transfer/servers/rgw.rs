//! Ceph's gateway, with one monitor and one OSD that keeps everything in memory.
//!
//! The user of the tests owns every bucket. Its sub-user may write and cannot read.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tokio::sync::OnceCell;
use uuid::Uuid;

use super::guardian::Guardian;
use super::shared::{Shared, answers, free_ports, start_with_free_ports, wait_until, while_all_run};
use super::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, WRITER_ACCESS_KEY_ID, WRITER_SECRET_ACCESS_KEY};

const CONFIGURATION: &str = include_str!("rgw/ceph.conf");

/// A storage class beside `STANDARD`, which a new gateway does not have.
const STORAGE_CLASS: [&str; 4] = ["--placement-id", "default-placement", "--storage-class", "STANDARD_IA"];

pub(super) async fn shared() -> &'static Shared {
    static SERVER: OnceCell<Result<Shared, String>> = OnceCell::const_new();
    let root = root().expect("radosgw is required");
    let server = SERVER.get_or_init(|| start_with_free_ports(async || start(&root).await)).await;
    server.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// The folder that holds the `usr/bin/radosgw` of the PATH: `/` where it is installed, or where it was unpacked to.
fn root() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found = env::split_paths(&path).find(|folder| folder.join("radosgw").is_file())?;
    let found = found.canonicalize().unwrap();
    Some(found.parent().and_then(Path::parent).unwrap().to_owned())
}

/// Where Debian has libraries, below the root and below its `usr`.
fn libraries() -> String {
    format!("lib/{}-linux-gnu", env::consts::ARCH)
}

/// The programs, with what they need to find each other.
struct Ceph<'a> {
    root: &'a Path,
    guardian: Guardian,
}

impl Ceph<'_> {
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.root.join("usr/bin").join(program));
        let libraries = libraries();
        let folders = [format!("usr/{libraries}"), format!("usr/{libraries}/ceph"), libraries];
        let libraries = env::join_paths(folders.map(|folder| self.root.join(folder))).unwrap();
        command.env("LD_LIBRARY_PATH", libraries).env("CEPH_CONF", self.guardian.folder().join("ceph.conf"));
        command.current_dir(self.guardian.folder()).args(arguments);
        command
    }

    /// Runs a program to its end, and gives what it printed.
    async fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let mut command = tokio::process::Command::from(self.command(program, arguments));
        let output = command.kill_on_drop(true).output().await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        output.status.success().then_some(()).ok_or_else(|| format!("{program}: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

async fn start(root: &Path) -> Result<Shared, String> {
    let [monitor, gateway] = free_ports();
    let fsid = Uuid::now_v7().to_string();
    let ceph = Ceph { root, guardian: Guardian::start(&[]) };
    for folder in ["mon", "osd", "rgw"] {
        fs::create_dir(ceph.guardian.folder().join(folder)).unwrap();
    }
    let configuration = CONFIGURATION
        .replace("{fsid}", &fsid)
        .replace("{monitor}", &monitor.to_string())
        .replace("{gateway}", &gateway.to_string())
        .replace("{libraries}", &libraries())
        .replace("{root}", root.to_str().unwrap().trim_end_matches('/'))
        .replace("{home}", ceph.guardian.folder().to_str().unwrap());
    fs::write(ceph.guardian.folder().join("ceph.conf"), configuration).unwrap();

    // The monitor is made with a map that has the OSD already, so that nothing must be told to it.
    let address = format!("[v1:127.0.0.1:{monitor}]");
    ceph.run("monmaptool", &["--create", "--fsid", &fsid, "--addv", "a", &address, "monmap"]).await?;
    ceph.run("osdmaptool", &["--createsimple", "1", "osdmap"]).await?;
    ceph.run("ceph-mon", &["-i", "a", "--mkfs", "--monmap", "monmap", "--osdmap", "osdmap"]).await?;
    let osd = Uuid::now_v7().to_string();
    ceph.run("ceph-osd", &["-i", "0", "--mkfs", "--no-mon-config", "--osd-uuid", &osd]).await?;
    let mut servers = vec![];
    for (name, arguments) in [("ceph-mon", ["-f", "-i", "a"]), ("ceph-osd", ["-f", "-i", "0"])] {
        servers.push((name, ceph.guardian.spawn(name, ceph.command(name, &arguments))));
    }

    // These wait for the monitor and the OSD, even where those have ended.
    let guardian = &ceph.guardian;
    let mut administer =
        async |arguments: &[&str]| while_all_run(guardian, &mut servers, ceph.run("radosgw-admin", arguments)).await?;
    let user = ["user", "create", "--uid=test", "--display-name=test"];
    let key = [format!("--access-key={ACCESS_KEY_ID}"), format!("--secret-key={SECRET_ACCESS_KEY}")];
    administer(&[&user[..], &[&key[0], &key[1]]].concat()).await?;
    let writer = ["subuser", "create", "--uid=test", "--subuser=test:writer", "--access=write", "--key-type=s3"];
    let key = [format!("--access-key={WRITER_ACCESS_KEY_ID}"), format!("--secret-key={WRITER_SECRET_ACCESS_KEY}")];
    administer(&[&writer[..], &[&key[0], &key[1]]].concat()).await?;
    let group = ["zonegroup", "placement", "add", "--rgw-zonegroup", "default"];
    administer(&[&group[..], &STORAGE_CLASS].concat()).await?;
    let zone = ["zone", "placement", "add", "--rgw-zone", "default", "--data-pool", "default.rgw.ia.data"];
    administer(&[&zone[..], &STORAGE_CLASS].concat()).await?;

    let command = ceph.command("radosgw", &["-f", "-n", "client.rgw"]);
    servers.push(("radosgw", ceph.guardian.spawn("radosgw", command)));
    let url = format!("http://127.0.0.1:{gateway}");
    wait_until(&ceph.guardian, &mut servers, async || answers(&url).await).await?;
    // `ceph version 16.2.15 (…) pacific (stable)`
    let version = ceph.run("radosgw", &["--version"]).await?;
    let version = version.split(' ').nth(2).ok_or_else(|| format!("no version: {version}"))?.to_owned();
    Ok(Shared { url, version, data: None, _guardian: ceph.guardian })
}
