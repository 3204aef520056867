//! Patterns of `include`, and texts that they match or nearly match.

use super::random::Random;

/// A piece of a pattern beside texts that it matches or nearly matches.
const PIECES: [(&str, &[&str]); 22] = [
    ("a", &["a", "A"]),
    ("tier 1", &["tier 1", "tier 10"]),
    ("é", &["é", "e\u{301}"]),
    ("e\u{301}", &["e\u{301}", "é"]),
    (".jpg", &[".jpg", ".JPG", ".jpgx"]),
    ("*", &["", "x", "a.b", "é", "a/b"]),
    ("?", &["a", "é", "\u{1f600}", "ab", "e\u{301}", ""]),
    ("[0-9]", &["7", "a", "0", "9", ":"]),
    ("[!0-9]", &["-", "é", "7", ""]),
    ("[^a-c]", &["d", "b", "^", "^a"]),
    ("[]a]", &["]", "a", "b"]),
    ("[!]]", &["]", "x", "!"]),
    ("[a-]", &["-", "a", "b"]),
    ("[!-a]", &["-", "a", "b", "!"]),
    ("[é-ü]", &["é", "ü", "ö", "z", "e"]),
    ("[a-c0-9ß]", &["b", "5", "ß", "d"]),
    (r"[\]\-x]", &["]", "x", "-", r"\"]),
    ("{jpg,png}", &["jpg", "png", "gif", "{jpg,png}"]),
    ("{a*,b?,[0-9,]}", &["a", "abc", "bc", "b", "5", ","]),
    ("{x,{yy,z}z}", &["x", "yyz", "zz", "yy", "z"]),
    (r"\*", &["*", "x", r"\"]),
    (r"\{b\}", &["{b}", "b", r"\{b\}"]),
];

/// A valid pattern.
pub(super) fn pattern(random: &mut Random) -> String {
    let segments: Vec<String> =
        (0..=random.below(3)).map(|_| if random.chance(25) { "**".to_owned() } else { segment(random) }).collect();
    segments.join("/")
}

fn segment(random: &mut Random) -> String {
    let mut segment = String::new();
    for _ in 0..=random.below(3) {
        let (piece, _) = random.pick(&PIECES);
        // Two stars side by side are a whole segment or an error.
        if !(piece == "*" && segment.ends_with('*')) {
            segment.push_str(piece);
        }
    }
    segment
}

/// A text that a pattern may well match.
pub(super) fn text_like(random: &mut Random, pattern: &str) -> String {
    let segments = pattern.split('/').filter_map(|segment| match segment {
        "**" => {
            let names: Vec<&str> = (0..random.below(3)).map(|_| random.pick(&["a", "é", "tier 1", ".jpg"])).collect();
            if names.is_empty() { None } else { Some(names.join("/")) }
        }
        segment => Some(segment_like(random, segment)),
    });
    let mut text = segments.collect::<Vec<_>>().join("/");
    if random.chance(5) {
        text.push_str(random.pick(&["x", "/x", " "]));
    }
    text
}

fn segment_like(random: &mut Random, mut segment: &str) -> String {
    let mut text = String::new();
    while !segment.is_empty() {
        let piece = PIECES.iter().filter(|(piece, _)| segment.starts_with(piece)).max_by_key(|(piece, _)| piece.len());
        let (piece, texts) = piece.expect("a segment is made of pieces");
        // The first one matches.
        text.push_str(if random.chance(88) { texts[0] } else { random.pick(texts) });
        segment = &segment[piece.len()..];
    }
    text
}
