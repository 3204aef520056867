//! Servers that the tests of this process share, because they take seconds to start. They run until the process ends.

use std::array;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use tokio::time::{self, Instant};
use uuid::Uuid;

use super::guardian::Guardian;

/// How long a server may take to start.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

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
    let started = Instant::now();
    while !is_ready().await {
        let late = started.elapsed() > PATIENCE;
        for (name, server) in &mut *servers {
            let ended = server.try_wait().unwrap();
            if ended.is_some() || late {
                let log = fs::read_to_string(guardian.folder().join(*name)).unwrap();
                let end: Vec<_> = log.lines().rev().take(30).collect();
                let end: Vec<_> = end.into_iter().rev().collect();
                return Err(format!("{name} does not serve ({ended:?}):\n{}", end.join("\n")));
            }
        }
        time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Whether an HTTP server answers at all.
pub(super) async fn answers(url: &str) -> bool {
    crate::support::http_get(url).await.is_ok()
}
