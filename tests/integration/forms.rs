//! What is no call: each gets an answer that says so.

mod authority;
mod first_bytes;
mod messages;
mod plain_http;
