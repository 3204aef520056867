//! The format of the entity tag in a condition.

use access_broker_policy::EntityTag;

/// The format of an entity tag in `If-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntityTagForm {
    /// With quotes, as in RFC 9110 (section 13.1.1) and at AWS.
    #[default]
    Quoted,
    /// Without quotes. Ceph RGW compares the header with the bare tag, so a quoted one never matches.
    Bare,
}

impl EntityTagForm {
    pub(super) fn text(self, tag: &EntityTag) -> &str {
        match self {
            Self::Quoted => tag.as_str(),
            Self::Bare => tag.bare(),
        }
    }
}
