//! What a tier demands of downloads.

use std::time::Duration;

use super::FieldViolation;
use crate::decide::lifetime::LifetimeObligations;
use crate::decide::terms::{DownloadTerms, ResponseOverride};
use crate::object::{ContentTypePattern, DispositionType, HeaderText, is_attachment};
use access_broker_base::document::{Located, Table};

/// What a tier demands of downloads.
#[derive(Debug)]
pub(crate) struct DownloadObligations {
    pub(crate) lifetime: LifetimeObligations,
    /// How long equal requests may get the same URL. `None`: never.
    stable_window: Option<Duration>,
    /// Whether browsers must save what they download, and not show it.
    attachment: bool,
    /// The content type that every download has.
    content_type: Option<HeaderText>,
}

impl DownloadObligations {
    /// Reads the `download` table, if there is one.
    pub(crate) fn read(mut table: Table<'_>) -> Option<Self> {
        if !table.is_present() {
            return None;
        }
        let lifetime = LifetimeObligations::read(&mut table);
        let stable_window = table.duration("stable_window").map(|Located { value, place }| {
            if value.is_zero() || value >= lifetime.max_ttl {
                let max = humantime::format_duration(lifetime.max_ttl);
                table.report(
                    "stable_window",
                    &place,
                    format!("must be longer than 0s and shorter than max_ttl ({max})"),
                );
            }
            if lifetime.end_with_token {
                table.report(
                    "stable_window",
                    &place,
                    "must not be set beside end_with_token = true: a URL that ends with its caller's token is not the \
                     same for other callers",
                );
            }
            value
        });
        let attachment = table.one_of("disposition", &[(DispositionType::Attachment.as_str(), true)]);
        let content_type = table.string("content_type").and_then(|Located { value, place }| {
            let exact = matches!(ContentTypePattern::parse(&value), Some(ContentTypePattern::Exact(_)));
            let parsed = HeaderText::parse(&value).ok().filter(|_| exact);
            if parsed.is_none() {
                table.report("content_type", &place, "must be one content type, such as \"application/octet-stream\"");
            }
            parsed
        });
        table.finish();
        Some(Self { lifetime, stable_window, attachment: attachment.unwrap_or(false), content_type })
    }

    /// The terms that the permit fixes: the caller's, with what the tier imposes. A wish that contradicts the tier is an
    /// error and not dropped: the caller would go on believing in it.
    pub(crate) fn agree(&self, mut terms: DownloadTerms) -> Result<DownloadTerms, Vec<FieldViolation>> {
        use ResponseOverride::{ContentDisposition, ContentType};
        let mut violations = Vec::new();
        if self.attachment {
            match terms.response_override(ContentDisposition) {
                None => {
                    let attachment = DispositionType::Attachment.with_file_name(None);
                    terms.response_overrides.extend(attachment.ok().map(|text| (ContentDisposition, text)));
                }
                Some(wish) if !is_attachment(wish) => violations.push(FieldViolation::new(
                    "response_overrides.content_disposition",
                    "must be an attachment in this tier",
                )),
                Some(_) => {}
            }
        }
        if let Some(imposed) = &self.content_type {
            match terms.response_override(ContentType) {
                None => terms.response_overrides.push((ContentType, imposed.clone())),
                Some(wish) if wish != imposed => violations
                    .push(FieldViolation::new("response_overrides.content_type", "must be the tier's content type")),
                Some(_) => {}
            }
        }
        if violations.is_empty() { Ok(terms) } else { Err(violations) }
    }

    /// The window of a URL that shall stay the same.
    pub(crate) fn window(&self, stable: bool) -> Result<Option<Duration>, FieldViolation> {
        match (stable, self.stable_window) {
            (false, _) => Ok(None),
            (true, Some(window)) => Ok(Some(window)),
            (true, None) => Err(FieldViolation::new("stable", "must not be set in this tier, whose URLs are all new")),
        }
    }
}
