//! A signature that is ready, or that must wait, for instance for credentials.

use std::fmt;
use std::pin::Pin;

use super::error::PresignError;

/// A future that may be sent to another thread.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The answer of a presigner. Nearly all are `Ready`, without an allocation.
#[derive(Debug)]
pub enum Signing<'a, T> {
    /// The answer.
    Ready(Result<T, PresignError>),
    /// The presigner must wait first, for instance for other credentials.
    Waiting(Waiting<'a, T>),
}

/// The wait of a presigner, and the attempt after it.
pub struct Waiting<'a, T> {
    /// Why the permit could not be signed at once.
    pub refused: PresignError,
    /// Ends when another attempt may succeed. The presigner limits its time.
    pub until: BoxFuture<'a, ()>,
    /// The second and last attempt.
    pub sign: Box<dyn FnOnce() -> Result<T, PresignError> + Send + 'a>,
}

impl<T> Signing<'_, T> {
    /// The answer, after waiting if the presigner must.
    ///
    /// # Errors
    ///
    /// When the permit cannot be signed.
    pub async fn finish(self) -> Result<T, PresignError> {
        match self {
            Self::Ready(signed) => signed,
            Self::Waiting(waiting) => {
                waiting.until.await;
                (waiting.sign)()
            }
        }
    }
}

impl<T> fmt::Debug for Waiting<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("refused", &self.refused).finish_non_exhaustive()
    }
}
