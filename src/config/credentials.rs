//! `[[credentials]]`: access keys that the configuration names, by file or environment variable and never in itself.

use std::collections::BTreeMap;
use std::path::Path;

use access_broker_base::document::{Located, Table};
use access_broker_s3::credentials::{DEFAULT_CHAIN_NAME, SecretSource, SessionSource};

pub(crate) use access_broker_s3::credentials::CredentialsSettings;

/// Reads every `[[credentials]]`, by name. `None` stands for what was given and is wrong.
pub(super) fn read_all(root: &mut Table<'_>, folder: &Path) -> BTreeMap<String, Option<CredentialsSettings>> {
    let mut all = BTreeMap::new();
    for mut table in root.tables("credentials") {
        let name = table.required_string("name");
        let settings = read(&mut table, name.as_ref(), folder);
        if let Some(Located { value, location }) = name {
            if value == DEFAULT_CHAIN_NAME {
                table.report("name", &location, "is what metrics call AWS's default chain");
            }
            if all.insert(value, settings).is_some() {
                table.report("name", &location, "is the name of other credentials already");
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
            table.report(file, &path.location, format!("must not be given beside {env}"));
            None
        }
    }
}
