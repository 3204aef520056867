//! What the callers of a soak have seen, phase by phase.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tonic::Code;
use uuid::Uuid;

use super::expectation::Weather;

/// How many wrong answers are kept word by word.
const KEPT: usize = 20;

/// The counts of one phase.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) answered: u64,
    /// By code and reason.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) wrong: u64,
    /// Some of the wrong answers.
    pub(super) wrong_answers: Vec<String>,
    /// URLs that were used at the S3 server.
    pub(super) used: u64,
    /// The decisions that the callers were told of, and that must be on record.
    pub(super) decisions: Vec<Uuid>,
}

impl Tally {
    pub(super) fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(super) fn calls(&self) -> u64 {
        self.answered + self.refusals() + self.wrong
    }
}

/// What all callers share.
#[derive(Debug)]
pub(super) struct Ledger {
    tally: Mutex<Tally>,
    weather: Mutex<Weather>,
    stop: AtomicBool,
    unknown_keys: AtomicBool,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            tally: Mutex::default(),
            weather: Mutex::new(Weather::Calm),
            stop: AtomicBool::new(false),
            unknown_keys: AtomicBool::new(false),
        }
    }

    pub(super) fn weather(&self) -> Weather {
        *self.weather.lock().unwrap()
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    /// From now on some calls have tokens whose keys nobody knows.
    pub(super) fn allow_unknown_keys(&self) {
        self.unknown_keys.store(true, Ordering::Relaxed);
    }

    pub(super) fn unknown_keys(&self) -> bool {
        self.unknown_keys.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Ends a phase.
    pub(super) fn take(&self) -> Tally {
        mem::take(&mut self.tally.lock().unwrap())
    }

    /// Counts an answer that was as expected.
    pub(super) fn count(&self, code: Code, reason: &str, decision: Option<&str>) {
        let mut tally = self.tally.lock().unwrap();
        if code == Code::Ok {
            tally.answered += 1;
        } else {
            *tally.refused.entry(format!("{code:?} {reason}")).or_default() += 1;
        }
        // The one decision that need not be on record is that whose record failed.
        if reason != "AUDIT_UNAVAILABLE" {
            tally.decisions.extend(decision.map(|id| Uuid::parse_str(id).unwrap()));
        }
    }

    pub(super) fn count_use(&self) {
        self.tally.lock().unwrap().used += 1;
    }

    pub(super) fn count_wrong(&self, answer: String) {
        let mut tally = self.tally.lock().unwrap();
        tally.wrong += 1;
        if tally.wrong_answers.len() < KEPT {
            tally.wrong_answers.push(answer);
        }
    }
}
