//! The rules that a glob can break.

use thiserror::Error;

/// The rule that a glob breaks: the rest of a sentence that begins with the glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum GlobError {
    #[error("is empty")]
    Empty,
    #[error("is longer than 1,024 bytes")]
    TooLong,
    #[error("has an empty segment: it must not start or end with '/' or contain '//'")]
    EmptySegment,
    #[error("has '.' or '..' as a segment, which no key has")]
    RelativeSegment,
    #[error("has a control character, which no key has")]
    ControlCharacter,
    #[error("has '**' next to other characters: '**' must be a whole segment, as in '**/*.jpg'")]
    PartialAnyDepth,
    #[error("has a '\\' without a character after it in its segment; '/' cannot be escaped")]
    NothingEscaped,
    #[error(
        "has a '[' without its ']' in the same segment; a class has at least one character and no '/', and a \
         literal '[' is written '\\['"
    )]
    OpenClass,
    #[error("has a range in a class that starts after its end")]
    ReversedRange,
    #[error("has a range in a class that includes '/', which no class can match")]
    RangeOverSlash,
    #[error("has a '-' in the middle of a class that is not part of a range; write '\\-'")]
    LooseHyphen,
    #[error("has a named class, such as '[:digit:]'; write a range, such as '0-9'")]
    NamedClass,
    #[error(
        "has a '{{' without its '}}' in the same segment; alternatives have no '/', and a literal '{{' is written \
         '\\{{'"
    )]
    OpenBrace,
    #[error("has a '}}' without a '{{'; a literal '}}' is written '\\}}'")]
    LooseBrace,
    #[error("has an empty alternative in braces; write a second pattern for it")]
    EmptyAlternative,
    #[error("has braces with one alternative, but needs at least two; templates such as {{sub}} are for 'prefix' only")]
    OneAlternative,
}
