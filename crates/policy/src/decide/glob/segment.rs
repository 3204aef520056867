//! One segment of a glob: what it matches in one segment of a key.

use std::str::Chars;

use super::error::GlobError;
use super::positions::Positions;

/// A segment of a glob, except `**`.
#[derive(Debug)]
pub(super) struct Segment(Vec<Element>);

#[derive(Debug, PartialEq, Eq)]
enum Element {
    /// Itself.
    Character(char),
    /// `?`: one character.
    AnyCharacter,
    /// `*`: zero or more characters.
    AnyText,
    /// `[…]`: one character of a class.
    Class(Class),
    /// `{…,…}`: one of several texts.
    OneOf(Vec<Vec<Element>>),
}

/// The characters that a class lists, or with `!` or `^` all others.
#[derive(Debug, PartialEq, Eq)]
struct Class {
    negated: bool,
    /// First and last character of each range. Never empty.
    ranges: Vec<(char, char)>,
}

impl Segment {
    /// `*`
    pub(super) fn anything() -> Self {
        Self(vec![Element::AnyText])
    }

    /// Reads a segment. `text` has no `/`.
    pub(super) fn parse(text: &str) -> Result<Self, GlobError> {
        let elements = Reader(text.chars()).read_elements(Level::Segment)?;
        let is_dot = |element: &Element| *element == Element::Character('.');
        if elements.len() <= 2 && elements.iter().all(is_dot) {
            return Err(GlobError::RelativeSegment);
        }
        Ok(Self(elements))
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let (mut elements, mut text) = (self.0.as_slice(), text.chars());
        // Characters at both ends have fixed positions. Most globs have only one `*` between them.
        while let [Element::Character(expected), rest @ ..] = elements {
            if text.next() != Some(*expected) {
                return false;
            }
            elements = rest;
        }
        while let [rest @ .., Element::Character(expected)] = elements {
            if text.next_back() != Some(*expected) {
                return false;
            }
            elements = rest;
        }
        match elements {
            [] => text.as_str().is_empty(),
            [Element::AnyText] => true,
            _ => {
                let text: Vec<char> = text.collect();
                let mut positions = Positions::at_start_of(&text);
                pass(elements, &text, &mut positions);
                positions.include_end()
            }
        }
    }
}

impl Segment {
    /// A text that the segment matches. `None`: none is found.
    pub(super) fn example(&self) -> Option<String> {
        let mut text = String::new();
        append_example(&self.0, &mut text)?;
        Some(text)
    }
}

fn append_example(elements: &[Element], text: &mut String) -> Option<()> {
    for element in elements {
        match element {
            Element::Character(character) => text.push(*character),
            Element::AnyCharacter | Element::AnyText => text.push('x'),
            Element::Class(class) => text.push(class.example()?),
            Element::OneOf(alternatives) => append_example(alternatives.first()?, text)?,
        }
    }
    Some(())
}

fn pass(elements: &[Element], text: &[char], positions: &mut Positions) {
    for element in elements {
        match element {
            Element::Character(expected) => positions.pass_one(text, |found| found == expected),
            Element::AnyCharacter => positions.pass_one(text, |_| true),
            Element::AnyText => positions.pass_any(),
            Element::Class(class) => positions.pass_one(text, |found| class.matches(*found)),
            Element::OneOf(alternatives) => {
                positions.pass_one_of(alternatives, |one, positions| pass(one, text, positions));
            }
        }
        if positions.are_none() {
            return;
        }
    }
}

impl Class {
    fn example(&self) -> Option<char> {
        let listed = self.ranges.first().map(|(first, _)| *first);
        let mut candidates = listed.into_iter().chain("x0_X".chars());
        candidates.find(|character| self.matches(*character))
    }

    fn matches(&self, character: char) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != self.negated
    }
}

/// Where elements are read, which decides what ends them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Segment,
    Alternative,
}

/// The unread rest of a segment.
struct Reader<'a>(Chars<'a>);

impl Reader<'_> {
    fn sees(&self, text: &str) -> bool {
        self.0.as_str().starts_with(text)
    }

    /// Reads up to the end of the segment, or up to the `,` or `}` that ends an alternative.
    fn read_elements(&mut self, level: Level) -> Result<Vec<Element>, GlobError> {
        let mut elements = Vec::new();
        while !(level == Level::Alternative && (self.sees(",") || self.sees("}"))) {
            let Some(character) = self.0.next() else { break };
            elements.push(match character {
                '?' => Element::AnyCharacter,
                '*' if self.sees("*") => return Err(GlobError::PartialAnyDepth),
                '*' => Element::AnyText,
                '[' => Element::Class(self.read_class()?),
                '{' => Element::OneOf(self.read_alternatives()?),
                '}' => return Err(GlobError::LooseBrace),
                plain => Element::Character(self.literal(plain)?),
            });
        }
        Ok(elements)
    }

    /// Reads what follows a `{`.
    fn read_alternatives(&mut self) -> Result<Vec<Vec<Element>>, GlobError> {
        let mut alternatives = Vec::new();
        loop {
            let alternative = self.read_elements(Level::Alternative)?;
            let end = self.0.next().ok_or(GlobError::OpenBrace)?;
            if alternative.is_empty() {
                return Err(GlobError::EmptyAlternative);
            }
            alternatives.push(alternative);
            if end == '}' {
                break;
            }
        }
        if alternatives.len() == 1 { Err(GlobError::OneAlternative) } else { Ok(alternatives) }
    }

    /// Reads what follows a `[`. A `]` or `-` at the start is a character, and so is a `-` at the end.
    fn read_class(&mut self) -> Result<Class, GlobError> {
        let negated = self.sees("!") || self.sees("^");
        if negated {
            self.0.next();
        }
        if self.is_named_class_without_brackets() {
            return Err(GlobError::NamedClass);
        }
        let mut ranges = Vec::new();
        while ranges.is_empty() || !self.sees("]") {
            if !ranges.is_empty() && self.sees("-") && !self.sees("-]") {
                return Err(GlobError::LooseHyphen);
            }
            if ["[:", "[=", "[."].iter().any(|start| self.sees(start)) {
                return Err(GlobError::NamedClass);
            }
            let first = self.class_character()?;
            let mut last = first;
            if self.sees("-") && !self.sees("-]") {
                self.0.next();
                last = self.class_character()?;
            }
            if first > last {
                return Err(GlobError::ReversedRange);
            }
            if (first..=last).contains(&'/') {
                return Err(GlobError::RangeOverSlash);
            }
            ranges.push((first, last));
        }
        self.0.next();
        Ok(Class { negated, ranges })
    }

    /// `:digit:]`, which in other globs would need a second pair of brackets.
    fn is_named_class_without_brackets(&self) -> bool {
        let inner = self.0.as_str().split_once(']').map(|(inner, _)| inner);
        inner.is_some_and(|inner| inner.len() > 2 && inner.starts_with(':') && inner.ends_with(':'))
    }

    fn class_character(&mut self) -> Result<char, GlobError> {
        let character = self.0.next().ok_or(GlobError::OpenClass)?;
        self.literal(character)
    }

    /// The character itself, or after a `\` the next one.
    fn literal(&mut self, character: char) -> Result<char, GlobError> {
        let meant = match character {
            '\\' => self.0.next().ok_or(GlobError::NothingEscaped)?,
            plain => plain,
        };
        if meant.is_control() { Err(GlobError::ControlCharacter) } else { Ok(meant) }
    }
}
