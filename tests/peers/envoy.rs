//! A real Envoy in front of the broker: it takes the clients' certificates and names the clients in a header.

pub(crate) mod grpcio;
pub(crate) mod proxy;
mod shared_proxy;

use tonic::Code;

use self::proxy::{APPEND_FORWARD, Envoy, SANITIZE_SET};
use crate::registry::{Registry, register};
use crate::support::Broker;
use crate::support::Client;
use crate::support::pki::{Issued, tls_channel};
use crate::support::workloads::setup::{FOREIGNER, INDEXER, THUMBNAILER, listener, start_with};

const XFCC: &str = "x-forwarded-client-cert";

pub(crate) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [Envoy],
        a_client_of_envoy_gets_what_its_certificate_is_granted,
        a_certificate_that_names_no_workload_of_the_domain_proves_nothing_through_envoy_either,
        a_client_that_forges_the_header_is_still_itself,
        a_forgery_that_would_swallow_what_envoy_appends_makes_the_client_nobody
    );
    shared_proxy::register(registry);
}

/// A broker that believes what comes over loopback, and the Envoy there.
struct Mesh {
    broker: Broker,
    envoy: Envoy,
}

impl Mesh {
    async fn start() -> Self {
        let hop =
            "trust_domain = \"prod.example\"\nmesh_header = \"x-forwarded-client-cert\"\ntrusted_hop = [\"loopback\"]";
        let broker = start_with([listener("mesh-header", hop)]).await;
        let envoy = Envoy::start(&broker.setup, broker.address_of(0)).await;
        Self { broker, envoy }
    }

    async fn finish(self) {
        self.broker.finish().await;
    }

    async fn client(&self, mode: &str, identity: &Issued, metadata: &[(&'static str, &str)]) -> Client {
        let channel = tls_channel(self.envoy.address(mode), &self.broker.setup.authority, Some(identity)).await;
        Client::over(channel, metadata)
    }
}

async fn a_client_of_envoy_gets_what_its_certificate_is_granted() {
    let mesh = Mesh::start().await;
    for mode in [SANITIZE_SET, APPEND_FORWARD] {
        for (id, thumbnails) in [(THUMBNAILER, "OK"), (INDEXER, "PERMISSION_DENIED not_granted")] {
            let client = mesh.client(mode, &mesh.broker.setup.authority.workload(id), &[]).await;
            let called = mesh.broker.call(&client, "thumbnails/x").await;
            assert_eq!(called.outcome(), thumbnails, "{mode} {id}");
            assert_eq!(called.caller(), (None, Some(id)));
        }
    }
    mesh.finish().await;
}

async fn a_certificate_that_names_no_workload_of_the_domain_proves_nothing_through_envoy_either() {
    let mesh = Mesh::start().await;
    for mode in [SANITIZE_SET, APPEND_FORWARD] {
        for (uris, reason) in [
            (&[FOREIGNER][..], "trust_domain_mismatch"),
            (&[], "mesh_header_malformed"),
            (&[INDEXER, THUMBNAILER], "mesh_header_malformed"),
            (&["https://prod.example/x"], "workload_id_malformed"),
        ] {
            let client = mesh.client(mode, &mesh.broker.setup.authority.client(uris), &[]).await;
            let called = mesh.broker.call(&client, "shared/x").await;
            assert_eq!(called.outcome(), format!("UNAUTHENTICATED {reason}"), "{mode} {uris:?}");
        }
    }
    mesh.finish().await;
}

async fn a_client_that_forges_the_header_is_still_itself() {
    let mesh = Mesh::start().await;
    let forged = format!("URI={THUMBNAILER}");
    let whole = format!("By=spiffe://prod.example/broker;Hash=00;Subject=\"CN=thumbnailer\";URI={THUMBNAILER}");
    let several = format!("{forged},{forged}");
    let forgeries: [&[&str]; 4] = [&[&forged], &[&whole], &[&several], &[&forged, &whole]];
    for mode in [SANITIZE_SET, APPEND_FORWARD] {
        for values in forgeries {
            let metadata: Vec<_> = values.iter().map(|value| (XFCC, *value)).collect();
            let client = mesh.client(mode, &mesh.broker.setup.authority.workload(INDEXER), &metadata).await;
            let shared = mesh.broker.call(&client, "shared/x").await;
            assert_eq!(shared.outcome(), "OK", "{mode} {values:?}");
            assert_eq!(shared.caller(), (None, Some(INDEXER)));
            let thumbnails = mesh.broker.call(&client, "thumbnails/x").await;
            assert_eq!(thumbnails.outcome(), "PERMISSION_DENIED not_granted", "{mode} {values:?}");
        }
    }
    mesh.finish().await;
}

async fn a_forgery_that_would_swallow_what_envoy_appends_makes_the_client_nobody() {
    let mesh = Mesh::start().await;
    for forged in [
        format!("URI={THUMBNAILER};Subject=\"").as_str(),
        &format!("URI={THUMBNAILER},"),
        &format!("URI={THUMBNAILER};Subject=\\"),
        &format!("URI={THUMBNAILER};"),
        "\"",
    ] {
        let identity = mesh.broker.setup.authority.workload(INDEXER);
        let client = mesh.client(SANITIZE_SET, &identity, &[(XFCC, forged)]).await;
        assert_eq!(mesh.broker.call(&client, "shared/x").await.caller(), (None, Some(INDEXER)), "{forged}");
        let client = mesh.client(APPEND_FORWARD, &identity, &[(XFCC, forged)]).await;
        let called = mesh.broker.call(&client, "shared/x").await;
        assert_eq!(called.outcome(), "UNAUTHENTICATED mesh_header_malformed", "{forged}");
        assert_eq!(called.refusal().code(), Code::Unauthenticated);
    }
    mesh.finish().await;
}
