//! Asks a provider of credentials on a separate thread, which may hang without harm.
//!
//! The SDK reads files with blocking calls inside its async code. A file that does not answer (a FIFO, a file system
//! whose server is unavailable) would block a thread of the server's runtime permanently. Here it blocks only this
//! thread.

use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError as ProviderError;
use aws_credential_types::provider::{ProvideCredentials, Result as ProviderResult, SharedCredentialsProvider};
use thiserror::Error;
use tokio::runtime::{self, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::failure::ChainFailure;
use super::progress::Progress;

/// The most threads: one that answers, or this number of threads that hang.
const MAX_THREADS: usize = 4;
/// How long the drop of a cancelled question waits, so that its program is killed before the process ends.
const CANCEL_WAIT: Duration = Duration::from_millis(200);

type Start = dyn Fn(Progress) -> SharedCredentialsProvider + Send + Sync;

/// A provider on a separate thread with a separate runtime. Both are created at the first question, and again after a
/// thread that hangs was abandoned: kept connections belong to the runtime.
pub(super) struct ProviderThread {
    limit: Duration,
    start: Box<Start>,
    running: Mutex<Option<Running>>,
    /// A thread holds a permit until it ends, also after it was abandoned.
    permits: Arc<Semaphore>,
    /// Where the last abandoned thread hangs.
    hangs_at: Mutex<String>,
}

#[derive(Debug, Clone)]
struct Running {
    questions: mpsc::UnboundedSender<Question>,
    progress: Progress,
}

#[derive(Debug)]
struct Question {
    answer: oneshot::Sender<ProviderResult>,
    /// Dropped when the work on the question has ended.
    ended: blocking::Sender<()>,
}

/// Why the thread gave no answer.
#[derive(Debug, Error)]
enum NoAnswer {
    #[error("starting a thread failed: {0}")]
    Start(#[source] std::io::Error),
    #[error("the thread that asks the source failed")]
    Ended,
    #[error("timed out after {} seconds: a file or file system does not answer", .0.as_secs_f32())]
    Hangs(Duration),
    #[error(
        "not asked: limit reached, {MAX_THREADS} earlier requests still wait for a file or file system that does not \
         answer"
    )]
    Full,
}

impl ProviderThread {
    /// `limit` is the time after which the thread is abandoned. `start` creates the provider, on the thread.
    pub(super) fn new(
        limit: Duration,
        start: impl Fn(Progress) -> SharedCredentialsProvider + Send + Sync + 'static,
    ) -> Self {
        Self {
            limit,
            start: Box::new(start),
            running: Mutex::default(),
            permits: Arc::new(Semaphore::new(MAX_THREADS)),
            hangs_at: Mutex::default(),
        }
    }

    /// Asks the provider. Dropping the future cancels the question.
    pub(super) async fn ask(&self) -> ProviderResult {
        let running = self.running().map_err(|error| failure(&lock(&self.hangs_at), &error))?;
        let (answer, answered) = oneshot::channel();
        let (ended, ends) = blocking::channel();
        let mut asked = Asked { answered, ends, is_wanted: true };
        // If the thread has ended, this drops the answer's sender at once.
        let _sent = running.questions.send(Question { answer, ended });
        let answer = timeout(self.limit, &mut asked.answered).await;
        asked.is_wanted = false;
        let error = match answer {
            Ok(Ok(answer)) => return answer,
            Ok(Err(_)) => NoAnswer::Ended,
            Err(_) => NoAnswer::Hangs(self.limit),
        };
        let at = running.progress.all();
        self.give_up(&running);
        lock(&self.hangs_at).clone_from(&at);
        Err(failure(&at, &error))
    }

    /// The thread that answers, or a new one.
    fn running(&self) -> Result<Running, NoAnswer> {
        let mut held = lock(&self.running);
        if let Some(running) = &*held {
            return Ok(running.clone());
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| NoAnswer::Full)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(NoAnswer::Start)?;
        let (questions, asked) = mpsc::unbounded_channel();
        let progress = Progress::default();
        let provider = {
            // The SDK may need a runtime when its clients are created.
            let _within = runtime.enter();
            (self.start)(progress.clone())
        };
        let answer = move || answer_all(runtime, &provider, asked, permit);
        thread::Builder::new().name("aws-credentials".to_owned()).spawn(answer).map_err(NoAnswer::Start)?;
        let running = Running { questions, progress };
        *held = Some(running.clone());
        Ok(running)
    }

    /// Abandons the thread: the next question uses a new one. The old one ends when its call returns.
    fn give_up(&self, running: &Running) {
        let mut held = lock(&self.running);
        if held.as_ref().is_some_and(|held| held.questions.same_channel(&running.questions)) {
            *held = None;
        }
    }
}

fn failure(at: &str, error: &NoAnswer) -> ProviderError {
    ProviderError::provider_error(ChainFailure::without_answer(format!("{at}{error}")))
}

/// The main function of the thread: answers until the questions end.
fn answer_all(
    runtime: Runtime,
    provider: &SharedCredentialsProvider,
    mut questions: mpsc::UnboundedReceiver<Question>,
    permit: OwnedSemaphorePermit,
) {
    runtime.block_on(async {
        while let Some(Question { mut answer, ended }) = questions.recv().await {
            let given = tokio::select! {
                biased;
                () = answer.closed() => None,
                given = provider.provide_credentials() => Some(given),
            };
            if let Some(given) = given {
                // The question may have been cancelled.
                let _answered = answer.send(given);
            }
            drop(ended);
        }
    });
    // Does not wait for a blocking call.
    runtime.shutdown_background();
    drop(permit);
}

