//! A broker with workloads: who they are, what they may read, and how its listeners are configured.

use crate::support::broker::{Broker, Builder, Part};
pub(crate) use crate::support::broker::{Setup, listener};

/// The workload that the policy grants `thumbnails/`.
pub(crate) const THUMBNAILER: &str = "spiffe://prod.example/ns/media/sa/thumbnailer";

/// The same for a mesh that is Linkerd's.
pub(crate) const LINKERD_THUMBNAILER: &str = "thumbnailer.media.serviceaccount.identity.linkerd.prod.example";

/// Another of the same trust domain, whose workloads are granted `shared/`.
pub(crate) const INDEXER: &str = "spiffe://prod.example/ns/media/sa/indexer";

/// One of another trust domain, with the path of the first.
pub(crate) const FOREIGNER: &str = "spiffe://test.example/ns/media/sa/thumbnailer";

/// The person whom the policy grants `people/`.
pub(crate) const ADA: &str = "ada";

const POLICY: &str = r#"
tier = [
    { name = "thumbnails", bucket = "media", prefix = "thumbnails/", download = {} },
    { name = "shared", bucket = "media", prefix = "shared/", download = {} },
    { name = "people", bucket = "media", prefix = "people/", download = {} },
]
grant = [
    { tiers = ["thumbnails"], operations = ["download"], to = { workloads = [
        "spiffe://prod.example/ns/media/sa/thumbnailer",
        "thumbnailer.media.serviceaccount.identity.linkerd.prod.example",
    ] } },
    { tiers = ["shared"], operations = ["download"], to = { trust_domains = ["prod.example"] } },
    { tiers = ["people"], operations = ["download"], to = {
        issuers = ["https://issuer.example"], claims = { sub = "ada" },
    } },
]
"#;

/// What a listener with certificates is configured by.
pub(crate) const TLS: &str = r#"
tls_certificate_file = "tls.crt"
tls_private_key_file = "tls.key"
tls_client_ca_file = "ca.crt"
tls_reload_interval = "1s"
"#;

/// A broker that lets these workloads and this person read, with other listeners.
pub(crate) fn builder(listeners: impl IntoIterator<Item = Part>) -> Builder {
    listeners.into_iter().fold(Builder::new().policy(POLICY), Builder::listener)
}

/// Starts it inside the test.
pub(crate) async fn start_with(listeners: impl IntoIterator<Item = Part>) -> Broker {
    builder(listeners).start().await
}
