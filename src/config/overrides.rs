//! Settings from the environment and from flags.

use access_broker_base::document::{Location, Overrides};

/// Environment variables with this prefix, and `__` between section and setting, are settings:
/// `ACCESS_BROKER_SERVER__GRPC_ADDR` is `server.grpc_addr`.
///
/// The double underscore distinguishes them from variables that Kubernetes sets for a service of the same name, such as
/// `ACCESS_BROKER_PORT`.
pub(crate) const ENVIRONMENT_PREFIX: &str = "ACCESS_BROKER_";

/// The settings in the environment's variables.
pub fn environment_overrides(variables: impl IntoIterator<Item = (String, String)>) -> Overrides {
    variables
        .into_iter()
        .filter_map(|(name, text)| {
            let path = setting_path(&name)?;
            Some((path, (Location::EnvironmentVariable(name), text)))
        })
        .collect()
}

/// Adds a flag's value, which wins over the environment.
pub(crate) fn flag_override(overrides: &mut Overrides, flag: &str, path: &str, value: Option<String>) {
    if let Some(text) = value {
        overrides.insert(path.to_owned(), (Location::Flag(flag.to_owned()), text));
    }
}

fn setting_path(name: &str) -> Option<String> {
    let (section, setting) = name.strip_prefix(ENVIRONMENT_PREFIX)?.split_once("__")?;
    Some(format!("{}.{}", section.to_ascii_lowercase(), setting.to_ascii_lowercase()))
}
