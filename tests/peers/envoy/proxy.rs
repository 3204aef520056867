//! Envoy as a process.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::workloads::setup::Setup;
use crate::support::{PATIENCE, eventually, folder};

/// Puts its own header in the place of what the client sent.
pub(crate) const SANITIZE_SET: &str = "SANITIZE_SET";

/// Adds its own element to what the client sent.
pub(crate) const APPEND_FORWARD: &str = "APPEND_FORWARD";

/// Takes client certificates, and forwards what is in the connection as it is.
pub(crate) const OPAQUE: &str = "OPAQUE";

/// A running Envoy, killed in the end.
pub(crate) struct Envoy {
    child: Child,
    folder: TempDir,
    listeners: Value,
}

impl Envoy {
    /// Starts an Envoy that shows the server certificate of a setup, takes the certificates of its authority, and
    /// forwards to an address over plaintext. It has one listener for each way to forward the header.
    pub(crate) async fn start(setup: &Setup, upstream: SocketAddr) -> Self {
        Self::start_with(&[SANITIZE_SET, APPEND_FORWARD].map(|mode| tls_listener(mode, setup)), upstream).await
    }

    /// The same at an address that is not loopback, with one listener more that forwards bytes and reads nothing.
    pub(crate) async fn start_at(ip: IpAddr, setup: &Setup, upstream: SocketAddr) -> Self {
        let listeners =
            [tls_listener(SANITIZE_SET, setup), tls_listener(APPEND_FORWARD, setup), opaque_listener(OPAQUE, setup)];
        let listeners = listeners.map(|listener| merged(&listener, &json!({ "address": address((ip, 0).into()) })));
        Self::start_with(&listeners, upstream).await
    }

    /// Starts an Envoy that forwards from one plaintext listener to an address over plaintext, and lets each of its
    /// clients have so many streams on a connection.
    pub(crate) async fn start_plain(upstream: SocketAddr, streams: u32) -> Self {
        let http = json!({ "http2_protocol_options": { "max_concurrent_streams": streams } });
        Self::start_with(&[listener("plain", &json!({}), &http)], upstream).await
    }

    async fn start_with(listeners: &[Value], upstream: SocketAddr) -> Self {
        let resources = json!({ "listeners": listeners, "clusters": [cluster(upstream)] });
        Self::start_from(&format!("static_resources: {resources}\n"), listeners.len()).await
    }

    /// Starts an Envoy with a configuration in YAML, which ends with a line break and says nothing of the admin port, and
    /// so many listeners.
    pub(crate) async fn start_from(bootstrap: &str, listeners: usize) -> Self {
        let folder = folder();
        let admin = json!({ "address": any_port() });
        fs::write(folder.path().join("envoy.yaml"), format!("{bootstrap}admin: {admin}\n")).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new("envoy")
            .args(["-c", "envoy.yaml", "--admin-address-path", "admin", "--concurrency", "1", "--disable-hot-restart"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut envoy = Self { child, folder, listeners: Value::Null };
        envoy.wait_for_listeners(listeners).await;
        envoy
    }

    /// The address of the one listener.
    pub(crate) fn only_address(&self) -> SocketAddr {
        self.address("plain")
    }

    /// The address of the listener that forwards the header in this way.
    pub(crate) fn address(&self, mode: &str) -> SocketAddr {
        let listeners = self.listeners["listener_statuses"].as_array().unwrap();
        let listener = listeners.iter().find(|listener| listener["name"] == mode).unwrap();
        let address = &listener["local_address"]["socket_address"];
        format!("{}:{}", address["address"].as_str().unwrap(), address["port_value"]).parse().unwrap()
    }

    /// Waits until Envoy tells which ports it has taken.
    async fn wait_for_listeners(&mut self, count: usize) {
        self.listeners = eventually("Envoy's listeners", PATIENCE, async || {
            // `null` until Envoy answers.
            let found = self.ask_for_listeners().await.unwrap_or_default();
            let listeners = found["listener_statuses"].as_array();
            if listeners.is_some_and(|listeners| listeners.len() >= count) { Ok(found) } else { Err(self.log()) }
        })
        .await;
    }

    async fn ask_for_listeners(&self) -> Option<Value> {
        let admin = fs::read_to_string(self.folder.path().join("admin")).ok()?;
        let ready = crate::support::http_get(format!("http://{admin}/ready")).await.ok()?;
        let answer = crate::support::http_get(format!("http://{admin}/listeners?format=json")).await.ok()?;
        let listeners = answer.bytes().await.ok()?;
        ready.status().is_success().then(|| serde_json::from_slice(&listeners).ok())?
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn any_port() -> Value {
    address(SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

const TYPES: &str = "type.googleapis.com/envoy.extensions";

/// A listener that takes client certificates and forwards them in a header.
fn tls_listener(mode: &str, setup: &Setup) -> Value {
    let forwarding = json!({
        "forward_client_cert_details": mode,
        "set_current_client_cert_details": { "subject": true, "uri": true, "dns": true },
    });
    listener(mode, &client_certificates(setup), &forwarding)
}

/// A listener that takes client certificates and forwards bytes.
fn opaque_listener(name: &str, setup: &Setup) -> Value {
    let forwarder = json!({
        "@type": format!("{TYPES}.filters.network.tcp_proxy.v3.TcpProxy"),
        "stat_prefix": name,
        "cluster": "broker",
    });
    let chain = json!({ "filters": [{ "name": "bytes", "typed_config": forwarder }] });
    json!({ "name": name, "address": any_port(), "filter_chains": [merged(&chain, &client_certificates(setup))] })
}

/// What a chain of filters takes to end TLS.
fn client_certificates(setup: &Setup) -> Value {
    let file = |name: &str| json!({ "filename": setup.path(name) });
    json!({
        "transport_socket": {
            "name": "tls",
            "typed_config": {
                "@type": format!("{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"),
                "require_client_certificate": true,
                "common_tls_context": {
                    "alpn_protocols": ["h2"],
                    "tls_certificates": [{ "certificate_chain": file("tls.crt"), "private_key": file("tls.key") }],
                    "validation_context": { "trusted_ca": file("ca.crt") },
                },
            },
        },
    })
}

/// A listener for HTTP/2, with more settings of its connections and of its HTTP.
fn listener(name: &str, connections: &Value, http: &Value) -> Value {
    let manager = json!({
        "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": name,
        "codec_type": "HTTP2",
        "route_config": { "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            // Streams of health last longer than the time limit of a route that has none of its own.
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "broker", "timeout": "0s" } }],
        }] },
        "http_filters": [{
            "name": "router",
            "typed_config": { "@type": format!("{TYPES}.filters.http.router.v3.Router") },
        }],
    });
    let chain = json!({ "filters": [{ "name": "http", "typed_config": merged(&manager, http) }] });
    json!({ "name": name, "address": any_port(), "filter_chains": [merged(&chain, connections)] })
}

/// The members of two objects.
fn merged(one: &Value, other: &Value) -> Value {
    [one, other].into_iter().flat_map(|object| object.as_object().unwrap().clone()).collect::<Map<_, _>>().into()
}

fn cluster(upstream: SocketAddr) -> Value {
    json!({
        "name": "broker",
        "type": "STATIC",
        "connect_timeout": "5s",
        // Its own limits must not be met before the broker's.
        "circuit_breakers": { "thresholds": [{
            "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000,
        }] },
        "load_assignment": {
            "cluster_name": "broker",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(upstream) } }] }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": format!("{TYPES}.upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": { "http2_protocol_options": {} },
            },
        },
    })
}
