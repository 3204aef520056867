//! Warnings about a valid configuration: settings without effect, probable mistakes, and risks.
//!
//! They are found in a second reading of the document.

mod access_keys;
mod buckets;
mod issuers;
mod listeners;
mod regions;

use std::env;

use zeroize::Zeroizing;

use super::Config;
use access_broker_base::document::Document;
use access_broker_base::files;
use access_broker_s3::credentials::SecretSource;

/// The largest secret that is read, in bytes, as for the server itself.
const MAX_SECRET_BYTES: usize = 16 * 1_024;

/// Reads a secret, if it is available. Warnings judge its form and never show it.
pub(super) type ReadSecret<'s> = &'s dyn Fn(&SecretSource) -> Option<Zeroizing<String>>;

/// Adds the warnings about a configuration without problems to its document.
pub(super) fn find(document: &Document<'_>, config: &Config, read_secret: ReadSecret<'_>) {
    listeners::find(&mut document.root(), config);
    issuers::find(&mut document.root(), config);
    buckets::find(&mut document.root(), config);
    access_keys::find(document, config, read_secret);
}

/// Reads a secret from a file or from the environment of this process. Blocks on the file system.
pub(super) fn read_secret(source: &SecretSource) -> Option<Zeroizing<String>> {
    match source {
        SecretSource::EnvironmentVariable(name) => env::var(name).ok().map(Zeroizing::new),
        SecretSource::File(path) => {
            let read = files::read(path, MAX_SECRET_BYTES).ok()?;
            str::from_utf8(&read.content).ok().map(|text| Zeroizing::new(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
