//! Globs: the patterns of `include`.
//!
//! A glob is a list of segments, as an object key is. Each segment is compared with one segment of a key, so that
//! nothing in it can match a `/`; only `**`, a whole segment, stands for several. Text is compared by characters
//! (Unicode scalar values), not by bytes.

mod error;
mod positions;
mod segment;

#[cfg(test)]
mod tests;

pub(crate) use error::GlobError;
use positions::Positions;
use segment::Segment;

/// The longest glob, in bytes. Time and memory grow at most with this length times the length of a key.
pub(crate) const MAX_GLOB_BYTES: usize = 1_024;

/// A valid glob, ready to match.
#[derive(Debug)]
pub(crate) struct Glob(Vec<Part>);

/// The part between two slashes of a glob.
#[derive(Debug)]
enum Part {
    /// `**`: zero or more segments.
    AnyDepth,
    /// Exactly one segment.
    One(Segment),
}

impl Glob {
    /// Reads a glob.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub(crate) fn parse(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > MAX_GLOB_BYTES {
            return Err(GlobError::TooLong);
        }
        // Slashes come before everything else: no class, escape or brace has one.
        let mut parts: Vec<Part> = text.split('/').map(Part::parse).collect::<Result<_, _>>()?;
        if matches!(parts.last(), Some(Part::AnyDepth)) {
            // At the end it stands for at least one segment: `in/**` is everything below `in`, and not `in` itself.
            parts.push(Part::One(Segment::anything()));
        }
        Ok(Self(parts))
    }

    /// Whether the glob matches all of the path: `/`-separated segments, none of them empty.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let (mut parts, mut path) = (self.0.as_slice(), path.split('/'));
        // Segments at both ends have fixed positions. Most globs have at most one `**` between them.
        while let [Part::One(segment), rest @ ..] = parts {
            if !path.next().is_some_and(|text| segment.matches(text)) {
                return false;
            }
            parts = rest;
        }
        while let [rest @ .., Part::One(segment)] = parts {
            if !path.next_back().is_some_and(|text| segment.matches(text)) {
                return false;
            }
            parts = rest;
        }
        match parts {
            [] => path.next().is_none(),
            [Part::AnyDepth] => true,
            _ => {
                let path: Vec<&str> = path.collect();
                let mut positions = Positions::at_start_of(&path);
                for part in parts {
                    match part {
                        Part::AnyDepth => positions.pass_any(),
                        Part::One(segment) => positions.pass_one(&path, |text| segment.matches(text)),
                    }
                }
                positions.include_end()
            }
        }
    }
}

impl Glob {
    /// A short path that the glob matches. `None`: none is found.
    pub(crate) fn example(&self) -> Option<String> {
        let segments = self.0.iter().filter_map(|part| match part {
            Part::AnyDepth => None,
            Part::One(segment) => Some(segment.example()),
        });
        let segments: Vec<String> = segments.collect::<Option<_>>()?;
        Some(segments.join("/"))
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, GlobError> {
        match text {
            "" => Err(GlobError::EmptySegment),
            "**" => Ok(Self::AnyDepth),
            _ => Segment::parse(text).map(Self::One),
        }
    }
}
