//! A call as the server hands it to the pipeline.

use std::sync::Arc;

use http::Request;

use super::connection::ConnectionInfo;
use crate::admission::OpenStream;

/// A request, with what the server knows about its origin. Neither clients nor wires can forge that: a call cannot be
/// made without it.
#[derive(Debug)]
pub(crate) struct IncomingCall<B> {
    pub(crate) request: Request<B>,
    pub(crate) connection: ConnectionInfo,
    /// Holds the call's slot among the open streams.
    pub(crate) stream: Arc<OpenStream>,
    pub(crate) origin: CallOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOrigin {
    Client,
    /// The server itself, as a health check. Such calls are in no access line, metric or trace, which are about
    /// callers.
    SelfCheck,
}
