//! The broker under test: configured by values, started inside the test or as a program.

mod builder;
mod log;
mod part;
mod program;
mod running;
mod setup;

pub(crate) use builder::Builder;
pub(crate) use log::Log;
pub(crate) use part::{Part, bucket, credentials, credentials_in_files, issuer_with_keys, listener};
pub(crate) use program::Program;
pub(crate) use running::{Broker, Called, MovableClock};
pub(crate) use setup::Setup;
