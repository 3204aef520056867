//! Metrics of issuers' keys and of the token cache.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::samples::{as_flag, as_gauge, encode_counters, encode_gauge, encode_gauges};
use access_broker_identity::{Authenticator, KeyRingStatus};

/// Reads the authenticator's state at each scrape.
#[derive(Debug)]
pub(super) struct IdentityCollector(pub(super) Option<Arc<Authenticator>>);

impl Collector for IdentityCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let keys = self.0.as_ref().map(|authenticator| authenticator.key_status()).unwrap_or_default();
        encode_keys(&mut encoder, &keys)?;
        let cache = self.0.as_ref().map(|authenticator| authenticator.token_cache_status()).unwrap_or_default();
        let lookups = [([("result", "hit")], cache.hits), ([("result", "miss")], cache.misses)];
        let help = "Lookups in the cache of verified tokens, by result: hit or miss.";
        encode_counters(&mut encoder, "token_cache_lookups", help, lookups)?;
        let tokens = Some(as_gauge(cache.tokens as u64));
        encode_gauge(&mut encoder, "token_cache_entries", "Verified tokens in the cache.", None, tokens)?;
        let help = "Memory that the cache of verified tokens takes, of server.token_cache_size.";
        encode_gauge(&mut encoder, "token_cache_size", help, Some(&Unit::Bytes), Some(as_gauge(cache.bytes)))
    }
}

fn encode_keys(encoder: &mut DescriptorEncoder<'_>, keys: &[(Arc<str>, KeyRingStatus)]) -> fmt::Result {
    let of_issuers = || keys.iter().map(|(issuer, status)| ([("issuer", &**issuer)], status));
    encode_gauges(
        encoder,
        "issuer_keys",
        "Loaded signing keys of an issuer.",
        None,
        of_issuers().map(|(labels, status)| (labels, as_gauge(status.keys as u64))),
    )?;
    encode_gauges(
        encoder,
        "issuer_keys_usable",
        "1 if tokens of an issuer can be verified, 0 if its signing keys are missing or older than max_key_age.",
        None,
        of_issuers().map(|(labels, status)| (labels, as_flag(status.usable))),
    )?;
    encode_gauges(
        encoder,
        "issuer_keys_age",
        "Time since the signing keys of an issuer were last fetched.",
        Some(&Unit::Seconds),
        of_issuers().filter_map(|(labels, status)| Some((labels, status.age?.as_secs_f64()))),
    )?;
    encode_gauges(
        encoder,
        "issuer_keys_file_in_force",
        "1 if the jwks_file of an issuer, as last read, has the active signing keys, otherwise 0.",
        None,
        of_issuers().filter_map(|(labels, status)| Some((labels, as_flag(status.file_in_force?)))),
    )?;
    let refreshes = keys.iter().flat_map(|(issuer, status)| {
        let labels = |result| [("issuer", &**issuer), ("result", result)];
        [(labels("good"), status.good_refreshes), (labels("failed"), status.failed_refreshes)]
    });
    encode_counters(
        encoder,
        "issuer_key_refreshes",
        "Fetches of an issuer's signing keys, by result: good or failed.",
        refreshes,
    )
}
