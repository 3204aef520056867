//! A caller over HTTP/1 whose calls must all be answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{self, Instant};

use super::{DOWNLOAD_JSON, post};
use crate::support::PATIENCE;
use crate::support::attacks::target::Target;
use crate::support::http1::Http1Client;

/// The rest between two calls.
const PAUSE: Duration = Duration::from_millis(10);

/// What a caller does with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Kept,
    /// Every call has a new one.
    New,
}

/// Calls in the background, until it is stopped.
pub(super) struct GoodCaller {
    answered: watch::Receiver<u64>,
    is_over: Arc<AtomicBool>,
    task: JoinHandle<Result<Vec<Duration>, String>>,
}

impl GoodCaller {
    /// Starts one, and returns after its first answer.
    pub(super) async fn start(target: &Target, connection: Connection) -> Self {
        let (answers, answered) = watch::channel(0);
        let is_over = Arc::new(AtomicBool::new(false));
        let authorization = format!("authorization: {}", target.authorization("good"));
        let request = post("/v1/downloadUrl", &[&authorization], DOWNLOAD_JSON);
        let calls = Calls { address: target.plain, request, connection, answers };
        let task = tokio::spawn(calls.run(Arc::clone(&is_over)));
        let mut caller = Self { answered, is_over, task };
        caller.answered_again(1).await;
        caller
    }

    /// Waits for so many more answers. Its task ends at a failed call, and [`Self::stop`] says why.
    pub(super) async fn answered_again(&mut self, times: u64) {
        let wanted = *self.answered.borrow() + times;
        let answered = self.answered.wait_for(|answered| *answered >= wanted);
        let _failed = time::timeout(4 * PATIENCE, answered).await.expect("answers to a good caller");
    }

    /// Stops it, and returns how long each call took. Every call must have been answered.
    pub(super) async fn stop(self) -> Vec<Duration> {
        self.is_over.store(true, Ordering::Relaxed);
        let answered = *self.answered.borrow();
        let times = self.task.await.unwrap();
        times.unwrap_or_else(|error| panic!("after {answered} answers a good caller's call failed: {error}"))
    }
}

struct Calls {
    address: SocketAddr,
    request: String,
    connection: Connection,
    answers: watch::Sender<u64>,
}

impl Calls {
    async fn run(self, is_over: Arc<AtomicBool>) -> Result<Vec<Duration>, String> {
        let (mut times, mut kept) = (Vec::new(), None);
        while !is_over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let call = self.call(kept.take());
            let client = time::timeout(PATIENCE, call).await.map_err(|_| "it timed out")??;
            times.push(begun.elapsed());
            self.answers.send_modify(|answered| *answered += 1);
            kept = (self.connection == Connection::Kept).then_some(client);
            time::sleep(PAUSE).await;
        }
        Ok(times)
    }

    async fn call(&self, kept: Option<Http1Client>) -> Result<Http1Client, String> {
        let described = |error: std::io::Error| format!("{error:?}");
        let mut client = match kept {
            Some(client) => client,
            None => Http1Client::over(TcpStream::connect(self.address).await.map_err(described)?),
        };
        client.send(&self.request).await.map_err(described)?;
        let answer = client.answer().await.ok_or("the connection ended")?;
        if answer.status == 200 { Ok(client) } else { Err(format!("{answer:?}")) }
    }
}