/// A question in flight. Drop cancels it.
struct Asked {
    answered: oneshot::Receiver<ProviderResult>,
    ends: blocking::Receiver<()>,
    is_wanted: bool,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.answered.close();
        if self.is_wanted {
            // This happens only at the end of the process.
            let _ended_or_hangs = self.ends.recv_timeout(CANCEL_WAIT);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::future;
    use tokio::time::{Instant, sleep};

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);
    const PATIENCE: Duration = Duration::from_secs(30);

    type Answer = dyn Fn() -> future::ProvideCredentials<'static> + Send + Sync;

    struct Provider(Box<Answer>);

    impl std::fmt::Debug for Provider {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Provider")
        }
    }

    impl ProvideCredentials for Provider {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            (self.0)()
        }
    }

    fn provider(
        answer: impl Fn() -> future::ProvideCredentials<'static> + Send + Sync + 'static,
    ) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Provider(Box::new(answer)))
    }

    fn keys() -> Credentials {
        Credentials::new("A", "secret", None, None, "test")
    }

    async fn error(thread: &ProviderThread) -> String {
        crate::credentials::CredentialsError::from(thread.ask().await.unwrap_err()).to_string()
    }

    /// Blocks a thread while it is closed.
    #[derive(Default)]
    struct Gate {
        is_closed: Mutex<bool>,
        opens: Condvar,
    }

    impl Gate {
        fn set(&self, is_closed: bool) {
            *lock(&self.is_closed) = is_closed;
            self.opens.notify_all();
        }

        fn pass(&self) {
            drop(self.opens.wait_while(lock(&self.is_closed), |is_closed| *is_closed));
        }
    }

    /// A provider whose calls block their thread while the gate is closed, and the number of calls.
    fn that_blocks(gate: &Arc<Gate>) -> (ProviderThread, Arc<AtomicUsize>) {
        let (made, gate) = (Arc::new(AtomicUsize::new(0)), Arc::clone(gate));
        let counted = Arc::clone(&made);
        let thread = ProviderThread::new(SHORT, move |progress| {
            counted.fetch_add(1, Ordering::SeqCst);
            let gate = Arc::clone(&gate);
            provider(move || {
                progress.begins("web identity", "profile: nothing".to_owned());
                let gate = Arc::clone(&gate);
                future::ProvideCredentials::new(async move {
                    gate.pass();
                    Ok(keys())
                })
            })
        });
        (thread, made)
    }

    #[tokio::test]
    async fn one_thread_answers_one_question_after_another() {
        let (thread, made) = that_blocks(&Arc::default());
        for _ in 0..3 {
            assert_eq!(thread.ask().await.unwrap().access_key_id(), "A");
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn threads_that_hang_are_given_up_up_to_a_limit_and_free_their_places_when_they_come_back() {
        let gate = Arc::<Gate>::default();
        let (thread, made) = that_blocks(&gate);
        gate.set(true);
        for _ in 0..MAX_THREADS {
            let error = error(&thread).await;
            assert!(error.contains("profile: nothing; web identity: timed out after 0.3 seconds"), "{error}");
        }
        let message = error(&thread).await;
        assert!(message.contains("web identity: not asked: limit reached, 4 earlier requests still wait"), "{message}");
        assert_eq!(made.load(Ordering::SeqCst), MAX_THREADS);
        gate.set(false);
        let started = Instant::now();
        while thread.ask().await.is_err() {
            assert!(started.elapsed() < PATIENCE, "no permit was freed");
            sleep(Duration::from_millis(10)).await;
        }
        assert!(made.load(Ordering::SeqCst) > MAX_THREADS);
    }

    #[tokio::test]
    async fn provider_that_panics_is_made_anew() {
        let panics = Arc::new(AtomicBool::new(true));
        let shared = Arc::clone(&panics);
        let thread = ProviderThread::new(PATIENCE, move |_| {
            let panics = Arc::clone(&shared);
            provider(move || {
                assert!(!panics.load(Ordering::SeqCst), "as configured");
                future::ProvideCredentials::ready(Ok(keys()))
            })
        });
        assert!(error(&thread).await.contains("the thread that asks the source failed"));
        panics.store(false, Ordering::SeqCst);
        assert!(thread.ask().await.is_ok());
    }

    #[tokio::test]
    async fn question_that_is_dropped_has_ended_by_then() {
        struct Dropped(Arc<AtomicBool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let (began, dropped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let shared = (Arc::clone(&began), Arc::clone(&dropped));
        let thread = ProviderThread::new(PATIENCE, move |_| {
            let (began, dropped) = shared.clone();
            provider(move || {
                let (began, dropped) = (Arc::clone(&began), Dropped(Arc::clone(&dropped)));
                future::ProvideCredentials::new(async move {
                    let _dropped = dropped;
                    began.store(true, Ordering::SeqCst);
                    std::future::pending().await
                })
            })
        });
        tokio::select! {
            _ = thread.ask() => unreachable!("it never answers"),
            () = async { while !began.load(Ordering::SeqCst) { sleep(Duration::from_millis(1)).await } } => {}
        }
        assert!(dropped.load(Ordering::SeqCst));
    }
}
