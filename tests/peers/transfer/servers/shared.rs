//! Servers that the tests of this process share, because they take seconds to start. They run until the process ends.

use std::array;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use tokio::time;
use uuid::Uuid;

use super::guardian::Guardian;

/// How long a server may take to start.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// How often it is asked whether a server serves or has ended.
const INTERVAL: Duration = Duration::from_millis(20);

/// How often a start is tried, each time with other ports.
const TRIES: usize = 3;

/// A server that runs until its guardian's end.
pub(super) struct Shared {
    pub(super) url: String,
    /// What it says of itself.
    pub(super) version: String,
    /// Where it keeps its objects, if that is on the disk.
    pub(super) data: Option<PathBuf>,
    pub(super) _guardian: Guardian,
}

/// Another process may take a port between the look for it and the start.
pub(super) async fn start_with_free_ports(start: impl AsyncFn() -> Result<Shared, String>) -> Result<Shared, String> {
    let mut failure = String::new();
    for _ in 0..TRIES {
        match start().await {
            Ok(server) => return Ok(server),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Ports that are free now, and below those that the system gives to connections and to tests that take any.
pub(super) fn free_ports<const N: usize>() -> [u16; N] {
    let mut held = Vec::new();
    while held.len() < N {
        let port = 10_000 + u16::try_from(Uuid::now_v7().as_u128() % 20_000).unwrap();
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    array::from_fn(|index| held[index].local_addr().unwrap().port())
}

/// Asks until the answer is yes. It is an error if one of the servers ends before, or if it takes too long.
pub(super) async fn wait_until(
    guardian: &Guardian,
    servers: &mut [(&str, Child)],
    is_ready: impl AsyncFn() -> bool,
) -> Result<(), String> {
    let ready = async {
        while !is_ready().await {
            time::sleep(INTERVAL).await;
        }
    };
    while_all_run(guardian, servers, ready).await
}

/// What the work gives. It is an error if one of the servers ends before, or if it takes too long.
pub(super) async fn while_all_run<T>(
    guardian: &Guardian,
    servers: &mut [(&str, Child)],
    work: impl Future<Output = T>,
) -> Result<T, String> {
    tokio::select! {
        result = work => Ok(result),
        name = first_end(servers) => Err(format!("{name} ended:\n{}", end_of_log(guardian, &name))),
        () = time::sleep(PATIENCE) => {
            let logs = servers.iter().map(|(name, _)| format!("{name}:\n{}", end_of_log(guardian, name)));
            Err(format!("it took too long to start:\n{}", logs.collect::<Vec<_>>().join("\n")))
        }
    }
}

/// The name of the first server that ends.
async fn first_end(servers: &mut [(&str, Child)]) -> String {
    loop {
        let ended = servers.iter_mut().find_map(|(name, server)| server.try_wait().unwrap().map(|_| name.to_string()));
        if let Some(name) = ended {
            return name;
        }
        time::sleep(INTERVAL).await;
    }
}

fn end_of_log(guardian: &Guardian, name: &str) -> String {
    let log = fs::read_to_string(guardian.folder().join(name)).unwrap();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Whether an HTTP server answers at all.
pub(super) async fn answers(url: &str) -> bool {
    crate::support::http_get(url).await.is_ok()
}
