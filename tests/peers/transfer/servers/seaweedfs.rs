//! `SeaweedFS`: a master, a volume server, a filer and an S3 gateway in one process.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use tokio::sync::OnceCell;

use super::guardian::Guardian;
use super::shared::{Shared, answers, free_ports, start_with_free_ports, wait_until};
use super::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use crate::support::run;

pub(super) async fn shared() -> &'static Shared {
    static SERVER: OnceCell<Result<Shared, String>> = OnceCell::const_new();
    let version = version();
    let server = SERVER.get_or_init(|| start_with_free_ports(async || start(version.clone()).await)).await;
    server.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// From `version 8000GB 4.48 …`.
fn version() -> String {
    let text = run(Command::new("weed").arg("version"));
    text.split(' ').nth(2).unwrap_or_else(|| panic!("no version: {text}")).to_owned()
}

async fn start(version: String) -> Result<Shared, String> {
    let ports = free_ports::<8>();
    let guardian = Guardian::start(&sockets(ports));
    let identity = json!({ "identities": [{
        "name": "test",
        "credentials": [{ "accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY }],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    fs::write(guardian.folder().join("identities.json"), identity.to_string()).unwrap();
    for folder in ["data", "home"] {
        fs::create_dir(guardian.folder().join(folder)).unwrap();
    }
    let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = ports;
    let mut command = Command::new("weed");
    // It writes its logs to the folder for temporary files.
    command.env("HOME", "home").env("TMPDIR", "home");
    // Without a key it answers 500 to everything that is to be encrypted.
    command.env("WEED_S3_SSE_KEY", "a key for tests");
    command.args(["server", "-ip=127.0.0.1", "-dir=data", "-s3", "-s3.config=identities.json"]);
    // It would send statistics to its maker.
    command.arg("-master.telemetry=false");
    // Every bucket has volumes of its own. They are small, so that there can be many.
    command.args(["-volume.max=1000", "-master.volumeSizeLimitMB=64", "-master.electionTimeout=1s"]);
    command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
    for (name, port) in [
        ("master.port", master),
        ("master.port.grpc", master_grpc),
        ("volume.port", volume),
        ("volume.port.grpc", volume_grpc),
        ("filer.port", filer),
        ("filer.port.grpc", filer_grpc),
        ("s3.port", s3),
        ("s3.port.grpc", s3_grpc),
    ] {
        command.arg(format!("-{name}={port}"));
    }
    let mut servers = [("weed", guardian.spawn("weed", command))];
    let url = format!("http://127.0.0.1:{s3}");
    wait_until(&guardian, &mut servers, async || answers(&url).await).await?;
    let data = Some(guardian.folder().join("data"));
    Ok(Shared { url, version, data, _guardian: guardian })
}

/// The sockets that it makes beside its data.
fn sockets([_, master_grpc, _, volume_grpc, filer, filer_grpc, s3, s3_grpc]: [u16; 8]) -> [PathBuf; 6] {
    [
        format!("filer-{filer}"),
        format!("s3-{s3}"),
        format!("master-grpc-{master_grpc}"),
        format!("volume-grpc-{volume_grpc}"),
        format!("filer-grpc-{filer_grpc}"),
        format!("s3-grpc-{s3_grpc}"),
    ]
    .map(|name| PathBuf::from(format!("/tmp/seaweedfs-{name}.sock")))
}
