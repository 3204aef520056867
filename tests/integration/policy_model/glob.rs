//! What a pattern of `include` matches, by `docs/POLICY.md` alone and as slowly as it likes.

#[derive(Clone)]
enum Piece {
    Character(char),
    AnyCharacter,
    AnyText,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// Whether a valid pattern matches a key, or what follows a prefix in it.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let text: Vec<&str> = text.split('/').collect();
    segments_match(&pattern, &text)
}

fn segments_match(pattern: &[&str], text: &[&str]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ["**"] => !text.is_empty(),
        ["**", rest @ ..] => (0..=text.len()).any(|skipped| segments_match(rest, &text[skipped..])),
        [first, rest @ ..] => {
            let here = text.first().is_some_and(|segment| segment_matches(first, segment));
            here && segments_match(rest, &text[1..])
        }
    }
}

fn segment_matches(pattern: &str, segment: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let segment: Vec<char> = segment.chars().collect();
    texts(&pattern).iter().any(|pieces| pieces_match(pieces, &segment))
}

fn pieces_match(pieces: &[Piece], text: &[char]) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return text.is_empty() };
    if matches!(first, Piece::AnyText) {
        return (0..=text.len()).any(|skipped| pieces_match(rest, &text[skipped..]));
    }
    let Some((character, text)) = text.split_first() else { return false };
    let fits = match first {
        Piece::Character(wanted) => wanted == character,
        Piece::Class { negated, ranges } => {
            ranges.iter().any(|(start, end)| (start..=end).contains(&character)) != *negated
        }
        Piece::AnyCharacter | Piece::AnyText => true,
    };
    fits && pieces_match(rest, text)
}

/// Every sequence of pieces that a segment stands for: one, or more where it has braces.
fn texts(pattern: &[char]) -> Vec<Vec<Piece>> {
    let Some((first, rest)) = pattern.split_first() else { return vec![Vec::new()] };
    let (starts, rest) = match first {
        '\\' => (vec![vec![Piece::Character(rest[0])]], &rest[1..]),
        '*' => (vec![vec![Piece::AnyText]], rest),
        '?' => (vec![vec![Piece::AnyCharacter]], rest),
        '[' => {
            let (class, rest) = class(rest);
            (vec![vec![class]], rest)
        }
        '{' => {
            let (alternatives, rest) = alternatives(rest);
            (alternatives.into_iter().flat_map(texts).collect(), rest)
        }
        other => (vec![vec![Piece::Character(*other)]], rest),
    };
    let ends = texts(rest);
    starts.iter().flat_map(|start| ends.iter().map(move |end| [&start[..], &end[..]].concat())).collect()
}

/// The class behind a `[`, and what follows it.
fn class(text: &[char]) -> (Piece, &[char]) {
    let negated = matches!(text[0], '!' | '^');
    let mut position = usize::from(negated);
    let start = position;
    let mut ranges = Vec::new();
    while text[position] != ']' || position == start {
        let first = class_character(text, &mut position);
        if text[position] == '-' && text[position + 1] != ']' {
            position += 1;
            ranges.push((first, class_character(text, &mut position)));
        } else {
            ranges.push((first, first));
        }
    }
    (Piece::Class { negated, ranges }, &text[position + 1..])
}

fn class_character(text: &[char], position: &mut usize) -> char {
    if text[*position] == '\\' {
        *position += 1;
    }
    *position += 1;
    text[*position - 1]
}

/// The alternatives behind a `{`, and what follows its `}`.
fn alternatives(text: &[char]) -> (Vec<&[char]>, &[char]) {
    let (mut found, mut start, mut position, mut depth) = (Vec::new(), 0, 0, 0);
    loop {
        match text[position] {
            '\\' => position += 1,
            '[' => position = text.len() - class(&text[position + 1..]).1.len() - 1,
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                found.push(&text[start..position]);
                start = position + 1;
            }
            '}' => {
                found.push(&text[start..position]);
                return (found, &text[position + 1..]);
            }
            _ => {}
        }
        position += 1;
    }
}
