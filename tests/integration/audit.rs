//! A record of every decision, allowed or refused: what is in it, and what becomes of answers without.

mod broker;
mod crash;
mod events;
pub(crate) mod failures;
mod outputs;
mod rotation;
mod schema;
