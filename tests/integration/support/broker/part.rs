//! Parts of a configuration, as values that render TOML.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::support::{AUDIENCE, ISSUER};

/// One table, by the names of its settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part(Map<String, Value>);

impl Part {
    /// A setting, in the place of one with the same name.
    pub(crate) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Settings as an operator writes them, a line each.
    pub(crate) fn with(mut self, settings: &str) -> Self {
        self.0.extend(toml::from_str::<Map<String, Value>>(settings).unwrap_or_else(|error| panic!("{error}")));
        self
    }

    /// The same without some settings.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        for name in names {
            self.0.remove(*name);
        }
        self
    }

    /// Adds `header`, such as `[limits]`, and the settings below it.
    pub(super) fn render(&self, header: &str, text: &mut String) {
        writeln!(text, "{header}").unwrap();
        for (name, value) in &self.0 {
            writeln!(text, "{name} = {}", toml_of(value)).unwrap();
        }
        text.push('\n');
    }
}

/// A value in TOML, whose strings and numbers are those of JSON.
fn toml_of(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(toml_of).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{} = {}", Value::from(&**name), toml_of(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A listener at a free port of loopback, with more settings.
pub(crate) fn listener(proof: &str, settings: &str) -> Part {
    Part::default().set("address", "127.0.0.1:0").set("proof", proof).with(settings)
}

/// An issuer whose keys are in a file.
pub(crate) fn issuer_with_keys(issuer: &str, file: &str) -> Part {
    Part::default().set("issuer", issuer).set("audiences", vec![AUDIENCE]).set("jwks_file", file)
}

/// The bucket `media`, at AWS.
pub(crate) fn bucket() -> Part {
    let bucket = Part::default().set("name", "media").set("s3_bucket", "acme-media").set("region", "eu-west-1");
    bucket.set("credentials", "test")
}

/// Its credentials, which are in the environment.
pub(crate) fn credentials() -> Part {
    let credentials = Part::default().set("name", "test").set("access_key_id_env", "TEST_ACCESS_KEY_ID");
    credentials.set("secret_access_key_env", "TEST_SECRET_ACCESS_KEY")
}

/// Credentials in files of the broker's directory, or of one below.
pub(crate) fn credentials_in_files(id: &str, key: &str) -> Part {
    Part::default().set("name", "test").set("access_key_id_file", id).set("secret_access_key_file", key)
}

/// The issuers that every setup has keys for: of people, and of workloads.
pub(super) fn default_issuers() -> Vec<Part> {
    let people = issuer_with_keys(ISSUER, "jwks.json").set("algorithms", vec!["ES256"]);
    let workloads = issuer_with_keys("spiffe://prod.example", "svid-jwks.json").set("preset", "spiffe");
    vec![people, workloads]
}
