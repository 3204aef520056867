//! The claims of an accepted token, as a policy can use them.

use std::fmt;

use serde_json::{Map, Number, Value};
use thiserror::Error;

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

/// A flag in the tag of a claim's name: the claim is a list.
const LIST: u8 = 1;
/// A flag in the tag of a claim's name: the claim is an address that the issuer has not verified.
const UNVERIFIED: u8 = 2;

/// The JWT Claims Set of an accepted token ([RFC 7519 section 4](https://www.rfc-editor.org/rfc/rfc7519#section-4)), read
/// once.
///
/// A policy compares texts, booleans and numbers, alone or in a list. For any other value the set keeps only that it
/// exists: an object, a list within a list or an inexact number is [`ClaimItem::Unreadable`]. A claim that is `null` is
/// absent.
///
/// The token cache may hold 100,000 of these. In a tree of JSON values each name and each text is a separate
/// allocation; here they are one text, and four bytes for each name and each item.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimSet {
    /// The name of each claim, and after it the text of each of its items.
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
    /// The name of a claim. The items up to the next name belong to it.
    Name {
        flags: u8,
    },
    Text,
    Boolean,
    Number,
    Unreadable,
    Elsewhere,
}

/// A claim's value, read in place. A list has any number of items, any other value one.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'c> {
    text: &'c str,
    /// Where the first item begins.
    begins: u16,
    items: &'c [Piece],
    flags: u8,
}

/// A value of a claim, or one entry of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimItem<'c> {
    /// Without its quotes, escapes resolved.
    Text(&'c str),
    /// `true` or `false`, as that text.
    Boolean(&'c str),
    /// A number as text. One without a fraction is written as an integer, however the token wrote it: `3.0` is `3`.
    Number(&'c str),
    /// An object, a list within a list, or a number that is too large to be exact. It exists, and equals no value of a
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
                PieceKind::Unreadable | PieceKind::Name { .. } => ClaimItem::Unreadable,
            }
        })
    }

    /// The claim's value if it is one string, and not a list.
    #[must_use]
    pub fn single_text(self) -> Option<&'c str> {
        let mut items = self.items();
        match (items.next(), items.next()) {
            (Some(ClaimItem::Text(text)), None | Some(ClaimItem::Elsewhere)) if self.flags & LIST == 0 => Some(text),
            _ => None,
        }
    }

    /// Whether the value is reliable. An e-mail address or telephone number that the issuer has not verified is not:
    /// the caller may have typed it in.
    #[must_use]
    pub const fn is_verified(self) -> bool {
        self.flags & UNVERIFIED == 0
    }

    /// Whether the token says that the claim, or the rest of it, is in another place.
    #[must_use]
    pub fn is_elsewhere(self) -> bool {
        self.items.last().is_some_and(|piece| piece.kind == PieceKind::Elsewhere)
    }

    /// Whether the token itself has the claim: a value, or a list, which may be empty.
    #[must_use]
    pub(crate) fn is_here(self) -> bool {
        self.flags & LIST != 0 || self.items.iter().any(|piece| piece.kind != PieceKind::Elsewhere)
    }
}

impl ClaimSet {
    /// Packs the members of a JSON object.
    ///
    /// `trust_email` says that the issuer has verified every e-mail address that it puts into a token.
    ///
    /// # Errors
    ///
    /// When they need more than 64 KiB, which no token of a permitted size does, or `_claim_names` is not an object.
    pub fn pack(members: &Map<String, Value>, trust_email: bool) -> Result<Self, ClaimSetError> {
        let elsewhere = claims_elsewhere(members)?;
        let mut packing = Packing::with_room_for(members.len());
        for (name, value) in members {
            let is_elsewhere = elsewhere.contains(&name.as_str());
            let values = match value {
                Value::Null if is_elsewhere => &[],
                Value::Null => continue,
                Value::Array(values) => values.as_slice(),
                value => std::slice::from_ref(value),
            };
            let list = if value.is_array() { LIST } else { 0 };
            let unverified = if is_unverified_address(name, value, members, trust_email) { UNVERIFIED } else { 0 };
            packing.push(name, PieceKind::Name { flags: list | unverified })?;
            for value in values {
                packing.push_value(value)?;
            }
            if is_elsewhere {
                packing.push("", PieceKind::Elsewhere)?;
            }
        }
        for name in elsewhere.into_iter().filter(|name| !members.contains_key(*name)) {
            packing.push(name, PieceKind::Name { flags: 0 })?;
            packing.push("", PieceKind::Elsewhere)?;
        }
        // Copies: after shrinking in place, an allocator may keep the larger block.
        Ok(Self { text: packing.text.as_str().into(), pieces: packing.pieces.as_slice().into() })
    }

    /// The claim of this name, if the token has it or says that it is not in the token.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Claim<'_>> {
        let mut begins = 0;
        for (index, piece) in self.pieces.iter().enumerate() {
            if let PieceKind::Name { flags } = piece.kind
                && self.text.get(usize::from(begins)..usize::from(piece.ends)) == Some(name)
            {
                let after = self.pieces.get(index + 1..).unwrap_or_default();
                let is_name = |piece: &Piece| matches!(piece.kind, PieceKind::Name { .. });
                let length = after.iter().position(is_name).unwrap_or(after.len());
                let items = after.get(..length).unwrap_or_default();
                return Some(Claim { text: &self.text, begins: piece.ends, items, flags });
            }
            begins = piece.ends;
        }
        None
    }

    /// Whether the token says of any claim that it, or the rest of it, is not in the token.
    #[must_use]
    pub fn has_claims_elsewhere(&self) -> bool {
        self.pieces.iter().any(|piece| piece.kind == PieceKind::Elsewhere)
    }

    /// Whether the token itself has the claim.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(Claim::is_here)
    }

    /// The heap memory of the set in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        heap_block(self.text.len()) + heap_block(size_of_val(&*self.pieces))
    }
}

struct Packing {
    text: String,
    pieces: Vec<Piece>,
}

impl Packing {
    fn with_room_for(claims: usize) -> Self {
        Self { text: String::with_capacity(USUAL_PACKED_BYTES), pieces: Vec::with_capacity(3 * claims) }
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
/// `email_verified` and `phone_number_verified` are about one address, so they do not apply to a list.
fn is_unverified_address(name: &str, value: &Value, members: &Map<String, Value>, trust_email: bool) -> bool {
    let one_verified = |flag: &str| value.is_string() && is_true(members.get(flag));
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
        let is_name = |piece: &&Piece| matches!(piece.kind, PieceKind::Name { .. });
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
