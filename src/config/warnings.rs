//! What a valid configuration says without any effect, or surely does not mean.
//!
//! The document is read once more, apart from what the server uses.

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

/// The largest secret that is looked at, in bytes, as for the server itself.
const MAX_SECRET_BYTES: usize = 16 * 1_024;

/// Looks at a secret, if it is there. What it finds is judged by its shape, and never shown.
pub(super) type SecretLook<'s> = &'s dyn Fn(&SecretSource) -> Option<Zeroizing<String>>;

/// Adds the warnings about a configuration without problems to its document.
pub(super) fn find(document: &Document<'_>, config: &Config, look: SecretLook<'_>) {
    listeners::find(&mut document.root(), config);
    issuers::find(&mut document.root(), config);
    buckets::find(&mut document.root(), config);
    access_keys::find(document, config, look);
}

/// What is on this machine, in files and in the environment of this process. Blocks on the file system.
pub(super) fn look_here(source: &SecretSource) -> Option<Zeroizing<String>> {
    match source {
        SecretSource::EnvironmentVariable(name) => env::var(name).ok().map(Zeroizing::new),
        SecretSource::File(path) => {
            let look = files::read(path, MAX_SECRET_BYTES).ok()?;
            str::from_utf8(&look.content).ok().map(|text| Zeroizing::new(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
