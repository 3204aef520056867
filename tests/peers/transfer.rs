//! The promise of a URL: what the broker signs, real S3 servers take from the HTTP clients that people use, and nothing
//! else.
//!
//! Five servers: the embedded one; rclone, `SeaweedFS` and Ceph's gateway, which verify signatures on their own; and moto,
//! which verifies none and knows what most headers of S3 mean. They disagree on codes, so that a refusal is any answer from
//! 400 to 499, and on more: `servers/peer.rs` says on what, and `promises` measures it. Servers and clients that are not
//! installed leave their tests ignored; in CI that is a failure.
//!
//! All are found by the PATH: `rclone`, `weed`, `moto_server`, `radosgw`. Ceph's other programs and its libraries are looked
//! for where its gateway is, so that packages can be unpacked anywhere: `.ci/ceph FOLDER` does it, and
//! `PATH=$PATH:FOLDER/usr/bin` finds them.

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
mod odd_servers;
mod promises;
mod round_trips;
mod servers;
mod stable;
mod storage_headers;
mod stored_as_promised;
mod verification;

use crate::registry::Registry;

pub(crate) fn register(registry: &mut Registry<'_>) {
    attribution::register(registry);
    binding::register(registry);
    checksums::register(registry);
    conditions::register(registry);
    downloads::register(registry);
    endpoints::register(registry);
    existence::register(registry);
    failing_servers::register(registry);
    keys::register(registry);
    odd_servers::register(registry);
    promises::register(registry);
    round_trips::register(registry);
    stable::register(registry);
    storage_headers::register(registry);
    stored_as_promised::register(registry);
    verification::register(registry);
}
