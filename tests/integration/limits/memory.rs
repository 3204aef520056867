//! What a flood took goes back to the system.

use std::fs;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;

use crate::support::raw::{HEADERS, PREFACE, SETTINGS, frame};
use crate::support::{Client, ISSUER, Process, VARIABLES, authorization, configured, eventually, issuer, serving_at};

/// Fewer than the 1,024 files that a process may open on many machines.
const CONNECTIONS: usize = 500;

/// The time within which memory must be back.
const PATIENCE: time::Duration = time::Duration::from_mins(1);

/// The memory of a process that is its own, without the parts of its file that were read, in KiB.
fn own_memory(process: &Process) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.strip_suffix("kB")).unwrap();
    anonymous.trim().parse().unwrap()
}

/// Connections with a call each that never ends its headers: the server holds what has come.
async fn flood(address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let unfinished = frame(HEADERS, 0, 1, &[0x82; 8_000]);
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &unfinished].concat()).await.unwrap();
        held.push(stream);
    }
    held
}

#[tokio::test]
async fn the_memory_of_a_flood_is_given_back_without_much_traffic() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
    let address: SocketAddr = serving_at(&mut process).parse().unwrap();
    let client = Client::connect(address, &[&authorization(&issuer)]).await;
    let call = async || client.download("media", "x").await.unwrap();
    // What a process takes once is not the flood's.
    drop(flood(address, 20).await);
    for _ in 0..20 {
        call().await;
    }
    let before = own_memory(&process);

    let held = flood(address, CONNECTIONS).await;
    let peak = eventually("memory of the flood", PATIENCE, async || {
        let now = own_memory(&process);
        (now >= before * 2).then_some(now)
    })
    .await;
    drop(held);

    let mut after = own_memory(&process);
    let shrunk = async {
        // An allocator rounds and keeps a little.
        while after > before * 5 / 4 + 2_048 {
            call().await;
            time::sleep(time::Duration::from_secs(1)).await;
            after = own_memory(&process);
        }
    };
    let in_time = time::timeout(PATIENCE, shrunk).await.is_ok();
    assert!(in_time, "{before} KiB before, {peak} KiB with the flood, {after} KiB a minute after");
}
