//! Two brokers, restarted in turn under load, lose no call.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use access_broker_dev::EmbeddedIssuer;
use tokio::task::{self, block_in_place};
use tonic::Status;
use tonic::transport::Endpoint;

use crate::support::{
    Client, ISSUER, PATIENCE, Process, VARIABLES, authorization, configured, eventually, issuer, log_lines, serving_at,
};

/// Clients, each with connections of its own to both brokers.
const CLIENTS: usize = 6;

/// Restarts of each broker.
const ROUNDS: usize = 2;

/// Calls that must have been answered between two restarts.
const CALLS_BETWEEN: u64 = 200;

fn start(issuer: &EmbeddedIssuer, address: SocketAddr) -> Process {
    let folder = configured(ISSUER, issuer.jwks());
    let arguments = ["serve", "--config", "broker.toml", "--grpc-addr", &address.to_string()];
    let variables = [&VARIABLES[..], &[("ACCESS_BROKER_SERVER__DRAIN_DELAY", "1s")]].concat();
    let mut process = Process::start(&arguments, folder, &variables);
    serving_at(&mut process);
    process
}

/// A free port at an address where no other test listens: one of those would take the port while its broker restarts.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap()
}

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    /// Which brokers serve. One that starts is called when its health says so, as balancers do; one that stops is called
    /// for as long as anything listens there.
    started: [AtomicBool; 2],
    /// Calls to each broker that have not ended. It starts again when there are none: a late one would find a broker that
    /// does not serve yet.
    open: [AtomicUsize; 2],
    answered: AtomicU64,
    redirected: AtomicU64,
}

/// Calls both brokers in turn until told otherwise. A call that was sent is never tried again. One that was not, because
/// there was no connection or it had just been told to close, goes to the other broker, as clients of gRPC do by
/// themselves.
async fn call_in_turn(clients: [Client; 2], seen: Arc<Seen>) -> Vec<String> {
    let call = async |broker: usize| {
        seen.open[broker].fetch_add(1, Ordering::SeqCst);
        let answer = if seen.started[broker].load(Ordering::SeqCst) {
            Some(clients[broker].download("media", "x").await)
        } else {
            None
        };
        seen.open[broker].fetch_sub(1, Ordering::SeqCst);
        answer
    };
    let mut lost = Vec::new();
    for turn in 0.. {
        if seen.stop.load(Ordering::Relaxed) {
            break;
        }
        let mut answer = call(turn % 2).await;
        if let Some(Err(status)) = &answer
            && was_not_sent(status)
        {
            seen.redirected.fetch_add(1, Ordering::Relaxed);
            answer = call((turn + 1) % 2).await;
        }
        match answer {
            Some(Ok(_)) => _ = seen.answered.fetch_add(1, Ordering::Relaxed),
            Some(Err(status)) => lost.push(format!("{status:?}")),
            None => task::yield_now().await,
        }
    }
    lost
}

/// Whether the client library says that the server has seen nothing of a call. It says the same of a call whose
/// connection is cut after a GOAWAY; what the brokers have logged tells the two apart.
fn was_not_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        let refused = error.downcast_ref::<io::Error>().map(io::Error::kind) == Some(io::ErrorKind::ConnectionRefused);
        let not_sent = error.downcast_ref::<hyper::Error>().is_some_and(|error| {
            error.is_canceled() || format!("{error:?}").contains("GoAway(b\"\", NO_ERROR, Remote)")
        });
        if refused || not_sent {
            return true;
        }
        cause = error.source();
    }
    false
}

/// How many calls a broker has answered: every one that it has decided. The client library gives up some calls on a
/// GOAWAY when it has sent their headers and not yet their message; they leave a line without a decision.
fn answered_by(process: &Process) -> u64 {
    let lines = log_lines(process);
    let calls = lines.iter().filter(|line| line["target"] == "access" && !line["decision_id"].is_null());
    let mut answered = 0;
    for call in calls {
        assert_eq!(call["code"], "OK", "{call}");
        answered += 1;
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_rolling_restart_loses_no_call() {
    let issuer = issuer().await;
    let addresses = [free_address(), free_address()];
    let mut brokers = addresses.map(|address| start(&issuer, address));
    let authorization = authorization(&issuer);
    let seen = Arc::new(Seen { started: [true, true].map(AtomicBool::new), ..Seen::default() });
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let clients = addresses.map(|address| {
                let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
                Client::over(channel, &[("authorization", &authorization)])
            });
            tokio::spawn(call_in_turn(clients, Arc::clone(&seen)))
        })
        .collect();
    let more_calls = async || {
        let wanted = seen.answered.load(Ordering::Relaxed) + CALLS_BETWEEN;
        eventually("calls between restarts", PATIENCE, async || seen.answered.load(Ordering::Relaxed) >= wanted).await;
    };
    let mut answered_by_brokers = 0;
    for _ in 0..ROUNDS {
        for (index, broker) in brokers.iter_mut().enumerate() {
            more_calls().await;
            broker.signal("TERM");
            // Waiting for a process blocks this thread, and the clients have the others.
            assert_eq!(block_in_place(|| broker.exit()).code(), Some(0));
            answered_by_brokers += answered_by(broker);
            seen.started[index].store(false, Ordering::SeqCst);
            eventually("the end of calls", PATIENCE, async || seen.open[index].load(Ordering::SeqCst) == 0).await;
            *broker = block_in_place(|| start(&issuer, addresses[index]));
            seen.started[index].store(true, Ordering::SeqCst);
        }
    }
    more_calls().await;
    seen.stop.store(true, Ordering::Relaxed);
    let mut lost = Vec::new();
    for client in clients {
        lost.extend(client.await.unwrap());
    }
    for mut broker in brokers {
        broker.signal("TERM");
        assert_eq!(block_in_place(|| broker.exit()).code(), Some(0));
        answered_by_brokers += answered_by(&broker);
    }
    let [answered, redirected] = [&seen.answered, &seen.redirected].map(|count| count.load(Ordering::Relaxed));
    let (restarts, lost_calls, time) = (2 * ROUNDS, lost.len(), begun.elapsed());
    println!("{restarts} restarts, {answered} calls answered, {redirected} redirected, {lost_calls} lost, {time:?}");
    assert!(lost.is_empty(), "{lost:#?}");
    assert_eq!(answered_by_brokers, answered, "an answer that a broker gave has not arrived");
}
