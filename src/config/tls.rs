//! TLS of a listener: the settings of `[[listener]]` that begin with `tls_`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use access_broker_base::document::{Located, Table};

/// Soon after cert-manager or a SPIFFE helper has written new files, and no load.
const DEFAULT_TLS_RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// Where a listener's certificates and key are. All files are PEM and at most 1 MiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The server's certificate, followed by the intermediate ones that its clients need to reach a root they trust.
    pub(crate) certificate_file: PathBuf,
    /// The private key of that certificate, not encrypted: PKCS #8, PKCS #1 or SEC 1.
    pub(crate) private_key_file: PathBuf,
    /// The authorities whose client certificates are accepted. With it every client must bring a certificate; without
    /// it none is asked for.
    pub(crate) client_ca_file: Option<PathBuf>,
    /// How often the files are looked at for changes. Longer than zero.
    pub(crate) reload_interval: Duration,
}

pub(super) fn read(table: &mut Table<'_>, folder: &Path) -> Option<TlsSettings> {
    let certificate_file = table.path_in(folder, "tls_certificate_file");
    let private_key_file = table.path_in(folder, "tls_private_key_file");
    let client_ca_file = table.path_in(folder, "tls_client_ca_file");
    let reload_interval = table.duration("tls_reload_interval");
    if let Some(Located { location, .. }) = reload_interval.as_ref().filter(|interval| interval.value.is_zero()) {
        table.report("tls_reload_interval", location, "must be at least 1s");
    }
    match (certificate_file, private_key_file) {
        (Some(certificate_file), Some(private_key_file)) => Some(TlsSettings {
            certificate_file: certificate_file.value,
            private_key_file: private_key_file.value,
            client_ca_file: client_ca_file.map(|file| file.value),
            reload_interval: reload_interval.map_or(DEFAULT_TLS_RELOAD_INTERVAL, |interval| interval.value),
        }),
        (None, None) => {
            if let Some(Located { location, .. }) = client_ca_file {
                table.report("tls_client_ca_file", &location, "needs tls_certificate_file and tls_private_key_file");
            }
            if let Some(Located { location, .. }) = reload_interval {
                table.report("tls_reload_interval", &location, "needs tls_certificate_file and tls_private_key_file");
            }
            None
        }
        (Some(Located { location, .. }), None) => {
            table.report("tls_certificate_file", &location, "needs tls_private_key_file");
            None
        }
        (None, Some(Located { location, .. })) => {
            table.report("tls_private_key_file", &location, "needs tls_certificate_file");
            None
        }
    }
}
