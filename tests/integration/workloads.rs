//! Callers that prove themselves as workloads: by certificates, by a mesh's header, over every kind of listener.

pub(crate) mod broker;
mod commands;
mod lifecycle;
mod listeners;
mod mesh_header;
mod mtls;
pub(crate) mod setup;
mod token_and_mtls;
pub(crate) mod tokens;
mod unix_socket;
