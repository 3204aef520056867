//! The claims of an accepted token, as a policy can use them.

use std::fmt;

use serde_json::{Map, Number, Value};
use thiserror::Error;

use super::claim_path::{ClaimPath, MAX_CLAIM_DEPTH};
use super::heap_block::heap_block;

/// More than the claims of most tokens need, so that the buffer need not grow.
const USUAL_PACKED_BYTES: usize = 1_024;

/// Integers up to 2^53 are exact in a JSON number with a fraction or an exponent
/// ([RFC 8259 section 6](https://www.rfc-editor.org/rfc/rfc8259#section-6)).
const LARGEST_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Lists the claims that the issuer keeps outside the token
/// ([OIDC Core 1.0 section 5.6.2](https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims)).
const CLAIM_NAMES: &str = "_claim_names";

/// In tokens of Microsoft Entra ID: there are too many groups to list them in `groups`
/// ([Microsoft: groups overage claim](https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference#groups-overage-claim)).
const HAS_GROUPS: &str = "hasgroups";

/// The JWT Claims Set of an accepted token ([RFC 7519 section 4](https://www.rfc-editor.org/rfc/rfc7519#section-4)), read
/// once.
///
/// A policy compares texts, booleans and numbers, alone or in a list. An object whose members are objects, lists or
/// `true` is a list of their names. For any other value the set keeps only that it exists: another object, a list within
/// a list or an inexact number is [`ClaimItem::Unreadable`]. The members of an object
/// are claims as well, to a depth of 8 names, but not those of an object in a list. A claim that is `null` is absent.
///
/// The token cache may hold 100,000 of these. In a tree of JSON values each name and each text is a separate
/// allocation; here they are one text, and four bytes for each name and each item. No path is written out, so the size
/// is linear in that of the token.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimSet {
    /// The name of each claim, after it the text of each of its items, and then its members.
    text: Box<str>,
    pieces: Box<[Piece]>,
}

/// A part of the text: it begins where the previous piece ends, and ends at `ends`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    ends: u16,
    kind: PieceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PieceKind {
    /// The name of a claim. The items up to the next name belong to it. A claim within an object is a member of the
    /// last claim before it whose depth is one less.
    Name(NameTag),
    Text,
    Boolean,
    Number,
    Unreadable,
    Elsewhere,
}

/// The kind and the depth of a claim, in one byte, so that a [`Piece`] has four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NameTag(u8);

impl NameTag {
    /// The claim is a list.
    const LIST: u8 = 1;
    /// The claim is, or is in, an address that the issuer has not verified.
    const UNVERIFIED: u8 = 2;
    /// The claim is an object.
    const OBJECT: u8 = 4;
    /// The token does not have the claim.
    const ABSENT: u8 = 8;
    /// The depth of a claim begins at this bit. That of a top-level claim is 0.
    const DEPTH_SHIFT: u32 = 4;

    const TOP_LEVEL: Self = Self(0);

    const fn with(self, flag: u8, is_set: bool) -> Self {
        if is_set { Self(self.0 | flag) } else { self }
    }

    const fn is(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    const fn depth(self) -> usize {
        (self.0 >> Self::DEPTH_SHIFT) as usize
    }

    /// The tag of the members of an object with this tag. `None` where no path reaches them.
    const fn of_members(self) -> Option<Self> {
        let deeper = self.depth() + 1 < MAX_CLAIM_DEPTH;
        if deeper { Some(Self(self.0 + (1 << Self::DEPTH_SHIFT))) } else { None }
    }
}

/// A claim's value, read in place. A list has any number of items, any other value one.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'c> {
    text: &'c str,
    /// Where the first item begins.
    begins: u16,
    items: &'c [Piece],
    tag: NameTag,
}

/// The value of a claim that is not in the token.
const NOT_HERE: Claim<'static> =
    Claim { text: "", begins: 0, items: &[Piece { ends: 0, kind: PieceKind::Elsewhere }], tag: NameTag::TOP_LEVEL };

/// The value of a claim inside another that is no object: what its issuer means is unknown, so it equals no value, and a
/// denial cannot be avoided by it.
const INSIDE_NO_OBJECT: Claim<'static> = Claim {
    text: "",
    begins: 0,
    items: &[Piece { ends: 0, kind: PieceKind::Unreadable }],
    tag: NameTag(NameTag::ABSENT),
};

