//! `[[credentials]]`: access keys that the configuration names, by file or environment variable and never in itself.

use std::collections::BTreeMap;
use std::path::Path;

use crate::document::{Located, Table};
use crate::presign::credentials::{SecretSource, SessionSource};

/// Who signs for a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsSettings {
    /// What AWS's default chain finds: environment, profile, web identity, container, instance.
    DefaultChain,
    /// Keys in files or environment variables.
    Static {
        /// What the configuration calls them.
        name: String,
        /// The access key id.
        access_key_id: SecretSource,
        /// The secret access key.
        secret_access_key: SecretSource,
        /// What temporary keys have beside these.
        session: Option<SessionSource>,
    },
}

/// What AWS's default chain is called where it stands beside `[[credentials]]`, which must have other names.
pub(super) const DEFAULT_CHAIN_NAME: &str = "default-chain";

impl CredentialsSettings {
    /// The name by which operators know the credentials: that of the `[[credentials]]`, or `default-chain`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::DefaultChain => DEFAULT_CHAIN_NAME,
            Self::Static { name, .. } => name,
        }
    }

    /// Whether the configuration names a file for a part of them.
    #[must_use]
    pub fn names_files(&self) -> bool {
        match self {
            Self::DefaultChain => false,
            Self::Static { access_key_id, secret_access_key, session, .. } => {
                let session = session.iter().flat_map(|session| [&session.token, &session.expiration]);
                let mut sources = [access_key_id, secret_access_key].into_iter().chain(session);
                sources.any(|source| matches!(source, SecretSource::File(_)))
            }
        }
    }

    /// Whether both come from the same place, under whatever names.
    #[must_use]
    pub fn has_keys_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::DefaultChain, Self::DefaultChain) => true,
            (Self::Static { access_key_id: id, .. }, Self::Static { access_key_id: other, .. }) => id == other,
            _ => false,
        }
    }
}

/// Reads every `[[credentials]]`, by name. `None` stands for what was given and is wrong.
pub(super) fn read_all(root: &mut Table<'_>, folder: &Path) -> BTreeMap<String, Option<CredentialsSettings>> {
    let mut all = BTreeMap::new();
    for mut table in root.tables("credentials") {
        let name = table.required_string("name");
        let settings = read(&mut table, name.as_ref(), folder);
        if let Some(Located { value, place }) = name {
            if value == DEFAULT_CHAIN_NAME {
                table.report("name", &place, "is what metrics call AWS's default chain");
            }
            if all.insert(value, settings).is_some() {
                table.report("name", &place, "is the name of other credentials already");
            }
        }
        table.finish();
    }
    all
}

fn read(table: &mut Table<'_>, name: Option<&Located<String>>, folder: &Path) -> Option<CredentialsSettings> {
    let id = secret(table, ["access_key_id_env", "access_key_id_file"], folder);
    let key = secret(table, ["secret_access_key_env", "secret_access_key_file"], folder);
    let token = secret(table, ["session_token_env", "session_token_file"], folder);
    let expiration = secret(table, ["expiration_env", "expiration_file"], folder);
    let lacks = |env: &str, file: &str| !table.holds(env) && !table.holds(file);
    if lacks("access_key_id_env", "access_key_id_file") {
        table.report_here("must have access_key_id_env or access_key_id_file");
    }
    if lacks("secret_access_key_env", "secret_access_key_file") {
        table.report_here("must have secret_access_key_env or secret_access_key_file");
    }
    if lacks("session_token_env", "session_token_file") != lacks("expiration_env", "expiration_file") {
        table.report_here("must have a session token and its expiration both or neither");
    }
    let session = token.zip(expiration).map(|(token, expiration)| SessionSource { token, expiration });
    let name = name?.value.clone();
    Some(CredentialsSettings::Static { name, access_key_id: id?, secret_access_key: key?, session })
}

fn secret(table: &mut Table<'_>, [env, file]: [&'static str; 2], folder: &Path) -> Option<SecretSource> {
    match (table.string(env), table.path_in(folder, file)) {
        (Some(variable), None) => Some(SecretSource::EnvironmentVariable(variable.value)),
        (None, Some(path)) => Some(SecretSource::File(path.value)),
        (None, None) => None,
        (Some(_), Some(path)) => {
            table.report(file, &path.place, format!("must not be given beside {env}"));
            None
        }
    }
}
