//! What the tests share: a running broker, its client, an HTTP client, and an ear for secrets.

mod access_lines;
pub(crate) mod attacks;
mod audit_records;
pub(crate) mod broker;
mod bucket;
mod channel;
mod client;
mod dev;
pub(crate) mod events;
pub(crate) mod http1;
pub(crate) mod http2;
mod metrics;
pub(crate) mod own_network;
pub(crate) mod pki;
mod process;
pub(crate) mod raw;
pub(crate) mod secrets;
mod server;
mod serving;
pub(crate) mod small_disk;
mod starting;
mod wait;
pub(crate) mod workloads;

pub(crate) use access_lines::AccessLines;
pub(crate) use audit_records::{audit_record, audit_records, schema_problems};
pub(crate) use broker::{Broker, Builder, Part, Program};
pub(crate) use bucket::{BUCKET, EVERYBODY_READS, VARIABLES};
pub(crate) use channel::{tcp_channel, unix_channel};
pub(crate) use client::{Client, SHARED_REQUEST_ID, error_info, field_violations, http_request};
pub(crate) use dev::{ANY_PORT, start_dev};
pub(crate) use metrics::{
    count, download_of, download_with_look, open_metrics, plain_metrics, scrape, scrape_as, scrape_at, sum, value,
    verification_of,
};
pub(crate) use process::{Process, folder};
pub(crate) use secrets::{assert_no_secrets, capture_logs};
pub(crate) use server::{TestServer, start_server};
pub(crate) use serving::{
    AUDIENCE, ISSUER, authorization, authorization_of, config_with_keys_at, configured, configuring, forged_token,
    is_ready, issuer, listening_on, log_lines, serving_at, serving_on, start_options, token_with_key_id, unix_seconds,
};
pub(crate) use starting::{StartingBroker, token_of};
pub(crate) use wait::{PATIENCE, end_within, eventually, run, run_within, try_run_within};

/// Sends a GET request, which must be answered in time.
pub(crate) async fn http_get(url: impl reqwest::IntoUrl) -> reqwest::Result<reqwest::Response> {
    reqwest::Client::builder().timeout(PATIENCE).build()?.get(url).send().await
}

/// Replaces a file in one step, as an operator should.
pub(crate) fn replace(path: &std::path::Path, content: impl AsRef<[u8]>) {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    std::fs::write(&new, content).unwrap();
    std::fs::rename(&new, path).unwrap();
}

/// The objects of the dev environment.
pub(crate) const CUTE_CAT: &str = "tier 1/cute-cat.jpg";
pub(crate) const SUPER_CUTE_CAT: &str = "tier 2/super-cute-cat.jpg";

/// Reports a broker that a test has dropped without its checks. A test that has failed has none.
pub(crate) fn end_line(is_finished: bool) {
    if !is_finished && !std::thread::panicking() {
        println!("a broker was dropped without finish(): its log and its audit records are not checked");
    }
}
