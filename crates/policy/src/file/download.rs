//! Reads what a tier demands of downloads.

use std::time::Duration;

use super::lifetime;
use crate::decide::{DownloadObligations, LifetimeObligations};
use crate::object::{ContentTypePattern, DispositionType, HeaderText};
use access_broker_base::document::{Located, Table};

/// Reads the `download` table, if the tier has one.
pub(super) fn read(mut table: Table<'_>) -> Option<DownloadObligations> {
    if !table.is_present() {
        return None;
    }
    table.describe("What the tier demands of downloads. `{}` takes every default.", "no downloads");
    let lifetime = lifetime::read(&mut table);
    let stable_window = read_stable_window(&mut table, lifetime);
    let attachment = table
        .setting("disposition", "Makes browsers save what they download instead of showing it.")
        .choice(&[(DispositionType::Attachment.as_str(), true)])
        .optional();
    let content_type = table
        .setting(
            "content_type",
            "The content type of S3's answer, instead of the stored one. A request must not name another.",
        )
        .parsed("content type", parse_content_type)
        .absent("the stored one")
        .optional();
    table.finish();
    Some(DownloadObligations {
        lifetime,
        stable_window,
        attachment: attachment.is_some(),
        content_type: content_type.map(|content_type| content_type.value),
    })
}

fn read_stable_window(table: &mut Table<'_>, lifetime: LifetimeObligations) -> Option<Duration> {
    let Located { value, location } = table
        .setting("stable_window", "Requests with `stable` get the same URL for this time.")
        .duration()
        .at_least(Duration::from_secs(1))
        .limits("shorter than `max_ttl`; not with `end_with_token = true`")
        .absent("no stable URLs")
        .optional()?;
    if value >= lifetime.max_ttl && lifetime::is_used(table, lifetime.max_ttl) {
        let rule = format!("must be shorter than max_ttl ({})", lifetime::written(lifetime.max_ttl));
        table.report("stable_window", &location, rule);
    }
    if lifetime.end_with_token {
        let rule = "cannot be combined with end_with_token = true: tokens of different callers expire at different \
                    times, so their URLs differ";
        table.report("stable_window", &location, rule);
    }
    Some(value)
}

fn parse_content_type(text: &str) -> Result<HeaderText, &'static str> {
    const RULE: &str = "must be one content type, such as \"application/octet-stream\"";
    match ContentTypePattern::parse(text) {
        Some(ContentTypePattern::Exact(_)) => HeaderText::parse(text).map_err(|_| RULE),
        _ => Err(RULE),
    }
}
