//! Reads what a tier demands of downloads.

use std::time::Duration;

use super::layers::{Contradictions, Defaults, Layered, layered};
use super::lifetime::{self, LifetimeSettings};
use crate::decide::DownloadObligations;
use crate::object::{ContentTypePattern, DispositionType, HeaderText};
use access_broker_base::document::Table;

/// The settings of a `download` table, as far as it has them.
#[derive(Debug, Clone, Default)]
pub(super) struct DownloadSettings {
    lifetime: LifetimeSettings,
    stable_window: Option<Duration>,
    attachment: bool,
    content_type: Option<HeaderText>,
}

/// Reads the `download` table, if the tier has one. Defaults alone offer no downloads.
pub(super) fn read(
    mut table: Table<'_>,
    defaults: Option<Defaults<'_, DownloadSettings>>,
) -> Option<DownloadObligations> {
    if !table.is_present() {
        return None;
    }
    table.describe("What the tier demands of downloads. `{}` takes every default.", "no downloads");
    let settings = read_settings(&mut table);
    let obligations = settings.resolve(defaults, Contradictions::of_tier(&table, defaults));
    table.finish();
    Some(obligations)
}

/// Reads the `download` table of defaults.
pub(super) fn read_defaults(mut table: Table<'_>) -> DownloadSettings {
    if !table.is_present() {
        return DownloadSettings::default();
    }
    table.describe("Settings for `download` tables of tiers that do not have them. It permits no downloads.", "none");
    let settings = read_settings(&mut table);
    settings.resolve(None, Contradictions::of_defaults(&table));
    table.finish();
    settings
}

fn read_settings(table: &mut Table<'_>) -> DownloadSettings {
    let lifetime = lifetime::read(table);
    let stable_window = table
        .setting("stable_window", "Requests with `stable` get the same URL for this time.")
        .duration()
        .at_least(Duration::from_secs(1))
        .limits("shorter than `max_ttl`; not with `end_with_token = true`")
        .absent("no stable URLs")
        .optional();
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
    DownloadSettings {
        lifetime,
        stable_window: stable_window.map(|window| window.value),
        attachment: attachment.is_some(),
        content_type: content_type.map(|content_type| content_type.value),
    }
}

impl DownloadSettings {
    /// What a tier with these settings demands. Reports what contradicts.
    fn resolve(
        &self,
        defaults: Option<Defaults<'_, Self>>,
        contradictions: Contradictions<'_, '_>,
    ) -> DownloadObligations {
        let default = defaults.map(|defaults| defaults.settings);
        let lifetime = self.lifetime.resolve(default.map(|default| &default.lifetime), contradictions);
        let stable_window =
            layered(self.stable_window.as_ref(), default.and_then(|default| default.stable_window.as_ref()));
        if let Some(Layered { value, origin }) = stable_window {
            let location = contradictions.table.location_of("stable_window");
            let report = |other: &str, other_origin, rule: &str| {
                contradictions.report(("stable_window", origin), (other, other_origin), &location, rule);
            };
            if value >= lifetime.max_ttl.value {
                let rule = format!("must be shorter than max_ttl ({})", lifetime::written(lifetime.max_ttl.value));
                report("max_ttl", lifetime.max_ttl.origin, &rule);
            }
            if lifetime.end_with_token.value {
                let rule = "cannot be combined with end_with_token = true: tokens of different callers expire at \
                            different times, so their URLs differ";
                report("end_with_token", lifetime.end_with_token.origin, rule);
            }
        }
        let content_type = self.content_type.as_ref().or_else(|| default?.content_type.as_ref());
        DownloadObligations {
            lifetime: lifetime.obligations,
            stable_window: stable_window.map(|window| window.value),
            attachment: self.attachment || default.is_some_and(|default| default.attachment),
            content_type: content_type.cloned(),
        }
    }
}

fn parse_content_type(text: &str) -> Result<HeaderText, &'static str> {
    const RULE: &str = "must be one content type, such as \"application/octet-stream\"";
    match ContentTypePattern::parse(text) {
        Some(ContentTypePattern::Exact(_)) => HeaderText::parse(text).map_err(|_| RULE),
        _ => Err(RULE),
    }
}
