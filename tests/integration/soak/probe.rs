//! One more caller, which asks until the broker is as it should be. Each of its questions has a connection of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use access_broker::contract::proto::IssueDownloadUrlRequest;
use tonic::Status;

use super::callers::authorization;
use super::sessions;
use super::world::{KNOWN_KEY, World};
use crate::support::pki::{Authority, Issued, tls_channel, tls_connect};
use crate::support::workloads::setup::THUMBNAILER;
use crate::support::{Client, error_info, eventually, token_with_key_id};

/// How long the broker may take to notice that something is well again: it asks what failed again after a minute at the
/// latest.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) struct Probe {
    plain: SocketAddr,
    tls: SocketAddr,
    authorization: String,
    authority: Arc<Authority>,
    identity: Issued,
    asked: AtomicU64,
}

impl Probe {
    pub(super) fn of(world: &World) -> Self {
        Self {
            plain: world.plain,
            tls: world.tls,
            authorization: authorization(&world.issuer, "probe"),
            authority: Arc::clone(&world.authority),
            identity: world.authority.workload(THUMBNAILER),
            asked: AtomicU64::new(0),
        }
    }

    /// Waits until a token whose key nobody knows is refused for this reason.
    pub(super) async fn until_unknown_keys_are(&self, reason: &str) {
        eventually(reason, PATIENCE, async || {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            let authorization = format!("Bearer {}", token_with_key_id(&format!("probe-{number}")));
            let refused = Client::connect(self.plain, &[&authorization]).await.download("media", KNOWN_KEY).await;
            refused.is_err_and(|status| error_info(&status).reason == reason)
        })
        .await;
    }

    /// Waits until URLs are signed by this session or a later one.
    pub(super) async fn until_signed_by_session_after(&self, session: usize) {
        eventually("a new session", PATIENCE, async || {
            let answer = self.client().await.download("media", KNOWN_KEY).await;
            answer.is_ok_and(|answer| sessions::number_in(&answer.get.unwrap().url) >= session)
        })
        .await;
    }

    /// Waits until new connections see this certificate.
    pub(super) async fn until_shown(&self, issued: &Issued) {
        eventually("the new certificate", PATIENCE, async || {
            let stream = tls_connect(self.tls, &self.authority, Some(&self.identity)).await.unwrap();
            let shown = stream.get_ref().1.peer_certificates().unwrap();
            shown.first() == Some(&issued.certificate)
        })
        .await;
    }

    /// Waits until both listeners serve calls that need everything.
    pub(super) async fn until_well(&self) {
        eventually("everything well", PATIENCE, async || {
            let channel = tls_channel(self.tls, &self.authority, Some(&self.identity)).await;
            let clients = [self.client().await, Client::over(channel, &[])];
            existing(&clients[0]).await.is_ok() && existing(&clients[1]).await.is_ok()
        })
        .await;
    }

    async fn client(&self) -> Client {
        Client::connect(self.plain, &[&self.authorization]).await
    }
}

async fn existing(client: &Client) -> Result<(), Status> {
    let key = KNOWN_KEY.to_owned();
    client.issue_download(IssueDownloadUrlRequest { key, must_exist: true, ..Default::default() }).await.map(drop)
}
