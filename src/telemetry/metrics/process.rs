//! Metrics of the process: CPU time, memory, files and threads.
//!
//! They have the names of Prometheus's client libraries, so that existing dashboards work.

use std::fmt;
use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Unit;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::samples::{as_gauge, encode_gauge};

/// Reads `/proc` at each scrape. What cannot be read is absent.
#[derive(Debug, Default)]
pub(super) struct ProcessCollector {
    /// When the process started, as Unix time. Read once, because setting the clock changes the boot time, which it is
    /// computed from.
    started: OnceLock<f64>,
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let help = "CPU time that the process used, in user and system mode.";
        let cpu = encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), MetricType::Counter)?;
        ConstCounter::new(cpu_time().as_secs_f64()).encode(cpu)?;
        let stat = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| Stat::parse(&stat));
        let help = "Time when the process started, as Unix time.";
        encode_gauge(encoder, "process_start_time", help, Some(&Unit::Seconds), self.started(stat.as_ref()))?;
        let virtual_bytes = stat.as_ref().map(|stat| as_gauge(stat.virtual_bytes));
        let help = "Virtual memory size of the process. Most of it takes no RAM.";
        encode_gauge(encoder, "process_virtual_memory", help, Some(&Unit::Bytes), virtual_bytes)?;
        let resident = stat.as_ref().map(|stat| as_gauge(stat.resident_pages.saturating_mul(page_size() as u64)));
        let help = "Resident memory size of the process.";
        encode_gauge(encoder, "process_resident_memory", help, Some(&Unit::Bytes), resident)?;
        encode_gauge(
            encoder,
            "process_open_fds",
            "Open file descriptors of the process.",
            None,
            open_files().map(as_gauge),
        )?;
        let limit = getrlimit(Resource::Nofile).current.map_or(f64::INFINITY, as_gauge);
        encode_gauge(encoder, "process_max_fds", "Soft limit of open file descriptors.", None, Some(limit))?;
        let threads = stat.as_ref().map(|stat| as_gauge(stat.threads));
        encode_gauge(encoder, "process_threads", "Threads of the process.", None, threads)
    }
}

impl ProcessCollector {
    fn started(&self, stat: Option<&Stat>) -> Option<f64> {
        if let Some(started) = self.started.get() {
            return Some(*started);
        }
        let boot = boot_time(&fs::read_to_string("/proc/stat").ok()?)?;
        let started = as_gauge(boot) + as_gauge(stat?.started_ticks) / as_gauge(clock_ticks_per_second());
        Some(*self.started.get_or_init(|| started))
    }
}

/// The CPU time of all threads, ended ones included.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

fn open_files() -> Option<u64> {
    let listed = u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
    // One of them is the descriptor of the listing itself.
    Some(listed.saturating_sub(1))
}

/// When the machine started, as Unix time: `btime` of `proc_stat(5)`.
fn boot_time(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

/// Some fields of `proc_pid_stat(5)`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    threads: u64,
    /// Since the machine started.
    started_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(stat: &str) -> Option<Self> {
        // The second field is the name of the program, in parentheses, and may contain white space and parentheses.
        let (_, behind_name) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = behind_name.split_ascii_whitespace().collect();
        // The first one here is the third of the manual, which counts from 1.
        let field = |number: usize| fields.get(number - 3)?.parse().ok();
        Some(Self {
            threads: field(20)?,
            started_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Instant, SystemTime};

    use prometheus_client::encoding::prometheus_text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    /// The samples, by name.
    fn scrape(registry: &Registry) -> impl Fn(&str) -> f64 {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        move |name| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
        }
    }

    #[test]
    fn every_metric_of_this_process_is_plausible() {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessCollector::default()));
        let before = scrape(&registry);
        let _files: Vec<_> = (0..10).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        let cpu = cpu_time();
        let started = Instant::now();
        while cpu_time() < cpu + Duration::from_millis(20) {
            assert!(started.elapsed() < Duration::from_mins(1), "time on processors passes");
        }
        let after = scrape(&registry);
        // Other tests of this process open and close files at the same time.
        assert!(before("process_open_fds") > 3.0 && after("process_open_fds") >= 10.0);
        assert!(after("process_max_fds") >= after("process_open_fds"));
        assert!(after("process_cpu_seconds_total") > before("process_cpu_seconds_total") + 0.015);
        let resident = after("process_resident_memory_bytes");
        assert!(resident > 1_048_576.0 && resident < after("process_virtual_memory_bytes"));
        assert!(after("process_threads") >= 1.0);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - after("process_start_time_seconds");
        // The boot time is known to the second.
        assert!((-2.0..86_400.0).contains(&age), "{age}");
        assert!((before("process_start_time_seconds") - after("process_start_time_seconds")).abs() < f64::EPSILON);
    }

    #[test]
    fn threads_that_have_ended_count_as_time_on_processors() {
        let before = cpu_time();
        let burn = move || {
            let started = Instant::now();
            while cpu_time() < before + Duration::from_millis(10) && started.elapsed() < Duration::from_mins(1) {}
        };
        thread::spawn(burn).join().unwrap();
        assert!(cpu_time() >= before + Duration::from_millis(10));
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_moves_no_field() {
        let rest = "S 1 42 42 0 -1 4194560 1 0 0 0 7 8 0 0 20 0 5 0 8123456 1048576000 4321 18446744073709551615 1 1";
        let expected =
            Some(Stat { threads: 5, started_ticks: 8_123_456, virtual_bytes: 1_048_576_000, resident_pages: 4_321 });
        for name in ["access-broker", "a b", "a) S 9 9 (b", ")))", ""] {
            assert_eq!(Stat::parse(&format!("42 ({name}) {rest}\n")), expected, "{name}");
        }
    }

    #[test]
    fn a_text_that_is_not_as_expected_has_no_fields() {
        for text in
            ["", "42 (a)", "42 (a) S 1 2", "42 a S 1", "42 (a) S 1 42 42 0 -1 4 1 0 0 0 7 8 0 0 20 0 x 0 8 1 4 1"]
        {
            assert_eq!(Stat::parse(text), None, "{text}");
        }
        assert_eq!(boot_time("cpu  1 2 3\nbtime 1764140000\nprocesses 1\n"), Some(1_764_140_000));
        assert_eq!(boot_time("cpu  1 2 3\nbtime x\n"), None);
    }
}
