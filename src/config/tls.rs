//! TLS of a listener: the settings of `[[listener]]` that begin with `tls_`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use access_broker_base::document::{Located, Table};

/// Soon after cert-manager or spiffe-helper writes new files, and no load.
const DEFAULT_TLS_RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// Where a listener's certificates and key are. All files are PEM and at most 1 MiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The server's certificate, followed by the intermediate certificates up to a root that clients trust.
    pub(crate) certificate_file: PathBuf,
    /// The private key of that certificate, not encrypted: PKCS #8, PKCS #1 or SEC 1.
    pub(crate) private_key_file: PathBuf,
    /// The authorities whose client certificates are accepted. If it is set, every client must present a certificate;
    /// otherwise none is requested.
    pub(crate) client_ca_file: Option<PathBuf>,
    /// How often the files are checked for changes. Longer than zero.
    pub(crate) reload_interval: Duration,
}

pub(super) fn read(table: &mut Table<'_>, directory: &Path) -> Option<TlsSettings> {
    let certificate_file = table
        .setting("tls_certificate_file", "The server's certificate, followed by its intermediate certificates.")
        .path(directory)
        .limits("PEM, at most 1 MiB; not for Unix domain sockets")
        .optional();
    let private_key_file = table
        .setting("tls_private_key_file", "The private key of the server's certificate.")
        .path(directory)
        .limits("PEM, not encrypted; required with `tls_certificate_file`")
        .optional();
    let client_ca_file = table
        .setting(
            "tls_client_ca_file",
            "The authorities whose client certificates are accepted. If it is set, every client must present a \
             certificate.",
        )
        .path(directory)
        .limits("PEM; requires `tls_certificate_file`")
        .optional();
    let reload_interval = table
        .setting(
            "tls_reload_interval",
            "How often the three files are [checked for changes](#files-that-are-read-again).",
        )
        .duration()
        .at_least(Duration::from_secs(1))
        .or(DEFAULT_TLS_RELOAD_INTERVAL);
    match (certificate_file, private_key_file) {
        (Some(certificate_file), Some(private_key_file)) => Some(TlsSettings {
            certificate_file: certificate_file.value,
            private_key_file: private_key_file.value,
            client_ca_file: client_ca_file.map(|file| file.value),
            reload_interval,
        }),
        (None, None) => {
            for key in ["tls_client_ca_file", "tls_reload_interval"] {
                if table.holds(key) {
                    let rule = "requires tls_certificate_file and tls_private_key_file to be set";
                    table.report(key, &table.location_of(key), rule);
                }
            }
            None
        }
        (Some(Located { location, .. }), None) => {
            table.report("tls_certificate_file", &location, "requires tls_private_key_file to be set");
            None
        }
        (None, Some(Located { location, .. })) => {
            table.report("tls_private_key_file", &location, "requires tls_certificate_file to be set");
            None
        }
    }
}
