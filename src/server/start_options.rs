//! What the server takes from its environment.

use std::fmt;
use std::sync::Arc;

use crate::broker::DecisionId;
use crate::telemetry::{LogCounts, Traces};
use access_broker_base::clock::{Clock, SystemClock};
use access_broker_s3::credentials::ReadEnv;

/// What the server takes from its environment.
#[derive(Clone)]
pub struct StartOptions {
    /// The machine's clock, except in tests.
    pub clock: Arc<dyn Clock>,
    /// The environment variables, for credentials that the configuration names.
    pub environment: ReadEnv,
    /// Makes a unique decision id.
    pub decision_ids: fn() -> DecisionId,
    /// The exporter of spans. The server flushes it when it stops.
    pub traces: Traces,
    /// Counts lost log lines, for metrics.
    pub log: Arc<LogCounts>,
    /// Whether the server refuses requests over HTTP whose `Host` is not a loopback name. A development server has no other
    /// clients than this machine's, which include pages in a browser (DNS rebinding).
    pub loopback_hosts_only: bool,
}

impl StartOptions {
    /// The machine's own, without traces, with a log that loses nothing, and for every `Host`.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            environment: Arc::new(|name| std::env::var(name).ok()),
            decision_ids: DecisionId::generate,
            traces: Traces::off(),
            log: Arc::default(),
            loopback_hosts_only: false,
        }
    }
}

impl fmt::Debug for StartOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartOptions").finish_non_exhaustive()
    }
}
