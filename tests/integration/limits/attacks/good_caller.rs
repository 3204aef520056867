//! A caller who does no harm, and must be answered all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time;
use tonic::transport::Endpoint;

use crate::support::attacks::target::Target;
use crate::support::{Client, PATIENCE, eventually};

/// The rest between two calls.
const PAUSE: Duration = Duration::from_millis(20);

/// What a caller does with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    Kept,
    /// Every call has a new one.
    New,
}

/// Calls in the background, until it is stopped.
pub(crate) struct GoodCaller {
    shared: Arc<Shared>,
    task: JoinHandle<Result<(), String>>,
}

#[derive(Default)]
struct Shared {
    answered: AtomicU64,
    is_over: AtomicBool,
}

impl GoodCaller {
    /// Starts one, and returns once it was answered.
    pub(crate) async fn start(target: &Target, connection: Connection) -> Self {
        let shared = Arc::new(Shared::default());
        let endpoint = Endpoint::from_shared(format!("http://{}", target.plain)).unwrap();
        let authorization = target.authorization("good");
        let task = tokio::spawn(call(endpoint, authorization, connection, Arc::clone(&shared)));
        let caller = Self { shared, task };
        caller.answered_again(1).await;
        caller
    }

    /// Waits until it was answered so often from now on.
    pub(crate) async fn answered_again(&self, times: u64) {
        let answered = || self.shared.answered.load(Ordering::Relaxed);
        let wanted = answered() + times;
        // Its task ends with the first call that fails, and says why when it is stopped.
        eventually("answers to a good caller", 4 * PATIENCE, async || answered() >= wanted || self.task.is_finished())
            .await;
    }

    /// Stops it. Every call must have been answered.
    pub(crate) async fn stop(self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let answered = self.shared.answered.load(Ordering::Relaxed);
        if let Err(error) = self.task.await.unwrap() {
            panic!("after {answered} answers a good caller's call failed: {error}");
        }
    }
}

async fn call(
    endpoint: Endpoint,
    authorization: String,
    connection: Connection,
    shared: Arc<Shared>,
) -> Result<(), String> {
    let mut channel = None;
    while !shared.is_over.load(Ordering::Relaxed) {
        if channel.is_none() || connection == Connection::New {
            let connected = time::timeout(PATIENCE, endpoint.connect()).await.map_err(|_| "no connection in time")?;
            channel = Some(connected.map_err(|error| format!("{error:?}"))?);
        }
        let client = Client::over(channel.clone().unwrap(), &[("authorization", &authorization)]);
        let answer = time::timeout(PATIENCE, client.download("media", "x")).await.map_err(|_| "no answer in time")?;
        answer.map_err(|status| format!("{status:?}"))?;
        shared.answered.fetch_add(1, Ordering::Relaxed);
        time::sleep(PAUSE).await;
    }
    Ok(())
}
