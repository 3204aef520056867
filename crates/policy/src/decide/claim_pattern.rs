//! Patterns of `claims`: what a rule compares the value of a claim with.
//!
//! `*` never goes past a separator, so a pattern and a value are compared segment by segment. Within a segment, the first
//! place of each text after a `*` is the right one: a later place leaves less for what follows. So nothing is tried twice,
//! and the time grows with the length of the value.

mod error;

#[cfg(test)]
mod tests;

use std::iter::Peekable;
use std::mem;
use std::str::Chars;

pub(crate) use error::ClaimPatternError;

/// The longest value with a `*`, in bytes.
const MAX_PATTERN_BYTES: usize = 1_024;

/// What ends a segment of a claim's value: `repo:octo-org/octo-repo:ref:refs/heads/main` has seven.
const SEPARATORS: [char; 2] = ['/', ':'];

/// What a claim's value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimPattern(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Matches itself.
    Literal(Box<str>),
    Wildcard(Wildcard),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Wildcard {
    /// Each ends with its separator.
    segments: Box<[(Segment, char)]>,
    last: Segment,
    /// Whether the pattern ends in `**`: after `last`, the value has one or more characters of any kind.
    takes_rest: bool,
    /// Whether the value may also end after `last`.
    rest_may_be_empty: bool,
    /// The text before the first `*`.
    beginning: Box<str>,
    /// How many bytes each matching value has at least.
    shortest: usize,
}

/// A segment of a pattern: texts with a `*` between them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    start: Box<str>,
    /// The text after each `*`. Only the last can be empty.
    after_stars: Box<[Box<str>]>,
}

impl ClaimPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub(crate) fn parse(text: &str) -> Result<Self, ClaimPatternError> {
        let mut reader = Reader::new(text);
        let mut segments = Vec::new();
        let takes_rest = loop {
            match reader.read_segment()? {
                End::Separator(separator) => segments.push((reader.take_segment(), separator)),
                End::Rest => break true,
                End::Text => break false,
            }
        };
        let last = reader.take_segment();
        if !takes_rest && last.is_literal() && segments.iter().all(|(segment, _)| segment.is_literal()) {
            let mut literal = String::with_capacity(text.len());
            for (segment, separator) in &segments {
                literal.push_str(&segment.start);
                literal.push(*separator);
            }
            return Ok(Self(Kind::Literal((literal + &last.start).into())));
        }
        if text.len() > MAX_PATTERN_BYTES {
            return Err(ClaimPatternError::TooLong);
        }
        Ok(Self(Kind::Wildcard(Wildcard::new(segments.into(), last, takes_rest))))
    }

    /// Whether the pattern matches all of the value.
    pub(crate) fn matches(&self, value: &str) -> bool {
        match &self.0 {
            Kind::Literal(text) => **text == *value,
            Kind::Wildcard(wildcard) => wildcard.matches(value),
        }
    }

    /// Whether it has no `*`.
    pub(crate) const fn is_literal(&self) -> bool {
        matches!(self.0, Kind::Literal(_))
    }

    /// The same for a denial, where `**` also stands for nothing: a denial of `x**` means `x` as well. `None` if there is a
    /// `*` before: a caller can avoid such a pattern by a value with another number of segments.
    pub(crate) fn in_denial(self) -> Option<Self> {
        match self.0 {
            Kind::Literal(_) => Some(self),
            Kind::Wildcard(wildcard) if wildcard.is_text_and_rest() => {
                let shortest = wildcard.beginning.len();
                Some(Self(Kind::Wildcard(Wildcard { rest_may_be_empty: true, shortest, ..wildcard })))
            }
            Kind::Wildcard(_) => None,
        }
    }

    /// Whether this certainly matches every value that `narrow` matches.
    pub(crate) fn covers(&self, narrow: &Self) -> bool {
        if self == narrow {
            return true;
        }
        match (&self.0, &narrow.0) {
            (_, Kind::Literal(text)) => self.matches(text),
            (Kind::Literal(_), Kind::Wildcard(_)) => false,
            (Kind::Wildcard(wide), Kind::Wildcard(narrow)) => {
                wide.is_text_and_rest()
                    && narrow.beginning.starts_with(&*wide.beginning)
                    && narrow.shortest >= wide.shortest
            }
        }
    }

    /// A value that the pattern matches, as `fill` for each `*`, and `rest` for `**`.
    pub(crate) fn example(&self, fill: &str, rest: &str) -> String {
        match &self.0 {
            Kind::Literal(text) => text.to_string(),
            Kind::Wildcard(wildcard) => {
                let mut example = String::new();
                for (segment, separator) in &wildcard.segments {
                    segment.push_example(&mut example, fill);
                    example.push(*separator);
                }
                wildcard.last.push_example(&mut example, fill);
                if wildcard.takes_rest { example + rest } else { example }
            }
        }
    }
}

