//! What clients can take of the server, over real sockets.

pub(crate) mod abuse;
pub(crate) mod attacks;
pub(crate) mod calls;
mod connections;
mod files;
mod memory;
mod sizes;
