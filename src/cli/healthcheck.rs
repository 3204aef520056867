//! `access-broker healthcheck`

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::service_fn;

use super::options::ConfigOptions;
use super::output::{complain_in_time, say_in_time};
use super::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, runtime};
use crate::calls::SERVICE_NAME;
use crate::config::{Config, ListenAddress};

/// The time limit of the whole check: Kubernetes' probes have one second by default, others more.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Ask a running server for its health.
///
/// Finds the server by its configuration. Prints the status. The exit code is 0 if the status is SERVING, and otherwise
/// 1. Takes at most two seconds.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    options: ConfigOptions,
}

impl Healthcheck {
    pub(super) fn run(self) -> u8 {
        let config = match self.options.load() {
            Ok(config) => config,
            Err(error) => {
                complain_in_time(&error.into());
                return EXIT_CONFIGURATION;
            }
        };
        match ask(&config) {
            Ok(is_serving) => {
                say_in_time(if is_serving { "SERVING" } else { "NOT_SERVING" });
                if is_serving { EXIT_OK } else { EXIT_FAILURE }
            }
            Err(error) => {
                complain_in_time(&error);
                EXIT_FAILURE
            }
        }
    }
}

/// The address to check: a plaintext listener if there is one. A listener with TLS would need trust in its certificate,
/// and perhaps a client certificate; the admin port has the same answer without these.
enum ProbeTarget {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Admin(SocketAddr),
}

impl ProbeTarget {
    fn from_config(config: &Config) -> Self {
        let plaintext = config.listeners.iter().find(|listener| listener.tls.is_none() && listener.protocols.grpc);
        match plaintext.map(|listener| &listener.address) {
            Some(ListenAddress::Tcp(address)) => Self::Tcp(reachable(*address)),
            Some(ListenAddress::Unix { path, .. }) => Self::Unix(path.clone()),
            None => Self::Admin(reachable(config.server.admin_addr)),
        }
    }

    async fn ask(&self) -> anyhow::Result<bool> {
        match self {
            Self::Tcp(address) => ask_grpc(Endpoint::from_shared(format!("http://{address}"))?.connect().await?).await,
            Self::Unix(path) => {
                let path = path.clone();
                // The URI is not used; the connector has the path.
                let connector = service_fn(move |_: Uri| {
                    let path = path.clone();
                    async move { UnixStream::connect(path).await.map(TokioIo::new) }
                });
                ask_grpc(Endpoint::from_static("http://localhost").connect_with_connector(connector).await?).await
            }
            Self::Admin(address) => {
                // Plain HTTP needs no certificate authorities, and a minimal container has none.
                let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
                let answer = client.get(format!("http://{address}/readyz")).send().await?;
                Ok(answer.status().is_success())
            }
        }
    }
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Admin(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// An unspecified address includes loopback, which is reachable.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask_grpc(channel: Channel) -> anyhow::Result<bool> {
    let request = HealthCheckRequest { service: SERVICE_NAME.to_owned() };
    let answer = HealthClient::new(channel).check(request).await?;
    Ok(answer.into_inner().status() == ServingStatus::Serving)
}

/// The causes of an error. The libraries wrap some errors in others with the same text.
fn causes(error: &anyhow::Error) -> String {
    let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    causes.dedup();
    causes.join(": ")
}

fn ask(config: &Config) -> anyhow::Result<bool> {
    let target = ProbeTarget::from_config(config);
    runtime().context("starting the runtime failed")?.block_on(async {
        tokio::time::timeout(TIMEOUT, target.ask())
            .await
            .with_context(|| format!("health check of {target} timed out after {} s", TIMEOUT.as_secs()))?
            .map_err(|error| anyhow::anyhow!("health check of {target} failed: {}", causes(&error)))
    })
}
