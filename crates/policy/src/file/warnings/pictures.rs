//! Content types of pictures that can run scripts.

use super::sketch::PolicySketch;
use access_broker_base::document::WarningCode;

/// An SVG can have scripts. `image/*` allows it, and a browser that shows it runs the scripts in the origin of the
/// bucket's host.
pub(super) fn find(policy: &PolicySketch<'_>) {
    for tier in &policy.tiers {
        let is_shown = tier.download.is_present() && !tier.download.holds("disposition");
        if !is_shown || tier.download.holds("content_type") {
            continue;
        }
        for value in tier.upload.peek_strings("content_types") {
            if value.value.eq_ignore_ascii_case("image/*") {
                let message = "allows image/svg+xml, which can have scripts, and browsers show downloads of this tier; list \
                               the types, or set download.disposition = \"attachment\"";
                tier.upload.warn(WarningCode::ScriptsInPictures, "content_types", &value.location, message);
            }
        }
    }
}
