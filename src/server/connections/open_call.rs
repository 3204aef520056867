//! A call in progress, for the limits of its connection.

use std::sync::Arc;

use crate::admission::ConnectionEntry;

/// Counts a call for as long as it lives, even if it panics.
pub(super) struct OpenCall(Arc<ConnectionEntry>);

impl OpenCall {
    pub(super) fn begin(connection: &Arc<ConnectionEntry>) -> Self {
        connection.calls().send_modify(|open| *open += 1);
        Self(Arc::clone(connection))
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.calls().send_modify(|open| *open -= 1);
    }
}
