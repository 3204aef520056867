//! JSON and query strings of messages, by their descriptors: the canonical JSON mapping of Protocol Buffers
//! (<https://protobuf.dev/programming-guides/json/>) and the query parameters of `google.api.http`. It knows no message
//! and no HTTP.
//!
//! The reader goes over the text once, follows the descriptor and writes the encoded message. It refuses texts that two
//! readers could understand differently: duplicate members and map keys, both spellings of one field, integers that it
//! would have to round. The documentation of the tests has the table of these decisions.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this crate wrote"))]

mod error;
mod query;
mod read;
mod scalar;
#[cfg(test)]
mod tests;
mod wire;
mod write;

pub use error::JsonError;
pub use query::{OwnValues, Parameter, form_pairs, query_to_wire, read_query};
pub use read::{json_to_wire, read_json};
pub use write::{InvalidMessage, write_json};
