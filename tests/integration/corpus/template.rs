//! Texts with words in angle brackets that stand for something else.

/// Replaces every word of a text. Words that not all texts have, `meaning` knows.
pub(super) fn expand(text: &str, meaning: impl Fn(&str) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut expanded = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (word, after) = after.split_once('>').unwrap_or_else(|| panic!("a word has no end: {text}"));
        expanded.extend_from_slice(before.as_bytes());
        let meant = meaning(word).or_else(|| repetition(word)).or_else(|| byte(word));
        expanded.extend(meant.unwrap_or_else(|| panic!("<{word}> means nothing here: {text}")));
        rest = after;
    }
    expanded.extend_from_slice(rest.as_bytes());
    expanded
}

/// `<repeat 3 ab>`: `ababab`.
fn repetition(word: &str) -> Option<Vec<u8>> {
    let (times, repeated) = word.strip_prefix("repeat ")?.split_once(' ')?;
    Some(repeated.repeat(times.parse().ok()?).into_bytes())
}

/// `<byte ff>`: one byte, in hexadecimal.
fn byte(word: &str) -> Option<Vec<u8>> {
    Some(vec![u8::from_str_radix(word.strip_prefix("byte ")?, 16).ok()?])
}

#[test]
fn words_are_replaced_and_the_rest_is_kept() {
    let expanded = expand("a<repeat 2 xy>b<byte ff><word>", |word| (word == "word").then(|| b"c".to_vec()));
    assert_eq!(expanded, b"axyxyb\xffc");
}
