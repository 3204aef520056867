//! What a broker process takes of its machine, as `/proc` tells it.

use std::fmt;
use std::fs;
use std::net::SocketAddr;

use crate::support::Process;

#[derive(Debug, Clone, Copy)]
pub(super) struct Vitals {
    /// Resident memory in KiB.
    pub(super) resident: u64,
    pub(super) connections: usize,
    pub(super) files: usize,
}

impl Vitals {
    pub(super) fn of(process: &Process, listeners: &[SocketAddr]) -> Self {
        let folder = format!("/proc/{}", process.id());
        let status = fs::read_to_string(format!("{folder}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Self {
            resident: resident.trim().trim_end_matches(" kB").parse().unwrap(),
            connections: connections(&fs::read_to_string(format!("{folder}/net/tcp")).unwrap(), listeners),
            files: fs::read_dir(format!("{folder}/fd")).unwrap().count(),
        }
    }

    /// The larger one of each.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            resident: self.resident.max(other.resident),
            connections: self.connections.max(other.connections),
            files: self.files.max(other.files),
        }
    }
}

/// The established connections (state 1) whose near end is a listener. The table has both ends in hexadecimal.
fn connections(table: &str, listeners: &[SocketAddr]) -> usize {
    let ports: Vec<String> = listeners.iter().map(|address| format!(":{:04X}", address.port())).collect();
    let is_ours = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let (near, state) = (fields.next(), fields.nth(1));
        state == Some("01") && near.is_some_and(|near| ports.iter().any(|port| near.ends_with(port)))
    };
    table.lines().filter(is_ours).count()
}

impl fmt::Display for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} connections, {} files", self.resident, self.connections, self.files)
    }
}
