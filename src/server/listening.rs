//! Listeners: their sockets, what they trust, and how many connections fit into the process.

pub(super) mod accept_backoff;
pub(super) mod file_limit;
pub(super) mod listener;
pub(super) mod own_network;
mod unix_socket;