/// The same, of a claim that is in another place as well.
const INSIDE_NO_OBJECT_OR_NOT_HERE: Claim<'static> = Claim {
    items: &[Piece { ends: 0, kind: PieceKind::Unreadable }, Piece { ends: 0, kind: PieceKind::Elsewhere }],
    ..INSIDE_NO_OBJECT
};

/// A value of a claim, or one entry of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimItem<'c> {
    /// Without its quotes, escapes resolved.
    Text(&'c str),
    /// `true` or `false`, as that text.
    Boolean(&'c str),
    /// A number as text. One without a fraction is written as an integer, however the token wrote it: `3.0` is `3`.
    Number(&'c str),
    /// An object that is no list of names, an object or a list within a list, or a number that is too large to be exact. It exists, and equals no value of a
    /// policy.
    Unreadable,
    /// The token says that the claim, or the rest of it, is not in the token.
    Elsewhere,
}

impl<'c> Claim<'c> {
    /// The value, or the entries of the list. An empty list has none.
    pub fn items(self) -> impl Iterator<Item = ClaimItem<'c>> {
        let mut begins = usize::from(self.begins);
        self.items.iter().map(move |piece| {
            let ends = usize::from(piece.ends);
            let text = self.text.get(begins..ends).unwrap_or_default();
            begins = ends;
            match piece.kind {
                PieceKind::Text => ClaimItem::Text(text),
                PieceKind::Boolean => ClaimItem::Boolean(text),
                PieceKind::Number => ClaimItem::Number(text),
                PieceKind::Elsewhere => ClaimItem::Elsewhere,
                PieceKind::Unreadable | PieceKind::Name(_) => ClaimItem::Unreadable,
            }
        })
    }

    /// The claim's value if it is one string, and not a list.
    #[must_use]
    pub fn single_text(self) -> Option<&'c str> {
        let mut items = self.items();
        match (items.next(), items.next()) {
            (Some(ClaimItem::Text(text)), None | Some(ClaimItem::Elsewhere)) if !self.tag.is(NameTag::LIST) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// Whether the value is reliable. An e-mail address or telephone number that the issuer has not verified is not:
    /// the caller may have typed it in.
    #[must_use]
    pub const fn is_verified(self) -> bool {
        !self.tag.is(NameTag::UNVERIFIED)
    }

    /// Whether the token says that the claim, or the rest of it, is in another place.
    #[must_use]
    pub fn is_elsewhere(self) -> bool {
        self.items.last().is_some_and(|piece| piece.kind == PieceKind::Elsewhere)
    }

    /// Whether the token itself has the claim: a value, or a list, which may be empty.
    #[must_use]
    pub(crate) fn is_here(self) -> bool {
        !self.tag.is(NameTag::ABSENT)
            && (self.tag.is(NameTag::LIST) || self.items.iter().any(|piece| piece.kind != PieceKind::Elsewhere))
    }
}

impl ClaimSet {
    /// Packs the members of a JSON object.
    ///
    /// `trust_email` says that the issuer has verified every e-mail address that it puts into a token.
    ///
    /// # Errors
    ///
    /// When they need more than 64 KiB, or `_claim_names` is not an object.
    pub fn pack(members: &Map<String, Value>, trust_email: bool) -> Result<Self, ClaimSetError> {
        let elsewhere = claims_elsewhere(members)?;
        let mut packing = Packing::with_room_for(members.len(), trust_email);
        for (name, value) in members {
            let is_elsewhere = elsewhere.contains(&name.as_str());
            let unverified = is_unverified_address(name, value, Some(members), trust_email);
            let tag = NameTag::TOP_LEVEL.with(NameTag::UNVERIFIED, unverified);
            packing.push_claim(name, value, tag, is_elsewhere)?;
        }
        for name in elsewhere.into_iter().filter(|name| !members.contains_key(*name)) {
            packing.push_claim(name, &Value::Null, NameTag::TOP_LEVEL, true)?;
        }
        // Copies: after shrinking in place, an allocator may keep the larger block.
        Ok(Self { text: packing.text.as_str().into(), pieces: packing.pieces.as_slice().into() })
    }

    /// The top-level claim of this name, if the token has it or says that it is not in the token.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Claim<'_>> {
        self.find_by_names(&[name])
    }

    /// The claim at this path, if the token has it, or says that the top-level claim, in which it would be, is not in
    /// the token. Also if it would be in a claim that is no object: then its value is [`ClaimItem::Unreadable`].
    #[must_use]
    pub fn find(&self, path: &ClaimPath) -> Option<Claim<'_>> {
        self.find_by_names(path.names())
    }

    fn find_by_names(&self, names: &[impl AsRef<str>]) -> Option<Claim<'_>> {
        let (mut begins, mut found, mut not_here) = (0, 0, None);
        for (index, piece) in self.pieces.iter().enumerate() {
            let text = self.text.get(usize::from(begins)..usize::from(piece.ends));
            begins = piece.ends;
            let PieceKind::Name(tag) = piece.kind else { continue };
            // The members of the last claim that was found end here.
            if tag.depth() < found {
                break;
            }
            if tag.depth() > found || text != names.get(found).map(AsRef::as_ref) {
                continue;
            }
            let claim = self.claim_after(index, tag, begins);
            found += 1;
            if found == names.len() {
                return Some(claim);
            }
            // Of a claim that is in another place, the token may have nothing.
            let is_other = !claim.tag.is(NameTag::OBJECT) && claim.is_here();
            not_here = match (is_other, claim.is_elsewhere()) {
                (true, false) => Some(INSIDE_NO_OBJECT),
                (true, true) => Some(INSIDE_NO_OBJECT_OR_NOT_HERE),
                (false, true) => Some(NOT_HERE),
                (false, false) => None,
            };
        }
        not_here
    }

    /// The claim whose name is the piece of this index, and whose items begin at this place of the text.
    fn claim_after(&self, name: usize, tag: NameTag, begins: u16) -> Claim<'_> {
        let after = self.pieces.get(name + 1..).unwrap_or_default();
        let is_name = |piece: &Piece| matches!(piece.kind, PieceKind::Name(_));
        let length = after.iter().position(is_name).unwrap_or(after.len());
        Claim { text: &self.text, begins, items: after.get(..length).unwrap_or_default(), tag }
    }

    /// Whether the token says of any claim that it, or the rest of it, is not in the token.
    #[must_use]
    pub fn has_claims_elsewhere(&self) -> bool {
        self.pieces.iter().any(|piece| piece.kind == PieceKind::Elsewhere)
    }

    /// Whether the token itself has the top-level claim of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(Claim::is_here)
    }

    /// Whether the token itself has the claim at this path.
    #[must_use]
    pub fn has_path(&self, path: &ClaimPath) -> bool {
        self.find(path).is_some_and(Claim::is_here)
    }

    /// The heap memory of the set in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        heap_block(self.text.len()) + heap_block(size_of_val(&*self.pieces))
    }
}

