//! How a server wants the tag of a condition.

use access_broker_policy::EntityTag;

/// How `If-Match` holds an entity tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntityTagForm {
    /// With its quotes, as RFC 9110 (section 13.1.1) and AWS have it.
    #[default]
    Quoted,
    /// Without. Ceph RGW compares the header with the bare tag, so that a quoted one never matches.
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
