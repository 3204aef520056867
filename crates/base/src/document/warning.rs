//! What is allowed in a document, and can have no effect or is surely not meant.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Location, Redaction};
use crate::invisible::made_visible;

/// The most warnings that are kept of one document.
pub(crate) const MAX_WARNINGS: usize = 1_000;

/// The most characters of a setting's path or of a message. Both may hold a text of the document.
const MAX_CHARACTERS: usize = 1_000;

macro_rules! warning_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What kind of a warning it is. The names are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum WarningCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl WarningCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in output, logs and documents: words in lower case with underscores.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

warning_codes! {
    /// No caller can meet a condition of a grant or a denial.
    ConditionNeverHolds = "condition_never_holds",
    /// The prefix of a tier comes from a claim that no caller can have.
    PrefixNeverMatches = "prefix_never_matches",
    /// URLs shall end with a token, and no listener takes tokens.
    EndWithTokenWithoutTokens = "end_with_token_without_tokens",
    /// A pattern where text is compared as it stands.
    LiteralPattern = "literal_pattern",
    /// A pattern on the subject of GitHub Actions that jobs of pull requests match.
    SubjectPattern = "subject_pattern",
    /// A template where text is compared as it stands.
    LiteralTemplate = "literal_template",
    /// The path to a claim inside another, where the name of a top-level claim is meant.
    DottedClaim = "dotted_claim",
    /// No grant names the tier, so no caller gets its objects.
    TierWithoutGrants = "tier_without_grants",
    /// Two tiers of one prefix include the same keys.
    TiersOverlap = "tiers_overlap",
    /// An operation of a tier without a grant.
    OperationWithoutGrants = "operation_without_grants",
    /// A grant of what earlier grants give already.
    GrantShadowed = "grant_shadowed",
    /// A grant of what denials take away.
    GrantDenied = "grant_denied",
    /// Pictures may be SVG, and the tier lets browsers show them.
    ScriptsInPictures = "scripts_in_pictures",
    /// A tier relies on its bucket's server for what the configuration does not say that it keeps.
    ServerNotDescribed = "server_not_described",
    /// The server of a bucket takes headers that are not signed, and the operator takes the risk.
    UnsignedHeadersAccepted = "unsigned_headers_accepted",
    /// Tokens and URLs go over the network without TLS.
    PlaintextListener = "plaintext_listener",
    /// The admin port has a public address.
    PublicAdminAddress = "public_admin_address",
    /// An issuer's setting has a part that is still to be filled in.
    IssuerPlaceholder = "issuer_placeholder",
    /// An issuer, and no listener takes tokens.
    UnusedIssuer = "unused_issuer",
    /// Every email of an issuer counts as verified, and users can change theirs.
    ChangeableEmailTrusted = "changeable_email_trusted",
    /// The bucket stands in the endpoint already, and is added to it.
    BucketTwice = "bucket_twice",
    /// A region of AWS that this version does not know.
    UnknownRegion = "unknown_region",
    /// Credentials that no bucket uses.
    UnusedCredentials = "unused_credentials",
    /// Quotes around an access key, which were read along with it.
    AccessKeyQuoted = "access_key_quoted",
    /// An access key that AWS cannot have issued.
    AccessKeyMalformed = "access_key_malformed",
}

impl WarningCode {
    /// `None` for a name that is not a code.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

/// One warning. The order is that of the lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// Warnings are reported in this order.
    pub location: Location,
    /// The setting's dotted path; empty for the document as a whole.
    pub setting: String,
    /// What is wrong and what to write instead, as the rest of a sentence that begins with the setting.
    pub message: String,
    /// Names the kind, so that it can be allowed.
    pub code: WarningCode,
}

/// The warnings about one document, in the order of the lines: at most 1,000 of each code, the first that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings {
    origin: Arc<str>,
    kept: Vec<Warning>,
    left_out: BTreeMap<WarningCode, usize>,
}

impl Warnings {
    /// The warnings, in the order of the lines.
    #[must_use]
    pub fn as_slice(&self) -> &[Warning] {
        &self.kept
    }

    /// What messages call the document, usually its path.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many more there are than those that were kept.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out.values().sum()
    }

    /// How many there are, those that were not kept included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.kept.len() + self.left_out()
    }

    /// Hides the values of variables of another document, from which the messages may quote.
    pub fn redact(&mut self, redaction: &Redaction) {
        for warning in &mut self.kept {
            warning.message = redaction.apply(&Location::Document, &warning.message);
        }
    }

    /// Drops the warnings of these codes.
    pub fn allow(&mut self, codes: &[WarningCode]) {
        self.kept.retain(|warning| !codes.contains(&warning.code));
        self.left_out.retain(|code, _| !codes.contains(code));
    }

    /// One line for each warning: location, setting and message.
    pub fn lines(&self) -> impl Iterator<Item = (WarningCode, String)> {
        self.kept.iter().map(|Warning { location, setting, message, code }| {
            let gap = if setting.is_empty() { "" } else { " " };
            (*code, format!("{}{setting}{gap}{message}", location.lead(&self.origin)))
        })
    }
}

/// The warnings about a document that is being read.
#[derive(Debug, Default)]
pub(super) struct FoundWarnings(RefCell<(Vec<Warning>, BTreeMap<WarningCode, usize>)>);

impl FoundWarnings {
    pub(super) fn add(
        &self,
        code: WarningCode,
        location: &Location,
        setting: impl Into<String>,
        message: impl FnOnce() -> String,
    ) {
        let (warnings, found) = &mut *self.0.borrow_mut();
        let of_this_code = found.entry(code).or_default();
        *of_this_code += 1;
        if *of_this_code <= MAX_WARNINGS {
            let (setting, message) = (shown(&setting.into()), shown(&message()));
            warnings.push(Warning { location: location.clone(), setting, message, code });
        }
    }

    pub(super) fn take(&self, origin: &str) -> Warnings {
        let (mut kept, found) = self.0.take();
        let left_out = found.into_iter().map(|(code, count)| (code, count.saturating_sub(MAX_WARNINGS)));
        let left_out = left_out.filter(|(_, count)| *count > 0).collect();
        kept.sort();
        kept.dedup();
        Warnings { origin: origin.into(), kept, left_out }
    }
}

/// A text as one line that is not too long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => made_visible(&text[..end]).into_owned() + "\u{2026}",
        None => made_visible(text).into_owned(),
    }
}

#[cfg(any(test, feature = "test-util"))]
pub mod testing {
    //! What tests of warnings ask for.

    use super::WarningCode;

    /// There is one warning, of this code and with these parts.
    ///
    /// # Panics
    ///
    /// When there is another number of warnings, another code, or a part is missing.
    #[track_caller]
    pub fn assert_one(found: &[(WarningCode, String)], code: WarningCode, parts: &[&str]) {
        let [(found, line)] = found else { panic!("{found:?}") };
        assert_eq!(*found, code, "{line}");
        for part in parts {
            assert!(line.contains(part), "{part:?} is not in: {line}");
        }
    }

    /// There is no warning.
    ///
    /// # Panics
    ///
    /// When there is one.
    #[track_caller]
    pub fn assert_none(found: &[(WarningCode, String)]) {
        assert!(found.is_empty(), "{found:?}");
    }
}
