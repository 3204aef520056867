//! Access keys whose form is invalid. No message has a part of one.

use zeroize::Zeroizing;

use super::ReadSecret;
use crate::config::{BucketSettings, Config, CredentialsSettings};
use access_broker_base::document::{Document, Location, Table, WarningCode};
use access_broker_s3::credentials::SecretSource;

/// The variables of AWS's default chain. `docker --env-file` keeps quotes.
const DEFAULT_CHAIN: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The lengths of AWS's access key ids
/// ([AWS: AccessKey](https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html)).
const AWS_ID_LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;

const QUOTED: &str = "is in quotes, which count as a part of it; write it without quotes";
const WHITE_SPACE: &str = "has white space inside; write the value alone, without its name";
const NO_AWS_ID: &str = "is not an access key id of AWS: 16 to 128 letters from A to Z and digits";

pub(super) fn find(document: &Document<'_>, config: &Config, read_secret: ReadSecret<'_>) {
    let mut root = document.root();
    for table in root.tables("credentials") {
        let name = table.peek_strings("name").pop().map(|name| name.value).unwrap_or_default();
        let signers = config.buckets.iter().flat_map(|bucket| bucket.signers().map(move |signer| (bucket, signer)));
        let mut users = signers.filter_map(|(bucket, signer)| match signer {
            CredentialsSettings::Static { name: used, access_key_id, secret_access_key, session } if *used == name => {
                let at_aws = bucket.endpoints.iter().any(|endpoint| endpoint.settings.is_at_aws());
                Some((at_aws, access_key_id, secret_access_key, session))
            }
            _ => None,
        });
        let Some((first_at_aws, id, secret, session)) = users.next() else { continue };
        let at_aws = first_at_aws || users.any(|(at_aws, ..)| at_aws);
        let token = session.as_ref().map(|session| &session.token);
        let values = [
            ("access_key_id", Some(id), at_aws),
            ("secret_access_key", Some(secret), false),
            ("session_token", token, false),
        ];
        for (prefix, source, is_aws_id) in values {
            let Some((source, text)) = source.and_then(|source| Some((source, read_secret(source)?))) else { continue };
            if let Some((code, message)) = invalid_form(&text, is_aws_id) {
                warn(&table, prefix, source, code, message);
            }
        }
    }
    if config
        .buckets
        .iter()
        .flat_map(BucketSettings::signers)
        .any(|signer| *signer == CredentialsSettings::DefaultChain)
    {
        for name in DEFAULT_CHAIN {
            let text = read_secret(&SecretSource::EnvironmentVariable(name.to_owned()));
            if text.is_some_and(|text| is_quoted(text.trim())) {
                document.warn(
                    WarningCode::AccessKeyQuoted,
                    &Location::EnvironmentVariable(name.to_owned()),
                    "",
                    QUOTED,
                );
            }
        }
    }
}

fn warn(table: &Table<'_>, prefix: &str, source: &SecretSource, code: WarningCode, message: &str) {
    let (key, what) = match source {
        SecretSource::EnvironmentVariable(name) => (format!("{prefix}_env"), format!("the variable {name}")),
        SecretSource::File(path) => (format!("{prefix}_file"), path.display().to_string()),
    };
    table.warn(code, &key, &table.location_of(&key), format!("names {what}, whose value {message}"));
}

fn invalid_form(text: &Zeroizing<String>, is_aws_id: bool) -> Option<(WarningCode, &'static str)> {
    // The server removes white space around a value.
    let text = text.trim();
    let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if text.is_empty() {
        None
    } else if is_quoted(text) {
        Some((WarningCode::AccessKeyQuoted, QUOTED))
    } else if text.contains(char::is_whitespace) {
        Some((WarningCode::AccessKeyMalformed, WHITE_SPACE))
    } else if is_aws_id && !(AWS_ID_LENGTHS.contains(&text.len()) && text.bytes().all(is_id)) {
        Some((WarningCode::AccessKeyMalformed, NO_AWS_ID))
    } else {
        None
    }
}

fn is_quoted(text: &str) -> bool {
    let is_quote = |character: char| matches!(character, '"' | '\'' | '`' | '\u{201c}' | '\u{201d}');
    text.starts_with(is_quote) || text.ends_with(is_quote)
}
