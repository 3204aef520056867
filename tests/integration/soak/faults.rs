//! What goes wrong in a soak, one after the other.

use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::{self, Instant};

use super::attacks::{self, Targets};
use super::probe::Probe;
use super::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    KeysDown,
    CredentialsGone,
    CertificateRotated,
    StorageDown,
    AuditDiskFull,
    SlowClients,
    ConnectionFlood,
    OversizedCalls,
    RapidResets,
    ContinuationFlood,
    SettingsFlood,
    AbortedHandshakes,
    HalfOpenPeers,
    HeldStreams,
    UnreadAnswers,
    HoggedPlaces,
    HalfMessages,
    SilentHandshakes,
    PingFlood,
    ForgedTokens,
}

impl Fault {
    /// The keys come first: until then no call has an unknown key, and the first that has one makes the broker look.
    pub(super) const ALL: [Self; 20] = [
        Self::KeysDown,
        Self::CredentialsGone,
        Self::CertificateRotated,
        Self::StorageDown,
        Self::AuditDiskFull,
        Self::SlowClients,
        Self::ConnectionFlood,
        Self::OversizedCalls,
        Self::RapidResets,
        Self::ContinuationFlood,
        Self::SettingsFlood,
        Self::AbortedHandshakes,
        Self::HalfOpenPeers,
        Self::HeldStreams,
        Self::UnreadAnswers,
        Self::HoggedPlaces,
        Self::HalfMessages,
        Self::SilentHandshakes,
        Self::PingFlood,
        Self::ForgedTokens,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::KeysDown => "key endpoint down",
            Self::CredentialsGone => "credentials gone",
            Self::CertificateRotated => "certificate rotated",
            Self::StorageDown => "S3 down",
            Self::AuditDiskFull => "audit disk full",
            Self::SlowClients => "slow clients",
            Self::ConnectionFlood => "connection flood",
            Self::OversizedCalls => "oversized calls",
            Self::RapidResets => "rapid resets",
            Self::ContinuationFlood => "CONTINUATION flood",
            Self::SettingsFlood => "SETTINGS flood",
            Self::AbortedHandshakes => "aborted handshakes",
            Self::HalfOpenPeers => "half-open peers",
            Self::HeldStreams => "held streams",
            Self::UnreadAnswers => "unread answers",
            Self::HoggedPlaces => "hogged places",
            Self::HalfMessages => "half messages",
            Self::SilentHandshakes => "silent handshakes",
            Self::PingFlood => "PING flood",
            Self::ForgedTokens => "forged tokens",
        }
    }

    /// The reason that callers meet during it, however short it is.
    pub(super) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::KeysDown => Some("ISSUER_KEYS_UNAVAILABLE"),
            Self::StorageDown => Some("STORAGE_UNAVAILABLE"),
            Self::AuditDiskFull => Some("AUDIT_UNAVAILABLE"),
            _ => None,
        }
    }

    /// Begins it, and returns once the broker has noticed.
    pub(super) async fn begin(self, world: &mut World, probe: &Probe) {
        match self {
            Self::KeysDown => {
                world.keys.go_down().await;
                probe.until_unknown_keys_are("ISSUER_KEYS_UNAVAILABLE").await;
            }
            Self::CredentialsGone => world.sessions.take_away(),
            Self::CertificateRotated => {
                let issued = world.rotate_certificate();
                probe.until_shown(&issued).await;
            }
            Self::StorageDown => world.stop_storage().await,
            Self::AuditDiskFull => block_in_place(|| world.fill_audit_disk()),
            _ => {}
        }
    }

    /// Lets it last.
    pub(super) async fn last(self, targets: &Targets, until: Instant) {
        match self {
            Self::SlowClients => attacks::slow_clients(targets, until).await,
            Self::ConnectionFlood => attacks::connection_flood(targets, until).await,
            Self::OversizedCalls => attacks::oversized_calls(targets, until).await,
            Self::RapidResets => attacks::rapid_resets(targets, until).await,
            Self::ContinuationFlood => attacks::continuation_floods(targets, until).await,
            Self::SettingsFlood => attacks::settings_floods(targets, until).await,
            Self::AbortedHandshakes => attacks::aborted_handshakes(targets, until).await,
            Self::HalfOpenPeers => attacks::half_open_peers(targets, until).await,
            Self::HeldStreams => attacks::held_streams(targets, until).await,
            Self::UnreadAnswers => attacks::unread_answers(targets, until).await,
            Self::HoggedPlaces => attacks::hogged_places(targets, until).await,
            Self::HalfMessages => attacks::half_messages(targets, until).await,
            Self::SilentHandshakes => attacks::silent_handshakes(targets, until).await,
            Self::PingFlood => attacks::ping_floods(targets, until).await,
            Self::ForgedTokens => attacks::forged_tokens(targets, until).await,
            _ => time::sleep_until(until).await,
        }
    }

    /// Ends it, and returns once everything is well again.
    pub(super) async fn end(self, world: &mut World, probe: &Probe) {
        match self {
            Self::KeysDown => world.keys.come_up().await,
            Self::CredentialsGone => {
                let session = world.sessions.bring_back();
                probe.until_signed_by_session_after(session).await;
            }
            Self::StorageDown => world.start_storage().await,
            Self::AuditDiskFull => block_in_place(|| world.empty_audit_disk()),
            _ => {}
        }
        probe.until_well().await;
    }
}

/// The shares of a soak: how long a fault lasts, and the calm after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    pub(super) fault: Duration,
    pub(super) calm: Duration,
}

impl Shares {
    /// One share for the beginning, and one to wait for the broker to notice that things are well again.
    pub(super) fn of(whole: Duration) -> Self {
        let share = whole / (u32::try_from(Fault::ALL.len()).unwrap() + 2);
        Self { fault: share.mul_f64(0.65), calm: share.mul_f64(0.35) }
    }
}
