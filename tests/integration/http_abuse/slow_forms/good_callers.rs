//! Callers whose calls must all be answered, and how long they wait.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::super::{DOWNLOAD_JSON, post};
use crate::support::attacks::target::Target;
use crate::support::raw_http1::Http1Client;
use crate::support::{PATIENCE, eventually};

/// The time between two calls.
const PAUSE: Duration = Duration::from_millis(20);

/// How long calls took.
#[derive(Default)]
pub(super) struct Waits(Vec<Duration>);

impl Waits {
    /// The time within which 99 of 100 calls were answered.
    pub(super) fn p99(&self) -> Duration {
        self.quantile(99)
    }

    fn quantile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        *sorted.get(place).expect("calls were made")
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = [50, 99, 100].map(|percent| self.quantile(percent).as_secs_f64() * 1_000.0);
        write!(f, "{:>5} calls, p50 {p50:.1} ms, p99 {p99:.1} ms, longest {max:.1} ms", self.0.len())
    }
}

#[derive(Default)]
struct Shared {
    waits: Mutex<Waits>,
    is_over: AtomicBool,
}

/// Two callers in the background: one keeps its connection, the other one has a new one for each call.
pub(super) struct GoodCallers {
    shared: Arc<Shared>,
    tasks: JoinSet<usize>,
}

impl GoodCallers {
    pub(super) async fn start(target: &Target) -> Self {
        let shared = Arc::<Shared>::default();
        let mut tasks = JoinSet::new();
        for (subject, is_kept) in [("kept", true), ("new", false)] {
            let authorization = format!("authorization: {}", target.authorization(subject));
            tasks.spawn(call(target.plain, authorization, is_kept, Arc::clone(&shared)));
        }
        let callers = Self { shared, tasks };
        callers.answered_again(2).await;
        callers
    }

    fn answered(&self) -> usize {
        self.shared.waits.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }

    /// Waits until so many calls were answered from now on.
    pub(super) async fn answered_again(&self, times: usize) {
        let wanted = self.answered() + times;
        eventually("answers to good callers", PATIENCE, async || self.answered() >= wanted).await;
    }

    /// The times since this was asked last.
    pub(super) fn take_waits(&self) -> Waits {
        std::mem::take(&mut *self.shared.waits.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops them, and gives the number of their calls, each of which was answered.
    pub(super) async fn stop(mut self) -> usize {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let mut calls = 0;
        while let Some(ended) = self.tasks.join_next().await {
            calls += ended.unwrap();
        }
        calls
    }
}

async fn call(address: SocketAddr, authorization: String, is_kept: bool, shared: Arc<Shared>) -> usize {
    let request = post("/v1/downloadUrl", &[&authorization], DOWNLOAD_JSON);
    let (mut kept, mut calls) = (None, 0);
    while !shared.is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let mut client = match kept.take() {
            Some(client) => client,
            None => Http1Client::connect(address).await,
        };
        let answer = client.ask(&request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        shared.waits.lock().unwrap_or_else(PoisonError::into_inner).0.push(begun.elapsed());
        calls += 1;
        if is_kept {
            kept = Some(client);
        }
        time::sleep(PAUSE).await;
    }
    calls
}
