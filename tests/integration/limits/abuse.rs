//! Clients that mean harm. After each of them an ordinary call on a new connection is answered, and nothing is left.

use std::fs;
use std::net::SocketAddr;

use crate::support::Broker;
use crate::support::attacks::floods::{
    continuation_flood, empty_data_flood, half_prefaces, nonsense, ping_flood, rapid_reset, settings_flood,
};
use crate::support::{Client, PATIENCE, Process, VARIABLES, authorization, configured, eventually, issuer, serving_at};

macro_rules! survives {
    ($($test:ident: $abuse:ident;)*) => { $(
        #[tokio::test]
        async fn $test() {
            let broker = Broker::builder().silent_s3().start().await;
            for _ in 0..3 {
                $abuse(broker.address()).await;
                broker.assert_serves().await;
            }
            broker.wait_for_open(0).await;
            let counters = broker.counters();
            assert_eq!((counters.calls.panics.get(), counters.accept_errors.get()), (0, 0));
            broker.finish().await;
        }
    )* };
}

survives! {
    a_rapid_reset_does_no_harm: rapid_reset;
    a_flood_of_continuations_does_no_harm: continuation_flood;
    a_flood_of_settings_does_no_harm: settings_flood;
    a_flood_of_pings_does_no_harm: ping_flood;
    a_flood_of_empty_data_does_no_harm: empty_data_flood;
    half_a_preface_does_no_harm: half_prefaces;
    what_is_no_http_2_does_no_harm: nonsense;
}

/// A line of `/proc/PID/status`, in KiB.
fn resident_kib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn open_files(process: &Process) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count()
}

#[tokio::test]
async fn no_abuse_leaves_memory_or_files_behind() {
    /// What an allocator may keep for the next time.
    const SLACK_KIB: u64 = 24 * 1_024;
    let issuer = issuer().await;
    let mut process = Process::start(
        &["serve", "--config", "broker.toml"],
        configured(crate::support::ISSUER, issuer.jwks()),
        &VARIABLES,
    );
    let address: SocketAddr = serving_at(&mut process).parse().unwrap();
    let call = async || Client::connect(address, &[&authorization(&issuer)]).await.download("media", "x").await;
    call().await.unwrap();
    let (memory, files) = (resident_kib(&process), open_files(&process));
    for _ in 0..2 {
        rapid_reset(address).await;
        continuation_flood(address).await;
        settings_flood(address).await;
        ping_flood(address).await;
        empty_data_flood(address).await;
        half_prefaces(address).await;
        call().await.unwrap();
    }
    eventually("as many files as before", PATIENCE, async || open_files(&process) <= files).await;
    let grown = resident_kib(&process).saturating_sub(memory);
    assert!(grown < SLACK_KIB, "{grown} KiB more than the {memory} KiB before");
}
