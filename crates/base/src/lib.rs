//! Code that the other crates share: documents, files, time and text. It depends on none of them.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

pub mod clock;
#[cfg(feature = "document")]
pub mod document;
pub mod error_chain;
pub mod files;
pub mod hex;
pub mod invisible;
pub mod loopback_host;
pub mod pacing;
#[cfg(feature = "test-util")]
pub mod testing;
