//! The form of `tests/corpus/workloads.toml`. What each part means is said at its head.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::corpus::data::read;

/// The data file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::corpus) struct Workloads {
    #[serde(rename = "listener")]
    pub(super) listeners: Vec<Listener>,
    pub(super) words: BTreeMap<String, String>,
    /// The names of cases of `tokens.toml`, by shorter ones.
    pub(super) tokens: BTreeMap<String, String>,
    /// The reasons that no token and no header can cause, and why.
    pub(in crate::corpus) not_by_header: BTreeMap<String, String>,
    #[serde(rename = "case")]
    pub(in crate::corpus) cases: Vec<Case>,
}

/// A listener of the broker's configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listener {
    pub(super) name: String,
    #[serde(default = "Listener::usual_address")]
    pub(super) address: String,
    pub(super) proof: String,
    #[serde(default)]
    pub(super) settings: String,
}

/// One call, and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::corpus) struct Case {
    pub(super) name: String,
    #[serde(default = "Case::usual_listener")]
    pub(super) listener: String,
    #[serde(default)]
    pub(super) method: Method,
    pub(super) token: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Vec<String>>,
    pub(super) code: String,
    pub(in crate::corpus) reason: Option<String>,
    pub(super) workload: Option<String>,
    pub(super) subject: Option<String>,
}

/// Which method is called.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Method {
    #[default]
    Download,
    Health,
    Reflection,
}

impl Workloads {
    pub(in crate::corpus) fn read() -> Self {
        read("workloads.toml")
    }

    /// The place of a listener in the configuration.
    pub(super) fn index(&self, listener: &str) -> usize {
        let index = self.listeners.iter().position(|known| known.name == listener);
        index.unwrap_or_else(|| panic!("no listener {listener}"))
    }
}

impl Listener {
    fn usual_address() -> String {
        "127.0.0.1:0".to_owned()
    }
}

impl Case {
    fn usual_listener() -> String {
        "envoy".to_owned()
    }
}
