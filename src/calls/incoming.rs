//! A call as the server hands it over.

use std::sync::Arc;

use http::Request;

use super::connection::ConnectionInfo;
use crate::admission::OpenStream;

/// A request, and beside it what the server knows of where it came from. No client and no wire can make that up: there is
/// no call without it.
#[derive(Debug)]
pub(crate) struct IncomingCall<B> {
    pub(crate) request: Request<B>,
    pub(crate) connection: ConnectionInfo,
    /// What holds the call's place among the open streams.
    pub(crate) stream: Arc<OpenStream>,
    pub(crate) origin: CallOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOrigin {
    Client,
    /// The server itself, to see whether it answers. Such calls are in no log line, metric or trace: those are about
    /// callers.
    SelfCheck,
}
