//! Groups of callers that are listed as data, and who is a member.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::fit::{Fit, InDoubt};
use access_broker_base::hex::lower_hex_of_32;
use access_broker_identity::{Claim, ClaimItem, ClaimPath, TokenIdentity};

/// The groups of a members file. A policy refers to them by `members_of`.
#[derive(Default)]
pub struct Members {
    groups: HashMap<Box<str>, Arc<MemberGroup>>,
    outline: MembersOutline,
}

/// What a members file has, without its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MembersOutline {
    /// The number of groups with different names.
    pub groups: usize,
    /// The number of entries of all lists.
    pub members: usize,
    /// Identifies the file.
    pub hash: MembersHash,
}

/// SHA-256 of the text of a members file: what `sha256sum` prints for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MembersHash(pub(crate) [u8; 32]);

impl fmt::Display for MembersHash {
    /// 64 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lower_hex_of_32(&self.0).iter().try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
    }
}

/// One list of a members file: values of a claim in the tokens of one issuer.
#[derive(Debug)]
pub(crate) struct MemberList {
    pub(crate) group: String,
    pub(crate) issuer: String,
    pub(crate) claim: ClaimPath,
    pub(crate) members: Vec<String>,
}

/// One group: the union of the lists with its name.
#[derive(Default)]
pub(crate) struct MemberGroup {
    /// By the issuer, so that equal values of two issuers are different callers.
    lists: HashMap<Box<str>, Vec<ClaimMembers>>,
}

struct ClaimMembers {
    claim: ClaimPath,
    /// Compared byte for byte.
    members: HashSet<Box<str>>,
}

impl Members {
    pub(crate) fn new(lists: Vec<MemberList>, hash: MembersHash) -> Self {
        let mut groups: HashMap<Box<str>, MemberGroup> = HashMap::new();
        let mut count = 0;
        for MemberList { group, issuer, claim, members } in lists {
            count += members.len();
            let members = members.into_iter().map(String::into_boxed_str).collect();
            let of_issuer = groups.entry(group.into()).or_default().lists.entry(issuer.into()).or_default();
            of_issuer.push(ClaimMembers { claim, members });
        }
        let outline = MembersOutline { groups: groups.len(), members: count, hash };
        let groups = groups.into_iter().map(|(name, group)| (name, Arc::new(group))).collect();
        Self { groups, outline }
    }

    /// How many groups and members there are.
    #[must_use]
    pub const fn outline(&self) -> MembersOutline {
        self.outline
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Arc<MemberGroup>> {
        self.groups.get(name)
    }

    /// The names of the groups, in no order.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.groups.keys().map(AsRef::as_ref)
    }

    /// Group, issuer and claim of every list.
    pub(crate) fn lists(&self) -> BTreeSet<(&str, &str, &ClaimPath)> {
        let mut lists = BTreeSet::new();
        for (name, group) in &self.groups {
            for (issuer, of_issuer) in &group.lists {
                lists.extend(of_issuer.iter().map(|list| (&**name, &**issuer, &list.claim)));
            }
        }
        lists
    }
}

impl fmt::Debug for Members {
    /// Without the members, which are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("outline", &self.outline).finish_non_exhaustive()
    }
}

impl MemberGroup {
    /// Whether the group has a list for the tokens of this issuer.
    pub(crate) fn means_issuer(&self, issuer: &str) -> bool {
        self.lists.contains_key(issuer)
    }

    /// Whether the token's caller is a member.
    pub(crate) fn has(&self, token: &TokenIdentity, in_doubt: InDoubt) -> Fit {
        let lists = self.lists.get(&*token.issuer).map(Vec::as_slice).unwrap_or_default();
        lists.iter().map(|list| list.has(token.claims.find(&list.claim), in_doubt)).fold(Fit::No, Fit::or)
    }
}

impl fmt::Debug for MemberGroup {
    /// Without the members, which are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberGroup").field("issuers", &self.lists.keys()).finish_non_exhaustive()
    }
}

impl ClaimMembers {
    fn has(&self, claim: Option<Claim<'_>>, in_doubt: InDoubt) -> Fit {
        let Some(claim) = claim else { return Fit::No };
        // The caller can have entered any address that the issuer did not verify.
        let of_member = if claim.is_verified() { Fit::Yes } else { in_doubt.into() };
        let item_fits = |item: ClaimItem<'_>| match item {
            ClaimItem::Text(text) | ClaimItem::Boolean(text) | ClaimItem::Number(text) => {
                if self.members.contains(text) { of_member } else { Fit::No }
            }
            ClaimItem::Unreadable => in_doubt.into(),
            ClaimItem::Elsewhere => Fit::Elsewhere,
        };
        claim.items().map(item_fits).fold(Fit::No, Fit::or)
    }
}
