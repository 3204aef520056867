//! The promise of a URL: what the broker signs, real S3 servers take from the HTTP clients that people use, and nothing
//! else.
//!
//! Three servers: the embedded one, rclone, which verifies signatures on its own, and moto, which verifies none and knows
//! what most headers of S3 mean. They disagree on codes, so that a refusal is any answer from 400 to 499. Servers and
//! clients that are not installed make their cases say so.

mod attribution;
mod binding;
mod checksums;
mod clients;
mod conditions;
mod downloads;
mod endpoints;
mod existence;
mod failing_servers;
mod fixture;
mod keys;
mod round_trips;
mod servers;
mod stable;
mod storage_headers;
mod verification;
