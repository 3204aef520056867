//! Key prefixes of tiers. Segments can come from the caller's claims.

use thiserror::Error;

use access_broker_identity::{Caller, Claim, ClaimPath, InvalidClaimPath};

/// The most segments of a prefix. A template of any number of segments counts as one.
const MAX_PREFIX_SEGMENTS: usize = 32;

/// A tier's prefix as parts: empty for the whole bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TierPrefix(Vec<PrefixPart>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum PrefixPart {
    /// One segment that matches itself.
    Literal(Box<str>),
    /// Segments that match the value of one of the caller's claims.
    Template(Template),
}

/// `{sub}` or `{claims.CLAIM}`, perhaps with a number of segments: `{claims.CLAIM:2}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Template {
    claim: ClaimPath,
    length: TemplateLength,
}

/// How many segments a template takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TemplateLength {
    /// 1 to 8.
    Exactly(usize),
    /// `:*`: as many as the value has.
    OfValue,
}

impl TierPrefix {
    /// Reads a prefix such as `tier 1/` or `users/{sub}/`.
    pub(crate) fn parse(text: &str) -> Result<Self, TierPrefixError> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(segments) = text.strip_suffix('/') else {
            return Err(TierPrefixError::NoFinalSlash);
        };
        let parts: Vec<PrefixPart> =
            split_outside_braces(segments).into_iter().map(PrefixPart::parse).collect::<Result<_, _>>()?;
        let segments: usize = parts.iter().map(PrefixPart::fewest_segments).sum();
        if segments > MAX_PREFIX_SEGMENTS || text.len() > crate::object::MAX_OBJECT_KEY_BYTES {
            return Err(TierPrefixError::TooLong);
        }
        Ok(Self(parts))
    }

    pub(crate) fn parts(&self) -> &[PrefixPart] {
        &self.0
    }

    /// Whether this prefix is the beginning of another one by whole segments, or equal to it. Templates must be equal.
    pub(crate) fn is_beginning_of(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.0.iter().filter_map(|part| match part {
            PrefixPart::Literal(_) => None,
            PrefixPart::Template(template) => Some(template),
        })
    }
}

/// The parts between slashes. A slash in braces belongs to the name of a claim.
fn split_outside_braces(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut in_braces) = (Vec::new(), 0, false);
    for (index, character) in text.char_indices() {
        match character {
            '{' => in_braces = true,
            '}' => in_braces = false,
            '/' if !in_braces => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

impl PrefixPart {
    fn parse(text: &str) -> Result<Self, TierPrefixError> {
        match text {
            "" => return Err(TierPrefixError::EmptySegment),
            "." | ".." => return Err(TierPrefixError::RelativeSegment),
            _ if text.chars().any(char::is_control) => return Err(TierPrefixError::ControlCharacter),
            _ => {}
        }
        if let Some(reference) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            return Template::parse(reference).map(Self::Template);
        }
        if text.contains(['{', '}']) {
            return Err(TierPrefixError::TemplateInsideSegment);
        }
        Ok(Self::Literal(text.into()))
    }

    const fn fewest_segments(&self) -> usize {
        match self {
            Self::Template(Template { length: TemplateLength::Exactly(count), .. }) => *count,
            Self::Template(Template { length: TemplateLength::OfValue, .. }) | Self::Literal(_) => 1,
        }
    }
}

impl Template {
    fn parse(text: &str) -> Result<Self, TierPrefixError> {
        let (reference, length) = TemplateLength::split_off(text);
        let claim = match reference.strip_prefix("claims.") {
            Some(claim) if !claim.is_empty() && !claim.contains(['{', '}']) => claim,
            None if reference == "sub" => reference,
            _ => return Err(TierPrefixError::UnknownTemplate),
        };
        Ok(Self { claim: ClaimPath::parse(claim)?, length })
    }

    pub(crate) const fn claim(&self) -> &ClaimPath {
        &self.claim
    }

    pub(crate) const fn length(&self) -> TemplateLength {
        self.length
    }

    /// How many of these folders the template takes: their first ones are the segments of the caller's value. `None` if
    /// they are not.
    ///
    /// They are folders of an [`ObjectKey`](crate::object::ObjectKey). So a value with a segment that is empty, `.` or
    /// `..` matches none.
    pub(crate) fn takes(&self, folders: &[&str], caller: &Caller) -> Option<usize> {
        let mut count = 0;
        for segment in self.value_of(caller)?.split('/') {
            if folders.get(count) != Some(&segment) {
                return None;
            }
            count += 1;
        }
        match self.length {
            TemplateLength::Exactly(expected) if expected != count => None,
            TemplateLength::Exactly(_) | TemplateLength::OfValue => Some(count),
        }
    }

    /// Whether the token says that the claim is in another place: any value may be the caller's.
    pub(crate) fn is_elsewhere(&self, caller: &Caller) -> bool {
        self.claim_of(caller).is_some_and(Claim::is_elsewhere)
    }

    /// The claim's value, if it is a string.
    fn value_of<'c>(&self, caller: &'c Caller) -> Option<&'c str> {
        self.claim_of(caller).filter(|claim| claim.is_verified()).and_then(Claim::single_text)
    }

    fn claim_of<'c>(&self, caller: &'c Caller) -> Option<Claim<'c>> {
        caller.token()?.claims.find(&self.claim)
    }
}

impl TemplateLength {
    /// The text before a number of segments at its end, and the number. No other text after a `:` is a number, because
    /// names of claims have colons.
    fn split_off(text: &str) -> (&str, Self) {
        let Some((before, length)) = text.rsplit_once(':') else { return (text, Self::Exactly(1)) };
        match length.as_bytes() {
            b"*" => (before, Self::OfValue),
            [digit @ b'1'..=b'8'] => (before, Self::Exactly(usize::from(digit - b'0'))),
            _ => (text, Self::Exactly(1)),
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
    #[error("has a template with an invalid claim, which {0}")]
    InvalidClaim(#[from] InvalidClaimPath),
}
