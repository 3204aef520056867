//! Who is asking, once proven.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

/// A caller whose proof was accepted.
///
/// The identity is the pair of issuer and subject (RFC 7519 sections 4.1.1 and 4.1.2): a subject is unique only within
/// its issuer.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `iss`, byte for byte as configured.
    pub issuer: Arc<str>,
    /// `sub`.
    pub subject: String,
    /// The values of the issuer's groups claim.
    pub groups: Vec<String>,
    /// The values of the issuer's scopes claim.
    pub scopes: Vec<String>,
    /// Whether the issuer vouches for the caller's `email`: the token says `email_verified`, or the configuration
    /// trusts every address of this issuer.
    pub email_verified: bool,
    /// Every claim of the token.
    pub claims: Map<String, Value>,
    /// `exp`.
    pub token_expires_at: SystemTime,
}
