//! Reads what a tier demands of downloads.

use super::lifetime;
use crate::decide::DownloadObligations;
use crate::object::{ContentTypePattern, DispositionType, HeaderText};
use access_broker_base::document::{Located, Table};

/// Reads the `download` table, if there is one.
pub(super) fn read(mut table: Table<'_>) -> Option<DownloadObligations> {
    if !table.is_present() {
        return None;
    }
    let lifetime = lifetime::read(&mut table);
    let stable_window = table.duration("stable_window").map(|Located { value, location }| {
        if value.is_zero() || value >= lifetime.max_ttl {
            let max = humantime::format_duration(lifetime.max_ttl);
            table.report(
                "stable_window",
                &location,
                format!("must be longer than 0s and shorter than max_ttl ({max})"),
            );
        }
        if lifetime.end_with_token {
            table.report(
                "stable_window",
                &location,
                "must not be set beside end_with_token = true: a URL that ends with its caller's token is not the \
                 same for other callers",
            );
        }
        value
    });
    let attachment = table.one_of("disposition", &[(DispositionType::Attachment.as_str(), true)]);
    let content_type = table.string("content_type").and_then(|Located { value, location }| {
        let exact = matches!(ContentTypePattern::parse(&value), Some(ContentTypePattern::Exact(_)));
        let parsed = HeaderText::parse(&value).ok().filter(|_| exact);
        if parsed.is_none() {
            table.report("content_type", &location, "must be one content type, such as \"application/octet-stream\"");
        }
        parsed
    });
    table.finish();
    Some(DownloadObligations { lifetime, stable_window, attachment: attachment.unwrap_or(false), content_type })
}
