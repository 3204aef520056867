//! What a value of `claims` matches, by `docs/POLICY.md` alone and as slowly as it likes.

use super::random::Random;
use super::spec::Kind;

enum Piece {
    Character(char),
    /// Characters of one segment.
    Some,
    /// The rest, which is not empty in a grant.
    Rest,
}

/// Whether a value of a policy matches a claim.
pub(super) fn matches(pattern: &str, text: &str, kind: Kind) -> bool {
    let text: Vec<char> = text.chars().collect();
    fits(&pieces(pattern), &text, kind)
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let (piece, length) = match character {
            '\\' => (Piece::Character(rest.chars().nth(1).unwrap()), 2),
            '*' if rest == "**" => (Piece::Rest, 2),
            '*' => (Piece::Some, 1),
            other => (Piece::Character(other), other.len_utf8()),
        };
        pieces.push(piece);
        rest = &rest[length..];
    }
    pieces
}

fn fits(pieces: &[Piece], text: &[char], kind: Kind) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Rest, ..] => kind == Kind::Denial || !text.is_empty(),
        [Piece::Character(wanted), rest @ ..] => text.first() == Some(wanted) && fits(rest, &text[1..], kind),
        [Piece::Some, rest @ ..] => {
            let within = |length: &usize| !text[..*length].iter().any(|character| ['/', ':'].contains(character));
            (0..=text.len()).take_while(within).any(|length| fits(rest, &text[length..], kind))
        }
    }
}

/// A text as a pattern that matches it alone.
pub(super) fn literal(text: &str) -> String {
    text.replace('\\', r"\\").replace('*', r"\*")
}

/// A pattern that often matches a text. In a denial, it has no star but `**` at the end.
pub(super) fn like(random: &mut Random, text: &str, in_denial: bool) -> String {
    let text: Vec<char> = text.chars().collect();
    let mut cut = || random.below(text.len() + 1);
    let (one, other) = (cut(), cut());
    let part = |from: usize, to: usize| literal(&text[from..to].iter().collect::<String>());
    let (start, end) = (part(0, one.min(other)), part(one.max(other), text.len()));
    let middle = part(one.min(other), one.max(other));
    match random.below(6) {
        0 | 1 => format!("{start}**"),
        _ if in_denial => format!("{start}**"),
        2 => format!("{start}*{middle}x**"),
        3 if !middle.is_empty() => format!("*{middle}**"),
        4 => format!("{start}*{end}"),
        _ => format!("*{middle}{}{end}", if middle.is_empty() { "" } else { "*" }),
    }
}
