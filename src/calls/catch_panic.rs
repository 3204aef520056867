//! Confines a panic to its call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that returns its panic instead of unwinding.
pub(crate) struct CaughtPanic<'f, F>(pub(crate) Pin<&'f mut F>);

/// The panic's payload is dropped, because it may quote a request. The hook has logged the location.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl<F: Future> Future for CaughtPanic<'_, F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The future is not polled again after a panic, so its state does not matter. Calls share only locks that
        // poison, atomics and snapshots.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_yielded_wherever_it_happens() {
        let later = async {
            tokio::task::yield_now().await;
            panic!("later")
        };
        assert_eq!(CaughtPanic(pin!(async { panic!("at once") })).await, Err::<(), _>(Panicked));
        assert_eq!(CaughtPanic(pin!(later)).await, Err::<(), _>(Panicked));
    }

    #[tokio::test]
    async fn what_does_not_panic_passes() {
        assert_eq!(CaughtPanic(pin!(async { 7 })).await, Ok(7));
    }
}
