//! Content types of pictures that can run scripts.

use super::sketch::PolicySketch;
use crate::decide::Operation;
use access_broker_base::document::WarningCode;

/// An SVG can have scripts. `image/*` allows it, and a browser that shows it runs the scripts in the origin of the
/// bucket's host.
pub(super) fn find(policy: &PolicySketch<'_>) {
    for tier in &policy.tiers {
        let is_shown =
            |key: &str| tier.offers(Operation::Download) && tier.table_with(Operation::Download, key).is_none();
        if !is_shown("disposition") || !is_shown("content_type") || !tier.offers(Operation::Upload) {
            continue;
        }
        let Some(table) = tier.table_with(Operation::Upload, "content_types") else { continue };
        for value in table.peek_strings("content_types") {
            if value.value.eq_ignore_ascii_case("image/*") {
                let message = "allows image/svg+xml, which can have scripts, and browsers show downloads of this tier; list \
                               the types, or set download.disposition = \"attachment\"";
                table.warn(WarningCode::ScriptsInPictures, "content_types", &value.location, message);
            }
        }
    }
}
