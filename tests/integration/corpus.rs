//! Calls with proofs of all kinds against a broker in a process of its own, over real sockets: every token of
//! `tests/corpus/tokens.toml`, and every header of `tests/corpus/workloads.toml`.
//!
//! The process is what makes the log exact: its access lines are those of the corpus and of nothing else.

mod broker;
mod data;
mod expectation;
mod key_pair;
mod members;
mod mint;
mod reasons;
mod secrecy;
mod signature;
mod template;
mod tokens;
mod workloads;
