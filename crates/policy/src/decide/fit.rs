//! Whether a caller is whom a rule means, which a token may leave open.

/// The answer of a condition, and of everything that it is made of.
///
/// A grant needs [`Yes`](Self::Yes). A denial holds unless the answer is [`No`](Self::No): a safeguard that gave way
/// where a token cannot be read would protect from honest callers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The caller is meant.
    Yes,
    /// The caller is not meant.
    No,
    /// It cannot be told: the token says that the claim is in another place.
    Elsewhere,
}

impl Fit {
    /// Of two conditions that must both hold: one that does not hold decides, whatever the other leaves open.
    pub(crate) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Elsewhere, _) | (_, Self::Elsewhere) => Self::Elsewhere,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// Of two values of which one must fit: one that fits decides, whatever the other leaves open.
    pub(crate) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Elsewhere, _) | (_, Self::Elsewhere) => Self::Elsewhere,
            (Self::No, Self::No) => Self::No,
        }
    }
}

impl From<bool> for Fit {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// What counts where a claim is there and tells nothing: an object, a list in a list, or an address that would fit and is
/// not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InDoubt {
    /// As in a grant: the condition does not hold.
    DoesNotHold,
    /// As in a denial: it holds.
    Holds,
}

impl From<InDoubt> for Fit {
    fn from(in_doubt: InDoubt) -> Self {
        Self::from(in_doubt == InDoubt::Holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certain_decides() {
        for (one, other, both, either) in [
            (Fit::Yes, Fit::Yes, Fit::Yes, Fit::Yes),
            (Fit::Yes, Fit::No, Fit::No, Fit::Yes),
            (Fit::No, Fit::No, Fit::No, Fit::No),
            (Fit::Yes, Fit::Elsewhere, Fit::Elsewhere, Fit::Yes),
            (Fit::No, Fit::Elsewhere, Fit::No, Fit::Elsewhere),
            (Fit::Elsewhere, Fit::Elsewhere, Fit::Elsewhere, Fit::Elsewhere),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both), "{one:?} and {other:?}");
            assert_eq!((one.or(other), other.or(one)), (either, either), "{one:?} or {other:?}");
        }
    }
}
