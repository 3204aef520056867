//! Writes a minimal configuration and policy.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};

/// As short as a configuration can be. `broker.toml` in the samples has every setting.
const CONFIGURATION: &str = r#"# Configuration of access-broker. docs/CONFIGURATION.md explains every setting.
# Check it: access-broker check --config broker.toml

[policy]
file = "policy.toml"

# Whose tokens are accepted, and for which audience.
[[issuer]]
issuer = "https://login.example.com"
audiences = ["access-broker"]

# The bucket that callers name "media". AWS's default chain has the credentials.
[[bucket]]
name = "media"
s3_bucket = "example-media"
region = "eu-central-1"
"#;

const POLICY: &str = r#"# Policy of access-broker. docs/POLICY.md explains the language.
# Nothing is permitted without a grant.

[[tier]]
name = "pictures"
bucket = "media"
prefix = "pictures/"
download = { max_ttl = "1h" }
upload = { max_ttl = "15m", max_size = "50MiB" }

# Every authenticated caller.
[[grant]]
tiers = "pictures"
operations = "download"
to = { authenticated = true }

# Callers with the value "editors" in the claim "groups" of their token.
[[grant]]
tiers = "pictures"
operations = "upload"
to = { groups = ["editors"] }
"#;

/// Writes both files, or none if one exists. Says what to do next.
pub(super) fn write(directory: &Path) -> anyhow::Result<String> {
    fs::create_dir_all(directory).with_context(|| format!("{}: cannot be created", directory.display()))?;
    let files =
        [("broker.toml", CONFIGURATION), ("policy.toml", POLICY)].map(|(name, text)| (directory.join(name), text));
    for (path, _) in &files {
        if path.symlink_metadata().is_ok() {
            bail!("{} already exists; nothing was written", path.display());
        }
    }
    for (index, (path, text)) in files.iter().enumerate() {
        // A file that appeared since then is not overwritten either.
        let created = OpenOptions::new().write(true).create_new(true).open(path);
        let is_created = created.is_ok();
        let written = created.and_then(|mut file| file.write_all(text.as_bytes()));
        if written.is_err() {
            // The next run finds the directory as this one did.
            for (path, _) in files.iter().take(index + usize::from(is_created)) {
                let _removed = fs::remove_file(path);
            }
        }
        written.with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    let [(configuration, _), (policy, _)] = &files;
    Ok(format!(
        "Wrote {} and {}.\nNext: set issuer, audiences, s3_bucket and region, and then run\n  access-broker check --config {}",
        configuration.display(),
        policy.display(),
        for_shell(&configuration.display().to_string())
    ))
}

/// A word as a shell reads it.
fn for_shell(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if word.bytes().all(is_plain) && !word.starts_with('-') {
        word.to_owned()
    } else {
        let path = if word.starts_with('-') { format!("./{word}") } else { word.to_owned() };
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggested_command_can_be_pasted() {
        for (word, quoted) in [
            ("a/broker.toml", "a/broker.toml"),
            ("my files/broker.toml", "'my files/broker.toml'"),
            ("-d/broker.toml", "'./-d/broker.toml'"),
            ("it's/broker.toml", "'it'\\''s/broker.toml'"),
        ] {
            assert_eq!(for_shell(word), quoted);
        }
    }
}
