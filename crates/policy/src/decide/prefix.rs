//! Key prefixes of tiers. Segments can come from the caller's claims.

use thiserror::Error;

use super::fit::Fit;
use access_broker_identity::{Caller, Claim};

/// The most segments of a prefix.
const MAX_PREFIX_SEGMENTS: usize = 32;

/// A tier's prefix as segments: empty for the whole bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TierPrefix(Vec<PrefixSegment>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PrefixSegment {
    /// Matches itself.
    Literal(Box<str>),
    /// Matches the value of one of the caller's claims.
    Claim(ClaimReference),
}

/// Names one claim: `{sub}` or `{claims.NAME}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimReference(Box<str>);

impl TierPrefix {
    /// Reads a prefix such as `tier 1/` or `users/{sub}/`.
    pub(crate) fn parse(text: &str) -> Result<Self, TierPrefixError> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(segments) = text.strip_suffix('/') else {
            return Err(TierPrefixError::NoFinalSlash);
        };
        let segments: Vec<PrefixSegment> = segments.split('/').map(PrefixSegment::parse).collect::<Result<_, _>>()?;
        if segments.len() > MAX_PREFIX_SEGMENTS || text.len() > crate::object::MAX_OBJECT_KEY_BYTES {
            return Err(TierPrefixError::TooLong);
        }
        Ok(Self(segments))
    }

    pub(crate) fn segments(&self) -> &[PrefixSegment] {
        &self.0
    }

    /// Whether a segment comes from the caller's claims.
    pub(crate) fn has_template(&self) -> bool {
        self.0.iter().any(|segment| matches!(segment, PrefixSegment::Claim(_)))
    }
}

impl PrefixSegment {
    fn parse(text: &str) -> Result<Self, TierPrefixError> {
        match text {
            "" => return Err(TierPrefixError::EmptySegment),
            "." | ".." => return Err(TierPrefixError::RelativeSegment),
            _ if text.chars().any(char::is_control) => return Err(TierPrefixError::ControlCharacter),
            _ => {}
        }
        if let Some(reference) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            return ClaimReference::parse(reference).map(Self::Claim);
        }
        if text.contains(['{', '}']) {
            return Err(TierPrefixError::TemplateInsideSegment);
        }
        Ok(Self::Literal(text.into()))
    }
}

impl ClaimReference {
    fn parse(text: &str) -> Result<Self, TierPrefixError> {
        match text.strip_prefix("claims.") {
            Some(name) if !name.is_empty() && !name.contains(['{', '}']) => Ok(Self(name.into())),
            None if text == "sub" => Ok(Self(text.into())),
            _ => Err(TierPrefixError::UnknownTemplate),
        }
    }

    /// Whether a segment of a key is the caller's. A value in the token counts. If the token says that the claim is in
    /// another place, any other segment may be the caller's.
    pub(crate) fn fits(&self, segment: &str, caller: &Caller) -> Fit {
        let claim = caller.token().and_then(|token| token.claims.get(&self.0));
        if self.value_of(caller) == Some(segment) {
            Fit::Yes
        } else if claim.is_some_and(Claim::is_elsewhere) {
            Fit::Elsewhere
        } else {
            Fit::No
        }
    }

    /// The claim's value, if it is a string. It is compared with a segment of an
    /// [`ObjectKey`](crate::object::ObjectKey), so a value that is empty, relative or has a slash equals none.
    fn value_of<'c>(&self, caller: &'c Caller) -> Option<&'c str> {
        let token = caller.token()?;
        match &*self.0 {
            "sub" => Some(&token.subject),
            name => token.claims.get(name).filter(|claim| claim.is_verified()).and_then(Claim::single_text),
        }
    }
}

/// The rule that a prefix breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TierPrefixError {
    #[error("must end with \"/\", so that \"tier 1/\" does not also mean \"tier 10/\"")]
    NoFinalSlash,
    #[error("must not start with \"/\" or contain \"//\"")]
    EmptySegment,
    #[error("must not contain \".\" or \"..\" as a segment")]
    RelativeSegment,
    #[error("must not contain control characters")]
    ControlCharacter,
    #[error("must not be longer than 1,024 bytes or {MAX_PREFIX_SEGMENTS} segments")]
    TooLong,
    #[error("can have a template only as a whole segment, such as \"users/{{sub}}/\"")]
    TemplateInsideSegment,
    #[error("has an unknown template; the templates are {{sub}} and {{claims.NAME}}")]
    UnknownTemplate,
}
