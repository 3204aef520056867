//! `[[credentials]]`: access keys in files or environment variables, never in the configuration itself.

use std::collections::BTreeMap;
use std::path::Path;

use access_broker_base::document::{Located, Table};
use access_broker_s3::credentials::{DEFAULT_CHAIN_NAME, SecretSource, SessionSource};

pub(crate) use access_broker_s3::credentials::CredentialsSettings;

/// Reads every `[[credentials]]`, by name. `None`: the settings are invalid, and that was reported.
pub(super) fn read_all(root: &mut Table<'_>, directory: &Path) -> BTreeMap<String, Option<CredentialsSettings>> {
    let mut all = BTreeMap::new();
    for mut table in root.tables("credentials") {
        table.describe(
            "Access keys for buckets that do not use AWS's default chain. The configuration says where they are and \
             never has them.",
            "AWS's default chain signs",
        );
        let name = table
            .setting("name", "The name that buckets and metrics use.")
            .text()
            .limits("unique; not `default-chain`")
            .required();
        let settings = read(&mut table, name.as_ref(), directory);
        if let Some(Located { value, location }) = name {
            if value == DEFAULT_CHAIN_NAME {
                table.report("name", &location, "is reserved (metrics use it for AWS's default chain)");
            }
            if all.insert(value, settings).is_some() {
                table.report("name", &location, "repeats the name of other credentials");
            }
        }
        table.finish();
    }
    all
}

/// The two settings of a secret, and the rule for them.
struct Secret {
    env: Meaning,
    file: Meaning,
    limits: &'static str,
}

/// A key and what it is for.
type Meaning = (&'static str, &'static str);

const ACCESS_KEY_ID: Secret = Secret {
    env: ("access_key_id_env", "The environment variable with the access key id."),
    file: ("access_key_id_file", "The file with the access key id."),
    limits: "exactly one of `access_key_id_env` and `access_key_id_file`",
};

const SECRET_ACCESS_KEY: Secret = Secret {
    env: ("secret_access_key_env", "The environment variable with the secret access key."),
    file: ("secret_access_key_file", "The file with the secret access key."),
    limits: "exactly one of `secret_access_key_env` and `secret_access_key_file`",
};

const SESSION_TOKEN: Secret = Secret {
    env: ("session_token_env", "The environment variable with the session token, for temporary keys."),
    file: ("session_token_file", "The file with the session token, for temporary keys."),
    limits: "at most one of `session_token_env` and `session_token_file`",
};

const EXPIRATION: Secret = Secret {
    env: (
        "expiration_env",
        "The environment variable with the time at which temporary keys expire, RFC 3339 in UTC: \
         `2026-01-31T12:00:00Z`.",
    ),
    file: ("expiration_file", "The file with the time at which temporary keys expire, RFC 3339 in UTC."),
    limits: "one of `expiration_env` and `expiration_file` is required with a session token",
};

fn read(table: &mut Table<'_>, name: Option<&Located<String>>, directory: &Path) -> Option<CredentialsSettings> {
    let id = ACCESS_KEY_ID.read(table, directory);
    let key = SECRET_ACCESS_KEY.read(table, directory);
    let token = SESSION_TOKEN.read(table, directory);
    let expiration = EXPIRATION.read(table, directory);
    for secret in [ACCESS_KEY_ID, SECRET_ACCESS_KEY] {
        if !secret.is_given(table) {
            table.report_here(format!("requires {} or {}", secret.env.0, secret.file.0));
        }
    }
    if SESSION_TOKEN.is_given(table) != EXPIRATION.is_given(table) {
        table.report_here("must have a session token and its expiration, or neither");
    }
    let session = token.zip(expiration).map(|(token, expiration)| SessionSource { token, expiration });
    let name = name?.value.clone();
    Some(CredentialsSettings::Static { name, access_key_id: id?, secret_access_key: key?, session })
}

impl Secret {
    fn read(&self, table: &mut Table<'_>, directory: &Path) -> Option<SecretSource> {
        let Self { env: (env, of_env), file: (file, of_file), limits } = *self;
        let variable = table.setting(env, of_env).text().limits(limits).optional();
        let path = table.setting(file, of_file).path(directory).limits(limits).optional();
        match (variable, path) {
            (Some(variable), None) => Some(SecretSource::EnvironmentVariable(variable.value)),
            (None, Some(path)) => Some(SecretSource::File(path.value)),
            (None, None) => None,
            (Some(_), Some(path)) => {
                table.report(file, &path.location, format!("cannot be combined with {env}"));
                None
            }
        }
    }

    fn is_given(&self, table: &Table<'_>) -> bool {
        table.holds(self.env.0) || table.holds(self.file.0)
    }
}
