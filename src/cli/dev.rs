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
use crate::server::{Signals, log_panics};
use crate::telemetry::{LogFormat, LogHandle, LogSettings, Traces, start_logging};

/// How long the printed tokens work.
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// Run the broker, an S3 server and a token issuer together on this machine, for trying things out.
///
/// The S3 server checks signatures, the issuer hands out tokens to anybody on this machine, and everything listens on
/// loopback only. Prints commands to paste. Ctrl-C stops it.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Where to serve gRPC. Port 0 takes a free one, here and below.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50051")]
    grpc_addr: SocketAddr,
    /// Where the embedded S3 listens.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50052")]
    s3_addr: SocketAddr,
    /// Where the embedded issuer listens.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50053")]
    issuer_addr: SocketAddr,
    /// Where to serve /livez, /readyz and /metrics.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50054")]
    admin_addr: SocketAddr,
    /// Where to keep objects, policy and audit records. Without it they are in a temporary folder that is removed in the end.
    #[arg(long, value_name = "PATH")]
    data_dir: Option<PathBuf>,
    /// Write addresses and tokens to this file, as JSON, once everything serves.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

impl Dev {
    pub(super) fn run(self) -> u8 {
        let settings = LogSettings { format: LogFormat::Text, level: Level::INFO };
        let log = match start_logging(settings).context("the log cannot be started") {
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
        let Self { grpc_addr, s3_addr, issuer_addr, admin_addr, data_dir, ready_file } = self;
        for address in [grpc_addr, s3_addr, issuer_addr, admin_addr] {
            anyhow::ensure!(address.ip().is_loopback(), "{address} is not on loopback, and dev listens nowhere else");
        }
        runtime().context("the runtime cannot be started")?.block_on(async {
            let Signals { mut stop, mut reload, ignored } = Signals::listen().context("signals cannot be received")?;
            let mut beside = JoinSet::new();
            beside.spawn(ignored.log());
            let traces = Traces::from_environment_or_off(|name| std::env::var(name).ok());
            let options = EnvironmentOptions {
                grpc_addr,
                admin_addr,
                s3_addr,
                issuer_addr,
                data_dir,
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
            beside.spawn(async move {
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

/// Puts the file in place whole: whoever waits for it never reads half of it.
fn write_ready_file(path: &Path, environment: &Environment) -> anyhow::Result<()> {
    let token = |user: &str| anyhow::Ok(environment.issuer.issue(user, TOKEN_LIFETIME)?.id_token);
    let ready = json!({
        "grpc": environment.grpc_addr.to_string(),
        "s3": environment.s3.url(),
        "issuer": environment.issuer.issuer(),
        "admin": environment.server.admin_addr().to_string(),
        "tokens": { "user-one": token("user-one")?, "user-two": token("user-two")? },
    });
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Readable by the owner alone, as temporary files are: it holds tokens.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, format!("{ready:#}\n").as_bytes())?;
    file.persist(path)?;
    Ok(())
}