struct Packing {
    text: String,
    pieces: Vec<Piece>,
    trust_email: bool,
}

impl Packing {
    fn with_room_for(claims: usize, trust_email: bool) -> Self {
        let (text, pieces) = (String::with_capacity(USUAL_PACKED_BYTES), Vec::with_capacity(3 * claims));
        Self { text, pieces, trust_email }
    }

    /// Adds a claim and, if it is an object, its members. If the rest of a claim is not in the token, this is unknown of
    /// each member too.
    fn push_claim(&mut self, name: &str, value: &Value, tag: NameTag, is_elsewhere: bool) -> Result<(), ClaimSetError> {
        if value.is_null() && !is_elsewhere {
            return Ok(());
        }
        let names = value.as_object().and_then(listed_names);
        let tag_of_name = tag.with(NameTag::LIST, value.is_array() || names.is_some());
        self.push(name, PieceKind::Name(tag_of_name.with(NameTag::OBJECT, value.is_object())))?;
        match (value, names) {
            (_, Some(names)) => names.into_iter().try_for_each(|name| self.push(name, PieceKind::Text))?,
            (Value::Array(values), _) => values.iter().try_for_each(|value| self.push_value(value))?,
            (value, _) => self.push_value(value)?,
        }
        if is_elsewhere {
            self.push("", PieceKind::Elsewhere)?;
        }
        if let (Value::Object(members), Some(tag)) = (value, tag.of_members()) {
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                let unverified = is_unverified_address(name, value, None, self.trust_email);
                self.push_claim(name, value, tag.with(NameTag::UNVERIFIED, unverified), is_elsewhere)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, text: &str, kind: PieceKind) -> Result<(), ClaimSetError> {
        self.text.push_str(text);
        let ends = u16::try_from(self.text.len()).map_err(|_| ClaimSetError::TooLarge)?;
        self.pieces.push(Piece { ends, kind });
        Ok(())
    }

    fn push_value(&mut self, value: &Value) -> Result<(), ClaimSetError> {
        match value {
            // `null` is an absent claim.
            Value::Null => Ok(()),
            Value::String(text) => self.push(text, PieceKind::Text),
            Value::Bool(flag) => self.push(if *flag { "true" } else { "false" }, PieceKind::Boolean),
            Value::Number(number) => match canonical(number) {
                Some(text) => self.push(&text, PieceKind::Number),
                None => self.push("", PieceKind::Unreadable),
            },
            Value::Array(_) | Value::Object(_) => self.push("", PieceKind::Unreadable),
        }
    }
}

/// A number as text, an integer without a fraction and without an exponent. `None` where it may be inexact: integers
/// from 2^64 on, and numbers with a fraction or an exponent from 2^53 on.
fn canonical(number: &Number) -> Option<String> {
    if number.is_i64() || number.is_u64() {
        return Some(number.to_string());
    }
    let value = number.as_f64().filter(|value| value.abs() < LARGEST_EXACT_INTEGER)?;
    // Adding zero turns -0 into 0.
    Some(if value.fract() == 0.0 { format!("{:.0}", value + 0.0) } else { number.to_string() })
}

/// The names of an object's members, if the object is a list of names: each member is an object, a list or `true`, as
/// the roles of ZITADEL and the organizations of Keycloak are. A member that is `false` or `null` may mean that the name
/// is not in the list, and any other value is one of a claim.
pub(crate) fn listed_names(members: &Map<String, Value>) -> Option<Vec<&str>> {
    let is_listed = |value: &Value| matches!(value, Value::Object(_) | Value::Array(_) | Value::Bool(true));
    members.values().all(is_listed).then(|| members.keys().map(String::as_str).collect())
}

/// The names of the claims that, by `_claim_names`, are not in the token.
fn claims_elsewhere(members: &Map<String, Value>) -> Result<Vec<&str>, ClaimSetError> {
    let mut names: Vec<&str> = match members.get(CLAIM_NAMES) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(sources)) => sources.keys().map(String::as_str).collect(),
        Some(_) => return Err(ClaimSetError::ClaimNamesMalformed),
    };
    let has_groups = !matches!(members.get(HAS_GROUPS), None | Some(Value::Null | Value::Bool(false)));
    if has_groups && !names.contains(&"groups") {
        names.push("groups");
    }
    Ok(names)
}

