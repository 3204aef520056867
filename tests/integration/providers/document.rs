//! The sections of docs/PROVIDERS.md.

use std::fs;
use std::path::Path;

use access_broker::config::Config;
use access_broker_base::document::{Overrides, Warnings};
use access_broker_identity::PlainHttp;
use serde_json::{Map, Value};

const DOCUMENT: &str = "docs/PROVIDERS.md";

/// What a configuration has apart from its issuers.
const REST: &str = "policy = { file = \"policy.toml\" }\n\
                    bucket = [{ name = \"media\", s3_bucket = \"example-media\", region = \"eu-central-1\" }]\n";

/// One provider.
pub(super) struct Section {
    pub(super) title: String,
    /// The first TOML block.
    configuration: String,
    /// The second one.
    pub(super) policy: String,
}

/// Every section, in the order of the document.
pub(super) fn sections() -> Vec<Section> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT)).unwrap();
    let sections: Vec<_> = text.split("\n## ").skip(1).map(Section::parse).collect();
    assert!(sections.len() >= 20, "{}", sections.len());
    sections
}

impl Section {
    fn parse(text: &str) -> Self {
        let (title, body) = text.split_once('\n').unwrap();
        let blocks = body.split("```toml\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0.to_owned());
        let [configuration, policy] = blocks.collect::<Vec<_>>().try_into().unwrap_or_else(|blocks: Vec<_>| {
            panic!("{DOCUMENT}: {title} has {} TOML blocks and not a configuration and a policy", blocks.len())
        });
        let (_, advice) = body.split_once("\nWatch out:\n\n- ").unwrap_or_else(|| panic!("{title}: no advice"));
        assert!(advice.contains("](https://"), "{title} has no link to the provider's documentation");
        Self { title: title.to_owned(), configuration, policy }
    }

    /// The tables of the first block.
    pub(super) fn configuration_values(&self) -> Map<String, Value> {
        toml::from_str(&self.configuration).unwrap_or_else(|error| panic!("{}: {error}", self.title))
    }

    /// Loads both blocks as they are, together with what a configuration needs apart from issuers.
    pub(super) fn hold_no_warnings(&self) {
        let text = format!("{REST}{}", self.configuration);
        let config = Config::parse("broker.toml", &text, Path::new(""), Overrides::new(), PlainHttp::Refused)
            .unwrap_or_else(|problems| panic!("{}: {problems}", self.title));
        let policy = config.parse_policy(&self.policy).unwrap_or_else(|problems| panic!("{}: {problems}", self.title));
        let lines = |warnings: &Warnings| warnings.lines().map(|(_, line)| line).collect::<Vec<_>>();
        let warnings = [lines(&config.warnings), lines(&policy.warnings)].concat();
        assert!(warnings.is_empty(), "{}: {warnings:#?}", self.title);
    }
}
