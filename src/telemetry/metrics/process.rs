//! What metrics show of the process: its connections' limit, its open files and its memory.
//!
//! Files and memory have the names that Prometheus's client libraries share, so that dashboards for them work.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use rustix::process::{Resource, getrlimit};

use super::samples::{as_gauge, encode_gauge, encode_gauges};

/// How many connections of callers there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// `limits.max_connections`.
    pub configured: u32,
    /// What fits into the process's limit of open files.
    pub effective: u32,
}

/// Shows the limit, where a server runs.
#[derive(Debug)]
pub(super) struct ConnectionLimitCollector(pub(super) Option<ConnectionLimit>);

impl Collector for ConnectionLimitCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let limits = self.0.map(|ConnectionLimit { configured, effective }| {
            [("configured", configured), ("effective", effective)]
                .map(|(kind, limit)| ([("kind", kind)], f64::from(limit)))
        });
        let help = "How many connections there may be: as configured, and as the limit of open files allows.";
        encode_gauges(&mut encoder, "connections_limit", help, None, limits.into_iter().flatten())
    }
}

/// Reads `/proc` at each scrape. What cannot be read is absent.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encode_gauge(&mut encoder, "process_open_fds", "Open files.", None, open_files().map(as_gauge))?;
        let limit = getrlimit(Resource::Nofile).current.map_or(f64::INFINITY, as_gauge);
        encode_gauge(&mut encoder, "process_max_fds", "The limit of open files.", None, Some(limit))?;
        let help = "The memory of the process that is in RAM.";
        let resident = resident_bytes().map(as_gauge);
        encode_gauge(&mut encoder, "process_resident_memory", help, Some(&Unit::Bytes), resident)
    }
}

fn open_files() -> Option<u64> {
    let listed = u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
    // One of them is that of the listing itself.
    Some(listed.saturating_sub(1))
}

fn resident_bytes() -> Option<u64> {
    resident_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// `VmRSS` of `proc_pid_status(5)`, in bytes.
fn resident_in(status: &str) -> Option<u64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))?;
    kibibytes.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_memory_of_this_process_are_read() {
        let before = open_files().unwrap();
        let _files: Vec<_> = (0..10).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        // Other tests of this process open and close files at the same time.
        assert!(before > 3 && open_files().unwrap() >= 10);
        assert!(resident_bytes().unwrap() > 1 << 20);
    }

    #[test]
    fn the_resident_set_is_read_in_bytes() {
        assert_eq!(resident_in("Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t    17012 kB\nThreads:\t3\n"), Some(17_012 * 1_024));
        assert_eq!(resident_in("Name:\tx\n"), None);
    }
}
