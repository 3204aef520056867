//! TLS of a listener.

use std::path::PathBuf;
use std::time::Duration;

/// Where a listener's certificates and key are. All files are PEM and at most 1 MiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The server's certificate, followed by the intermediate ones that its clients need to reach a root they trust.
    pub certificate_file: PathBuf,
    /// The private key of that certificate, not encrypted: PKCS #8, PKCS #1 or SEC 1.
    pub private_key_file: PathBuf,
    /// The authorities whose client certificates are accepted. With it every client must bring a certificate; without
    /// it none is asked for.
    pub client_ca_file: Option<PathBuf>,
    /// How often the files are looked at for changes. Longer than zero.
    pub reload_interval: Duration,
}
