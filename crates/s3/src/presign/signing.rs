//! A signature that is there at once, or that must wait for something first.

use std::fmt;
use std::pin::Pin;

use super::error::PresignError;

/// A future that may be sent to another thread.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a presigner answers. Nearly every answer is there at once, without an allocation.
#[derive(Debug)]
pub enum Signing<'a, T> {
    /// The answer.
    Ready(Result<T, PresignError>),
    /// The presigner must wait for something first, such as other credentials.
    Waiting(Waiting<'a, T>),
}

/// What a presigner waits for, and what it does then.
pub struct Waiting<'a, T> {
    /// Why the permit could not be signed at once.
    pub refused: PresignError,
    /// Ends when it is worth another attempt. How long that may take is limited by the presigner.
    pub until: BoxFuture<'a, ()>,
    /// The other attempt. There is no third one.
    pub sign: Box<dyn FnOnce() -> Result<T, PresignError> + Send + 'a>,
}

impl<T> Signing<'_, T> {
    /// The answer, for which this waits only where the presigner must.
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
