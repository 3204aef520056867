//! A steady load on the program, while everything around it goes wrong in turn.
//!
//! By default each fault lasts about a second. `ACCESS_BROKER_SOAK_SECONDS` sets how long the whole takes.

mod attacks;
mod audit_file;
mod callers;
mod expectation;
mod faults;
mod keys;
mod ledger;
mod probe;
mod report;
mod sessions;
mod vitals;
mod world;

use std::env;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::{self, Instant};

use crate::support::assert_no_secrets;
use crate::support::pki::client_hello;
use attacks::Targets;
use expectation::Weather;
use faults::{Fault, Shares};
use ledger::Ledger;
use probe::Probe;
use report::{Report, Row};
use vitals::Vitals;
use world::World;

/// How long the faults and the calm take where nothing else is said, in seconds. Waiting for the broker to notice that
/// things are well again comes on top.
const SHORT: u64 = 36;

/// How often the broker is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How much memory the broker may take in the last calm, beside the first: so many tenths of that, and so many KiB.
const GROWTH_TENTHS: u64 = 13;
const GROWTH_KIB: u64 = 8 * 1_024;

/// A soak that is under way.
struct Soak {
    world: World,
    ledger: Arc<Ledger>,
    report: Report,
    /// The beginning of the phase.
    since: Instant,
    before: Vitals,
    /// The most that was seen since then.
    peak: Vitals,
}

impl Soak {
    fn new(world: World, ledger: Arc<Ledger>) -> Self {
        let before = world.vitals();
        Self { world, ledger, report: Report::default(), since: Instant::now(), before, peak: before }
    }

    /// Watches the broker while something goes on.
    async fn watch(&mut self, something: impl Future<Output = ()>) {
        let mut something = pin!(something);
        while time::timeout(LOOK, &mut something).await.is_err() {
            self.peak = self.peak.max(self.world.vitals());
        }
    }

    /// Ends a phase. Whatever a caller was told by now is on record by now.
    fn end_phase(&mut self, phase: &str) {
        let tally = self.ledger.take();
        block_in_place(|| self.world.audit.read_on());
        let lost = self.world.audit.lost(&tally.decisions);
        let (seconds, after) = (self.since.elapsed().as_secs_f64(), self.world.vitals());
        let (before, peak) = (self.before, self.peak.max(after));
        println!("{phase}: {} calls, {} wrong, {lost} lost, {after}", tally.calls(), tally.wrong);
        self.report.push(Row { phase: phase.to_owned(), seconds, tally, lost, before, peak, after });
        (self.since, self.before, self.peak) = (Instant::now(), after, after);
    }

    /// What a broker meets in the long run, so that its memory is near the size that it keeps: the allocator
    /// gives back little of what was freed.
    async fn warm_up(&mut self, shares: Shares, targets: &Targets) {
        for fault in [Fault::ConnectionFlood, Fault::HalfOpenPeers, Fault::HeldStreams] {
            self.watch(fault.last(targets, Instant::now() + shares.calm)).await;
        }
        self.watch(time::sleep(shares.calm)).await;
        self.end_phase("warm-up");
        self.calm(shares, "calm").await;
    }

    async fn calm(&mut self, shares: Shares, phase: &str) {
        self.watch(time::sleep(shares.calm)).await;
        self.end_phase(phase);
    }

    async fn fault(&mut self, fault: Fault, shares: Shares, targets: &Targets, probe: &Probe) {
        let until = Instant::now() + shares.fault;
        self.ledger.set_weather(Weather::Turning(fault));
        fault.begin(&mut self.world, probe).await;
        self.ledger.allow_unknown_keys();
        self.ledger.set_weather(Weather::of(fault));
        self.watch(fault.last(targets, until)).await;
        self.ledger.set_weather(Weather::Turning(fault));
        fault.end(&mut self.world, probe).await;
        self.ledger.set_weather(Weather::Calm);
        self.end_phase(fault.name());
        self.calm(shares, "  calm after it").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_broker_under_load_survives_every_fault_in_turn_and_loses_nothing() {
    let seconds = env::var("ACCESS_BROKER_SOAK_SECONDS").map_or(SHORT, |seconds| seconds.parse().unwrap());
    let whole = Duration::from_secs(seconds);
    let shares = Shares::of(whole);
    let world = World::start(whole).await;
    let probe = Probe::of(&world);
    let authorization = callers::authorization(&world.issuer, "mallory");
    let client_hello = client_hello(&world.authority);
    let targets = Targets { plain: world.plain, tls: world.tls, authorization, client_hello };
    let ledger = Arc::new(Ledger::new());
    let callers = callers::start(&world, &ledger).await;
    let mut soak = Soak::new(world, Arc::clone(&ledger));

    soak.warm_up(shares, &targets).await;
    for fault in Fault::ALL {
        soak.fault(fault, shares, &targets, &probe).await;
    }
    ledger.stop();
    callers.join_all().await;
    soak.end_phase("end");
    judge(soak).await;
}

/// Prints the table, and holds the broker to it.
async fn judge(Soak { mut world, report, .. }: Soak) {
    let table = report.table();
    assert_no_secrets("the table", &table);
    println!("\n{table}");
    let metrics = world.metrics().await;
    assert!(metrics.contains("access_broker_decisions_total"), "{metrics}");
    assert_no_secrets("the metrics", &metrics);
    world.process.signal("TERM");
    let status = block_in_place(|| world.process.exit());
    assert_eq!(status.code(), Some(0));
    let log = world.process.stderr() + &world.process.stdout();
    for word in ["panic", world::SECRET] {
        let found = log.lines().find(|line| line.contains(word));
        assert!(found.is_none(), "{word} in the output: {found:?}");
    }
    let problems = report.problems();
    assert!(problems.is_empty(), "{problems:#?}");
    world.audit.read_on();
    assert_eq!(world.audit.recorded_twice(), 0);
    // A fault that no caller has met proves nothing.
    for (phase, reason) in Fault::ALL.iter().filter_map(|fault| Some((fault.name(), fault.reason()?))) {
        let mut rows = report.rows().iter().filter(|row| row.phase == phase);
        assert!(rows.all(|row| row.tally.refused.keys().any(|name| name.ends_with(reason))), "{phase}: no {reason}");
    }
    let in_calm = |row: &&Row| row.phase.contains("calm");
    let [first, last] = [report.rows().iter().find(in_calm), report.rows().iter().rfind(in_calm)]
        .map(|row| row.unwrap().after.resident);
    assert!(last <= first * GROWTH_TENTHS / 10 + GROWTH_KIB, "{last} KiB in the end, {first} KiB in the beginning");
}
