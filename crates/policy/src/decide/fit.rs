//! Whether a rule means a caller. A token can leave this unknown.

/// The result of a condition, or of a part of one.
///
/// A grant needs [`Yes`](Self::Yes). A denial holds unless the result is [`No`](Self::No): otherwise a caller could avoid
/// the denial by a token that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The rule means the caller.
    Yes,
    /// The rule does not mean the caller.
    No,
    /// Unknown: the token says that the claim is in another place.
    Elsewhere,
}

impl Fit {
    /// Both conditions must hold: one that does not hold decides, even if the other is unknown.
    pub(crate) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Elsewhere, _) | (_, Self::Elsewhere) => Self::Elsewhere,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// One of the values must match: one that matches decides, even if the other is unknown.
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

/// The result for a claim that is present and cannot be compared: an object, a list in a list, or a matching address that
/// is not verified.
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
