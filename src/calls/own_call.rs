//! Calls of the server to itself.

/// In the extensions of a call that the server makes to itself, to see whether it answers. No client can put it there.
/// Such calls are in no log line, metric or trace: those are about callers.
#[derive(Debug, Clone, Copy)]
pub struct OwnCall;
