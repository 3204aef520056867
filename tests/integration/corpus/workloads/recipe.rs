//! Turns the recipe of a case into what is sent, and the listeners into configuration.

use std::os::unix::fs::MetadataExt;

use super::data::{Case, Workloads};
use crate::corpus::data::Corpus;
use crate::corpus::mint::{Metadata, Mint};
use crate::corpus::template::expand;
use crate::support::Part;
use crate::support::broker::listener;

impl Workloads {
    /// The `[[listener]]` tables.
    pub(super) fn configuration(&self) -> Vec<Part> {
        let own_user = own_user();
        let meaning = |word: &str| match word {
            "own-user" => Some(own_user.to_string().into_bytes()),
            "another-user" => Some((own_user + 1).to_string().into_bytes()),
            _ => None,
        };
        let parts = self.listeners.iter().map(|of_corpus| {
            let settings = String::from_utf8(expand(&of_corpus.settings, meaning)).unwrap();
            listener(&of_corpus.proof, &settings).set("address", &*of_corpus.address)
        });
        parts.collect()
    }

    /// The token's metadata, then the headers.
    pub(super) fn metadata(&self, case: &Case, corpus: &Corpus, mint: &Mint<'_>) -> Metadata {
        let token = case.token.as_ref().map(|name| {
            let full_name = self.tokens.get(name).unwrap_or_else(|| panic!("{}: no token {name}", case.name));
            mint.metadata(corpus.case(full_name))
        });
        let headers = case.headers.iter().flat_map(|(name, values)| {
            values.iter().map(|value| (name.clone(), expand(value, |word| self.meaning(word))))
        });
        token.into_iter().flatten().chain(headers).collect()
    }

    /// Who must be logged as the workload.
    pub(super) fn workload(&self, case: &Case) -> Option<String> {
        let workload = case.workload.as_ref()?;
        Some(String::from_utf8(expand(workload, |word| self.meaning(word))).unwrap())
    }

    fn meaning(&self, word: &str) -> Option<Vec<u8>> {
        self.words.get(word).map(|meaning| meaning.clone().into_bytes())
    }
}

/// The user that runs the test, who owns what it makes.
fn own_user() -> u32 {
    tempfile::tempfile().unwrap().metadata().unwrap().uid()
}
