//! Linkerd identities.

use std::fmt;

use thiserror::Error;

/// The longest name, in bytes (RFC 1035 section 2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// The text between the pod's names and those of the control plane.
const MARKER: &str = ".serviceaccount.identity.";

const MAX_LABEL_BYTES: usize = 63;

/// The identity that Linkerd gives to a meshed pod:
/// `SERVICEACCOUNT.NAMESPACE.serviceaccount.identity.LINKERD-NAMESPACE.TRUST-DOMAIN`
/// ([Linkerd: automatic mTLS](https://linkerd.io/2/features/automatic-mtls/)).
///
/// A service account's name may contain dots, a namespace's may not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkerdId {
    text: Box<str>,
    trust_domain_begins: usize,
}

impl LinkerdId {
    /// Checks an identity.
    ///
    /// # Errors
    ///
    /// When the text is not a Linkerd identity.
    pub fn parse(text: &str) -> Result<Self, LinkerdIdError> {
        if text.len() > MAX_NAME_BYTES || !text.split('.').all(is_label) {
            return Err(LinkerdIdError);
        }
        let (account, authority) = text.split_once(MARKER).ok_or(LinkerdIdError)?;
        let (control_plane, trust_domain) = authority.split_once('.').ok_or(LinkerdIdError)?;
        if !account.contains('.') || trust_domain.contains(MARKER) {
            return Err(LinkerdIdError);
        }
        let trust_domain_begins = account.len() + MARKER.len() + control_plane.len() + 1;
        Ok(Self { text: text.into(), trust_domain_begins })
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain, such as `cluster.local`.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.text.get(self.trust_domain_begins..).unwrap_or_default()
    }
}

impl fmt::Debug for LinkerdId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LinkerdId").field(&self.text).finish()
    }
}

impl fmt::Display for LinkerdId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A label of a lower-case DNS name (RFC 1123 section 2.1).
fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The text is not a Linkerd identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be SERVICEACCOUNT.NAMESPACE.serviceaccount.identity.LINKERD-NAMESPACE.TRUST-DOMAIN in lower case")]
pub struct LinkerdIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_taken_apart() {
        for account in ["thumbnailer.media", "thumb.nailer.media"] {
            let text = format!("{account}.serviceaccount.identity.linkerd.cluster.local");
            let id = LinkerdId::parse(&text).unwrap();
            assert_eq!((id.as_str(), id.trust_domain()), (text.as_str(), "cluster.local"));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let texts = [
            "",
            "cluster.local",
            "media.serviceaccount.identity.linkerd.cluster.local",
            "a.media.serviceaccount.identity.linkerd",
            "a.media.serviceaccount.identity..cluster.local",
            "A.media.serviceaccount.identity.linkerd.cluster.local",
            "a.media.serviceaccount.identity.linkerd.cluster.local.",
            "a.media.serviceaccount.identity.linkerd.cluster.local, b",
            "a.b.serviceaccount.identity.x.evil.serviceaccount.identity.linkerd.cluster.local",
            "-a.media.serviceaccount.identity.linkerd.cluster.local",
            "a.media.serviceaccount.identity.linkerd.cluster local",
        ];
        for text in texts {
            assert_eq!(LinkerdId::parse(text), Err(LinkerdIdError), "{text:?}");
        }
        let long = format!("{}.media.serviceaccount.identity.linkerd.cluster.local", "a".repeat(64));
        assert_eq!(LinkerdId::parse(&long), Err(LinkerdIdError));
    }
}
