//! How long a connection is served.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time;

use super::read_turn::ReadTurn;
use super::shared::{CLOSE_GRACE, Shared};
use crate::admission::ConnectionEntry;
use access_broker_base::pacing::{jittered, random_fraction};

/// Why a client is told to leave.
enum CloseReason {
    Stop,
    Age,
    Idle,
}

/// How a client leaves.
pub(super) struct Departure<T, E> {
    /// Tells the client to leave; calls in flight may finish.
    pub(super) tell: T,
    /// How long a client that was told because of the connection's age may then be without calls. If the server stops,
    /// it is [`CLOSE_GRACE`].
    pub(super) quiet_after_age: Duration,
    /// Ends the connection after that time. Dropping it ends it as well.
    pub(super) end: E,
}

/// Serves a connection until it ends: closed by the client, too old, idle, or because the server stops. An error is the
/// library's.
pub(super) async fn run<C>(
    mut http: Pin<&mut C>,
    departure: Departure<impl FnOnce(Pin<&mut C>), impl FnOnce(Pin<&mut C>)>,
    turn: &ReadTurn,
    entry: &Arc<ConnectionEntry>,
    shared: &Shared,
) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>>,
{
    let Shared { limits, counters, stop, cut, .. } = shared;
    let reason = tokio::select! {
        ended = in_turns(http.as_mut(), turn) => return ended,
        () = cut.cancelled() => return Ok(()),
        why = entry.ended() => {
            shared.note_end(why);
            return Ok(());
        }
        () = stop.cancelled() => CloseReason::Stop,
        // A random age, so that connections that began together, for example after a restart, do not all reconnect
        // together.
        () = time::sleep(jittered(limits.connection_age, random_fraction())) => CloseReason::Age,
        () = without_calls(entry.calls().subscribe(), limits.connection_idle) => CloseReason::Idle,
    };
    turn.lift();
    (departure.tell)(http.as_mut());
    let (grace, quiet) = match reason {
        // The server's own grace ends in `cut`.
        CloseReason::Stop => (Duration::MAX, CLOSE_GRACE),
        CloseReason::Age => {
            counters.connections_aged.add_one();
            (limits.connection_age_grace, departure.quiet_after_age)
        }
        CloseReason::Idle => {
            counters.connections_idle.add_one();
            (limits.connection_age_grace, CLOSE_GRACE)
        }
    };
    let stops_later = async {
        stop.cancelled().await;
        without_calls(entry.calls().subscribe(), CLOSE_GRACE).await;
    };
    let quiet = async {
        tokio::select! {
            () = without_calls(entry.calls().subscribe(), quiet) => {}
            () = stops_later => {}
        }
    };
    tokio::select! {
        ended = http.as_mut() => return ended,
        why = entry.ended() => shared.note_end(why),
        () = quiet => {
            tracing::debug!("connection closed: waiting for an idle client to leave timed out");
            (departure.end)(http.as_mut());
            // A call that began just now, if the protocol lets it finish.
            tokio::select! {
                ended = http => return ended,
                () = without_calls(entry.calls().subscribe(), CLOSE_GRACE) => {}
                () = cut.cancelled() => {}
            }
        }
        () = time::sleep(grace) => counters.connections_cut.add_one(),
        () = cut.cancelled() => counters.connections_cut.add_one(),
    }
    Ok(())
}

/// Polls a connection, one turn at a time.
async fn in_turns<C: Future>(mut connection: Pin<&mut C>, turn: &ReadTurn) -> C::Output {
    poll_fn(|context| {
        turn.begin();
        connection.as_mut().poll(context)
    })
    .await
}

/// Logs the library's error.
pub(super) fn log_failure(error: hyper::Error) {
    tracing::debug!(error = %anyhow::Error::new(error), "connection failed");
}

/// Returns when no call has been open for this long.
async fn without_calls(mut open: watch::Receiver<usize>, limit: Duration) {
    // The sender lives as long as the connection, and this future no longer.
    while open.wait_for(|open| *open == 0).await.is_ok() {
        tokio::select! {
            () = time::sleep(limit) => return,
            _ = open.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_comes_and_goes_begins_the_wait_anew() {
        let open = watch::Sender::new(1);
        let limit = Duration::from_secs(10);
        let begun = Instant::now();
        let waiting = tokio::spawn(without_calls(open.subscribe(), limit));
        time::sleep(Duration::from_mins(1)).await;
        assert!(!waiting.is_finished(), "a call is open");
        open.send_replace(0);
        time::sleep(Duration::from_secs(9)).await;
        open.send_replace(1);
        open.send_replace(0);
        waiting.await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 79);
    }
}
