//! `access-broker dev`

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::json;
use tokio::task::JoinSet;
use tracing::Level;

use super::output::{complain_in_time, end_log, log_failure, say_in_time};
use super::{EXIT_FAILURE, EXIT_OK, exit_code, runtime};
use crate::dev::environment::{Environment, EnvironmentOptions};
use crate::dev::guide;
use crate::http::Origin;
use crate::server::{Signals, log_panics};
use crate::telemetry::{LogFormat, LogHandle, LogSettings, Traces, start_logging};

/// How long the printed tokens are valid.
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// Run the broker, an S3 server and a token issuer together, for a trial on this machine.
///
/// The S3 server verifies signatures. The issuer gives a token to every process on this machine that requests one. All
/// servers listen on loopback addresses only, and over HTTP they answer only requests to loopback names. Prints commands
/// to paste. Ctrl-C stops it.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The address of the gRPC server. Port 0 selects a free port. The other address options accept it too.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50051")]
    grpc_addr: SocketAddr,
    /// The address of the embedded S3 server.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50052")]
    s3_addr: SocketAddr,
    /// The address of the embedded token issuer.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50053")]
    issuer_addr: SocketAddr,
    /// The address of the admin server: /livez, /readyz and /metrics.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50054")]
    admin_addr: SocketAddr,
    /// The directory for objects, policy and audit records. Default: a temporary directory, removed on exit.
    #[arg(long, value_name = "PATH")]
    data_dir: Option<PathBuf>,
    /// An origin (scheme, host, port) whose pages may call the broker over HTTP. Can be repeated.
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    cors_origins: Vec<Origin>,
    /// Write addresses and tokens to this file, as JSON, once all servers are ready.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

impl Dev {
    pub(super) fn run(self) -> u8 {
        let settings = LogSettings { format: LogFormat::Text, level: Level::INFO };
        let log = match start_logging(settings).context("starting the log failed") {
            Ok(log) => log,
            Err(error) => {
                complain_in_time(&error);
                return EXIT_FAILURE;
            }
        };
        log_panics();
        let code = self.run_until_stopped(&log).unwrap_or_else(|error| {
            log_failure(&error);
            EXIT_FAILURE
        });
        end_log(&log, code)
    }

    fn run_until_stopped(self, log: &LogHandle) -> anyhow::Result<u8> {
        let Self { grpc_addr, s3_addr, issuer_addr, admin_addr, data_dir, cors_origins, ready_file } = self;
        for address in [grpc_addr, s3_addr, issuer_addr, admin_addr] {
            anyhow::ensure!(
                address.ip().is_loopback(),
                "{address} must be a loopback address: dev listens on no other"
            );
        }
        runtime().context("starting the async runtime failed")?.block_on(async {
            let Signals { mut stop, mut reload, ignored } =
                Signals::listen().context("installing the signal handlers failed")?;
            let mut background = JoinSet::new();
            background.spawn(ignored.log());
            let traces = Traces::from_environment_or_off(|name| std::env::var(name).ok());
            let options = EnvironmentOptions {
                grpc_addr,
                admin_addr,
                s3_addr,
                issuer_addr,
                data_dir,
                cors_origins,
                audit: true,
                traces,
                log: Arc::clone(log.counts()),
            };
            let environment = Environment::start(options).await?;
            say_in_time(guide::text(&environment, TOKEN_LIFETIME)?);
            if let Some(path) = ready_file {
                write_ready_file(&path, &environment)
                    .with_context(|| format!("cannot write --ready-file {}", path.display()))?;
            }
            let reloader = environment.server.reloader().clone();
            background.spawn(async move {
                loop {
                    reload.next().await;
                    reloader.reload();
                }
            });
            stop.next().await;
            tokio::select! {
                () = environment.stop() => Ok(EXIT_OK),
                second = stop.next() => Ok(exit_code::after_second_signal(second)),
            }
        })
    }
}

/// Renames a complete file into place: a process that waits for it never reads a part of it.
fn write_ready_file(path: &Path, environment: &Environment) -> anyhow::Result<()> {
    let token = |user: &str| anyhow::Ok(environment.issuer.issue(user, TOKEN_LIFETIME)?.id_token);
    let ready = json!({
        "grpc": environment.grpc_addr.to_string(),
        "http": format!("http://{}", environment.grpc_addr),
        "s3": environment.s3.url(),
        "issuer": environment.issuer.issuer(),
        "admin": environment.server.admin_addr().to_string(),
        "tokens": { "user-one": token("user-one")?, "user-two": token("user-two")? },
    });
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // It holds tokens: a temporary file can be read by its owner only.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    io::Write::write_all(&mut file, format!("{ready:#}\n").as_bytes())?;
    file.persist(path)?;
    Ok(())
}
