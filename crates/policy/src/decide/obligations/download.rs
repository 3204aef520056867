//! What a tier demands of downloads.

use std::time::Duration;

use crate::decide::lifetime::LifetimeObligations;
use crate::decide::permitted_terms::PermittedDownload;
use crate::decide::request::RequestedDownload;
use crate::decide::violation::FieldViolation;
use crate::object::{DispositionType, HeaderText, ResponseOverride, is_attachment};

/// What a tier demands of downloads.
#[derive(Debug)]
pub(crate) struct DownloadObligations {
    pub(crate) lifetime: LifetimeObligations,
    /// How long equal requests may get the same URL. `None`: never.
    pub(crate) stable_window: Option<Duration>,
    /// Whether browsers must save what they download instead of showing it.
    pub(crate) attachment: bool,
    pub(crate) content_type: Option<HeaderText>,
}

impl DownloadObligations {
    /// The terms of the permit: those of the caller and of the tier. A request that contradicts the tier is refused: a dropped
    /// term would be a surprise for the caller.
    pub(crate) fn agree(&self, requested: RequestedDownload) -> Result<PermittedDownload, Vec<FieldViolation>> {
        use ResponseOverride::{ContentDisposition, ContentType};
        let RequestedDownload { version_id, mut response_overrides } = requested;
        let mut violations = Vec::new();
        if self.attachment {
            match ContentDisposition.find_in(&response_overrides) {
                None => {
                    let attachment = DispositionType::Attachment.with_file_name(None);
                    response_overrides.extend(attachment.ok().map(|text| (ContentDisposition, text)));
                }
                Some(requested) if !is_attachment(requested) => violations.push(FieldViolation::new(
                    "response_overrides.content_disposition",
                    "must be an attachment in this tier",
                )),
                Some(_) => {}
            }
        }
        if let Some(imposed) = &self.content_type {
            match ContentType.find_in(&response_overrides) {
                None => response_overrides.push((ContentType, imposed.clone())),
                Some(requested) if requested != imposed => violations
                    .push(FieldViolation::new("response_overrides.content_type", "must be the tier's content type")),
                Some(_) => {}
            }
        }
        if violations.is_empty() { Ok(PermittedDownload { version_id, response_overrides }) } else { Err(violations) }
    }

    /// The window of a stable URL.
    pub(crate) fn window(&self, stable: bool) -> Result<Option<Duration>, FieldViolation> {
        match (stable, self.stable_window) {
            (false, _) => Ok(None),
            (true, Some(window)) => Ok(Some(window)),
            (true, None) => Err(FieldViolation::new("stable", "must not be set: this tier has no stable URLs")),
        }
    }
}
