//! Tests whether records can be written while no call does so: a server that has just started or is out of rotation
//! gets no calls.

use std::sync::Arc;
use std::time::Duration;

use tokio::time;

use super::sink::AuditSink;

/// The time between attempts.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// The longest time between attempts. It is reached if attempts succeed and records fail nevertheless, so that the
/// server's readiness changes again and again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Tests the output at once, and then while its state is unknown. Never returns.
pub(super) async fn watch(sink: Arc<dyn AuditSink>) {
    let status = Arc::clone(sink.status());
    loop {
        if status.is_in_doubt() {
            sink.attempt().await;
        }
        time::sleep(pause(status.relapses())).await;
    }
}

fn pause(relapses: u32) -> Duration {
    let factor = 2_u32.saturating_pow(relapses);
    SHORTEST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_relapses_and_have_a_limit() {
        let pauses: Vec<u64> = (0..7).map(|relapses| pause(relapses).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
