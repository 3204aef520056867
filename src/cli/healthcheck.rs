//! `access-broker healthcheck`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::options::ConfigOptions;
use super::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, complain, runtime, say};
use crate::grpc::SERVICE_NAME;

/// The longest that the whole question may take: probes of Kubernetes give one second by default, others more.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Ask a running server for its health.
///
/// Reads the same configuration as the server to find it. Prints the status and exits with 0 if it is SERVING, with 1
/// otherwise, after two seconds at most.
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
                complain(&error.into());
                return EXIT_CONFIGURATION;
            }
        };
        match ask(reachable(config.server.grpc_addr)) {
            Ok(status) => {
                say(status.as_str_name());
                if status == ServingStatus::Serving { EXIT_OK } else { EXIT_FAILURE }
            }
            Err(error) => {
                complain(&error);
                EXIT_FAILURE
            }
        }
    }
}

/// Every address of the machine includes loopback, which can be connected to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr) -> anyhow::Result<ServingStatus> {
    runtime().context("the runtime cannot be started")?.block_on(async {
        let question = async {
            let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
            let request = HealthCheckRequest { service: SERVICE_NAME.to_owned() };
            let answer = HealthClient::new(channel).check(request).await?;
            anyhow::Ok(answer.into_inner().status())
        };
        tokio::time::timeout(TIMEOUT, question)
            .await
            .with_context(|| format!("{address} did not answer within {} s", TIMEOUT.as_secs()))?
            .with_context(|| format!("{address} cannot be asked"))
    })
}
