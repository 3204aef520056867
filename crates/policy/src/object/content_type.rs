//! Content types that a tier allows.

use super::token::is_token;

/// `image/jpeg`, `text/plain; charset=utf-8` or `image/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContentTypePattern {
    /// One content type with its parameters, compared byte for byte, except for case.
    Exact(Box<str>),
    /// Every subtype of a type, without parameters.
    AnySubtype(Box<str>),
}

impl ContentTypePattern {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (essence, parameters) = text.split_once(';').map_or((text, None), |(essence, rest)| (essence, Some(rest)));
        let (kind, subtype) = essence.trim_end().split_once('/')?;
        match (is_token(kind), subtype, parameters) {
            (true, "*", None) if kind != "*" => Some(Self::AnySubtype(kind.to_ascii_lowercase().into())),
            (true, subtype, _) if is_token(subtype) && subtype != "*" => {
                Some(Self::Exact(text.to_ascii_lowercase().into()))
            }
            _ => None,
        }
    }

    /// Whether the pattern allows a content type.
    ///
    /// Parameters count: browsers read `image/png;x=,text/html` as `text/html`.
    pub(crate) fn matches(&self, content_type: &str) -> bool {
        match self {
            Self::Exact(allowed) => content_type.eq_ignore_ascii_case(allowed),
            Self::AnySubtype(allowed) => content_type
                .split_once('/')
                .is_some_and(|(kind, subtype)| kind.eq_ignore_ascii_case(allowed) && is_token(subtype)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_pattern_lets_in_every_subtype_without_parameters() {
        let pattern = ContentTypePattern::parse("image/*").unwrap();
        assert!(pattern.matches("image/png") && pattern.matches("IMAGE/JPEG"));
        for refused in
            ["image/", "image", "imagex/png", "image/png;x=,text/html", "image/png, text/html", "text/image/png"]
        {
            assert!(!pattern.matches(refused), "{refused}");
        }
    }

    #[test]
    fn an_exact_pattern_lets_in_itself_alone() {
        let pattern = ContentTypePattern::parse("text/plain; charset=utf-8").unwrap();
        assert!(pattern.matches("Text/Plain; charset=UTF-8"));
        assert!(!pattern.matches("text/plain") && !pattern.matches("text/plain; charset=utf-8, text/html"));
    }

    #[test]
    fn what_is_no_content_type_is_no_pattern() {
        for text in ["", "image", "*/*", "/png", "image/", "im age/png", "image/*;q=1"] {
            assert_eq!(ContentTypePattern::parse(text), None, "{text}");
        }
    }
}
