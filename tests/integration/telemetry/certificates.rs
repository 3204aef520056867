//! Metrics of certificates.

use crate::support::workloads::setup::{TLS, listener, start_with};
use crate::support::{PATIENCE, count, eventually, scrape_at, value};

#[tokio::test]
async fn metrics_show_the_end_of_each_listeners_certificate_and_what_became_of_changed_files() {
    let with_tls = listener("mtls", &format!("trust_domain = \"prod.example\"\n{TLS}"));
    let broker = start_with([with_tls.clone(), listener("token", ""), with_tls]).await;
    let admin = broker.server().admin_addr().to_string();
    let of = |name: &str, index: usize| format!("access_broker_{name}{{listener=\"{}\"}}", broker.address_of(index));
    let reloads = |index: usize, result: &str| {
        format!("access_broker_tls_reloads_total{{listener=\"{}\",result=\"{result}\"}}", broker.address_of(index))
    };
    let metrics = scrape_at(&admin).await;
    for index in [0, 2] {
        let loaded = value(&metrics, &of("tls_certificate_loaded_timestamp_seconds", index));
        assert!(value(&metrics, &of("tls_certificate_expiry_timestamp_seconds", index)) > loaded);
        assert_eq!((count(&metrics, &reloads(index, "loaded")), count(&metrics, &reloads(index, "refused"))), (0, 0));
        assert_eq!(count(&metrics, &of("tls_files_in_force", index)), 1);
    }
    assert!(!metrics.contains(&of("tls_files_in_force", 1)));
    assert!(!metrics.contains(&of("tls_certificate_expiry_timestamp_seconds", 1)));

    // A certificate without its key, for as long as it takes.
    let next = broker.setup.authority.server();
    broker.setup.put("tls.crt", &next.certificate_pem);
    let reloaded = async |result| count(&scrape_at(&admin).await, &reloads(0, result));
    eventually("three refusals", PATIENCE, async || reloaded("refused").await >= 3).await;
    assert_eq!(count(&scrape_at(&admin).await, &of("tls_files_in_force", 0)), 0);

    broker.setup.put_server_certificate(&next);
    // Certificate and key are two files: the broker may read between the two changes and refuse.
    eventually("a reload", PATIENCE, async || reloaded("loaded").await > 0).await;
    assert_eq!(count(&scrape_at(&admin).await, &of("tls_files_in_force", 0)), 1);
    broker.finish().await;
}
