//! Callers that prove themselves as workloads: by certificates, by a mesh's header, over every kind of listener.

mod commands;
mod lifecycle;
mod listeners;
mod mesh_header;
mod mtls;
mod token_and_mtls;
pub(crate) use crate::support::workloads::tokens;
mod unix_socket;