/// Whether the claim is an address or a list of addresses that the issuer has not verified
/// ([OIDC Core 1.0 section 5.1](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims)).
///
/// `email_verified` and `phone_number_verified` are about one address, so they do not apply to a list. They are claims
/// of the top level, and say nothing of an address within another claim, which has no `siblings` here.
fn is_unverified_address(name: &str, value: &Value, siblings: Option<&Map<String, Value>>, trust_email: bool) -> bool {
    let one_verified = |flag: &str| value.is_string() && is_true(siblings.and_then(|siblings| siblings.get(flag)));
    match name {
        "email" => !trust_email && !one_verified("email_verified"),
        "emails" => !trust_email,
        "phone_number" => !one_verified("phone_number_verified"),
        "phone_numbers" => true,
        _ => false,
    }
}

/// Cognito sends the text `true` for some identity providers.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

/// Without the claims, which are personal data.
impl fmt::Debug for ClaimSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_name = |piece: &&Piece| matches!(piece.kind, PieceKind::Name(tag) if tag.depth() == 0);
        f.debug_struct("ClaimSet").field("claims", &self.pieces.iter().filter(is_name).count()).finish_non_exhaustive()
    }
}

/// Claims that cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClaimSetError {
    /// They need more than 64 KiB.
    #[error("the claims take more than 64 KiB")]
    TooLarge,
    /// `_claim_names` is neither an object nor `null`, so the claims that it names are unknown.
    #[error("_claim_names is not an object")]
    ClaimNamesMalformed,
}

#[cfg(test)]
mod tests;