impl Wildcard {
    fn new(segments: Box<[(Segment, char)]>, last: Segment, takes_rest: bool) -> Self {
        let (mut beginning, mut is_literal, mut shortest) = (String::new(), true, usize::from(takes_rest));
        for (segment, separator) in segments.iter().map(|(segment, end)| (segment, Some(*end))).chain([(&last, None)]) {
            shortest += segment.shortest() + separator.map_or(0, char::len_utf8);
            if is_literal {
                beginning.push_str(&segment.start);
                is_literal = segment.is_literal();
                beginning.extend(separator.filter(|_| is_literal));
            }
        }
        Self { segments, last, takes_rest, rest_may_be_empty: false, beginning: beginning.into(), shortest }
    }

    fn matches(&self, mut value: &str) -> bool {
        for (segment, separator) in &self.segments {
            let Some((text, rest)) = split_at_separator(value, *separator) else { return false };
            if !segment.matches(text) {
                return false;
            }
            value = rest;
        }
        if self.takes_rest {
            let end = value.find(SEPARATORS).unwrap_or(value.len());
            let (text, after) = value.split_at(end);
            let has_rest = |rest: &str| self.rest_may_be_empty || !rest.is_empty() || !after.is_empty();
            self.last.rest_after(text).is_some_and(has_rest)
        } else {
            !value.contains(SEPARATORS) && self.last.matches(value)
        }
    }

    /// Whether the pattern is a text and `**`. With another star before, it has more text than the beginning.
    const fn is_text_and_rest(&self) -> bool {
        self.takes_rest && self.shortest == self.beginning.len() + if self.rest_may_be_empty { 0 } else { 1 }
    }
}

/// The value before and after its first separator, if it is this one.
fn split_at_separator(value: &str, separator: char) -> Option<(&str, &str)> {
    let (text, rest) = value.split_at(value.find(SEPARATORS)?);
    Some((text, rest.strip_prefix(separator)?))
}

impl Segment {
    const fn is_literal(&self) -> bool {
        self.after_stars.is_empty()
    }

    /// Whether it matches all of a text without separators.
    fn matches(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(&*self.start) else { return false };
        let Some((last, before)) = self.after_stars.split_last() else { return rest.is_empty() };
        first_places(before, rest).is_some_and(|rest| rest.ends_with(&**last))
    }

    /// What a text without separators has after the shortest beginning that the segment matches.
    fn rest_after<'t>(&self, text: &'t str) -> Option<&'t str> {
        first_places(&self.after_stars, text.strip_prefix(&*self.start)?)
    }

    fn push_example(&self, example: &mut String, fill: &str) {
        example.push_str(&self.start);
        for text in &self.after_stars {
            example.push_str(fill);
            example.push_str(text);
        }
    }

    fn shortest(&self) -> usize {
        self.start.len() + self.after_stars.iter().map(|text| text.len()).sum::<usize>()
    }
}

/// What follows the first place of each text after the one before it.
fn first_places<'t>(texts: &[Box<str>], text: &'t str) -> Option<&'t str> {
    texts.iter().try_fold(text, |rest, wanted| Some(rest.split_once(&**wanted)?.1))
}

/// What ends a segment of a pattern.
enum End {
    Separator(char),
    /// `**` at the end.
    Rest,
    Text,
}

/// The unread rest of a pattern, and the segment that is being read.
struct Reader<'t> {
    characters: Peekable<Chars<'t>>,
    /// The texts before, between and after the stars: at least one.
    texts: Vec<String>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { characters: text.chars().peekable(), texts: vec![String::new()] }
    }

    /// Reads up to the end of a segment.
    fn read_segment(&mut self) -> Result<End, ClaimPatternError> {
        while let Some(character) = self.characters.next() {
            match character {
                '*' if self.characters.next_if_eq(&'*').is_some() => {
                    return match self.characters.peek() {
                        None => Ok(End::Rest),
                        Some('*') => Err(ClaimPatternError::StarsTogether),
                        Some(_) => Err(ClaimPatternError::RestBeforeEnd),
                    };
                }
                '*' => self.texts.push(String::new()),
                '\\' => match self.characters.next_if(|next| ['*', '\\'].contains(next)) {
                    Some(escaped) => self.push(escaped),
                    None => return Err(ClaimPatternError::Backslash),
                },
                separator if SEPARATORS.contains(&separator) => return Ok(End::Separator(separator)),
                plain => self.push(plain),
            }
        }
        Ok(End::Text)
    }

    fn push(&mut self, character: char) {
        if let Some(text) = self.texts.last_mut() {
            text.push(character);
        }
    }

    fn take_segment(&mut self) -> Segment {
        let mut texts = mem::replace(&mut self.texts, vec![String::new()]).into_iter().map(String::into_boxed_str);
        Segment { start: texts.next().unwrap_or_default(), after_stars: texts.collect() }
    }
}
