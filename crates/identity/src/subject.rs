//! The subject of a token, and the claim that it is from.

use std::sync::Arc;

use super::claim_path::ClaimPath;
use super::heap_block::heap_block;

/// Identifies a caller within its issuer. Subjects from different claims are different callers, also with the same text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    text: Box<str>,
    /// The path of the claim, if it is not `sub`.
    claim: Option<Arc<str>>,
}

impl Subject {
    /// The subject that a claim gives.
    #[must_use]
    pub fn from_claim(text: impl Into<Box<str>>, claim: &ClaimPath) -> Self {
        let claim = (!claim.is_top_level("sub")).then(|| Arc::clone(claim.text()));
        Self { text: text.into(), claim }
    }

    /// The claim's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path of the claim, if it is not `sub`.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        self.claim.as_deref()
    }

    /// The value of `sub`, if the subject is from that claim.
    #[must_use]
    pub fn sub(&self) -> Option<&str> {
        if self.claim.is_none() { Some(&self.text) } else { None }
    }

    /// The heap memory of the subject in bytes, without the path, which all callers share.
    pub(super) fn heap_bytes(&self) -> usize {
        heap_block(self.text.len())
    }
}

/// The value of `sub`.
impl From<&str> for Subject {
    fn from(text: &str) -> Self {
        Self { text: text.into(), claim: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_in_another_claim_is_another_subject() {
        let path = |text| ClaimPath::parse(text).unwrap();
        let of = |claim| Subject::from_claim("a", &path(claim));
        assert_eq!(of("sub"), Subject::from("a"));
        assert_eq!(of("/sub"), Subject::from("a"));
        let all = [of("sub"), of("common_name"), of("/user/sub"), of("/user/id"), Subject::from("b")];
        for (index, subject) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| other != subject), "{subject:?}");
        }
        assert_eq!(all.each_ref().map(Subject::sub), [Some("a"), None, None, None, Some("b")]);
        let claims = [None, Some("common_name"), Some("/user/sub"), Some("/user/id"), None];
        assert_eq!(all.each_ref().map(Subject::claim), claims);
        assert!(all.iter().take(4).all(|subject| subject.as_str() == "a"));
        assert_eq!(of("common_name").heap_bytes(), 16);
    }
}
