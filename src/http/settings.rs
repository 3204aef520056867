//! What an operator decides about HTTP.

use std::time::Duration;

use super::origin::Origin;
use access_broker_base::loopback_host::is_loopback_host;
use access_broker_policy::BucketName;

/// The settings of the HTTP wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpSettings {
    /// The origins whose pages may call.
    pub cors_origins: Vec<Origin>,
    /// The call `/presignedurl`; `None` if it is off.
    pub presigned_url: Option<PresignedUrlSettings>,
}

/// The call `/presignedurl`, which names neither a bucket nor a lifetime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedUrlSettings {
    /// The bucket of its keys.
    pub bucket: BucketName,
    /// How long its URLs work, unless the policy permits less.
    pub ttl: Duration,
    /// Whether `authorization` may have the token without `Bearer`.
    pub raw_token: bool,
}

/// The hosts that requests may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptedHosts {
    /// All: a token authenticates a caller by any name.
    #[default]
    Any,
    /// Names of this machine only, so that no page of another site reaches the server by a name that resolves to a
    /// loopback address (DNS rebinding).
    Loopback,
}

impl AcceptedHosts {
    pub(super) fn accept(self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => is_loopback_host(host),
        }
    }
}
