//! Characters that a reader of a log does not see, or sees at another position.

use std::borrow::Cow;

/// Whether a character is invisible: controls, characters that change the direction of text, zero-width characters,
/// fillers, and all spaces but the usual one, including line and paragraph separators.
///
/// These are the category Cc, the property `White_Space`, noncharacters, the interlinear annotations, blank symbols,
/// and the property `Default_Ignorable_Code_Point` of [Unicode
/// 17](https://www.unicode.org/Public/17.0.0/ucd/DerivedCoreProperties.txt). Two names that differ only in such a
/// character look the same.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    let is_noncharacter = u32::from(character) & 0xFFFE == 0xFFFE || matches!(character, '\u{FDD0}'..='\u{FDEF}');
    character.is_control()
        || is_noncharacter
        || (character.is_whitespace() && character != ' ')
        || matches!(character, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}')
        || matches!(character, '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}')
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{FFF0}'..='\u{FFFC}' | '\u{1BCA0}'..='\u{1BCA3}')
        || matches!(character, '\u{1D159}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a character changes the direction of the text around it, so that `annexe.txt` looks like `anntxt.exe`
/// ([UAX #9](https://www.unicode.org/reports/tr9/), explicit and implicit directional formatting).
#[must_use]
pub const fn changes_direction(character: char) -> bool {
    matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The text with each invisible character escaped: `\n`, `\u{202e}`.
pub fn made_visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) { line.extend(character.escape_default()) } else { line.push(character) }
    }
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_cannot_see_is_invisible() {
        for character in "\0\n\t\u{7f}\u{85}\u{ad}\u{200b}\u{200d}\u{200e}\u{202e}\u{2028}\u{2029}\u{a0}\u{3000}\u{2060}\u{2066}\u{feff}\u{3164}\u{e0041}\u{2800}\u{1d159}\u{fffc}\u{fffe}\u{10ffff}\u{fdd0}\u{fe0f}\u{fff9}".chars() {
            assert!(is_invisible(character), "{character:?}");
        }
    }

    #[test]
    fn what_changes_direction_is_invisible() {
        let found: Vec<char> = ('\0'..=char::MAX).filter(|character| changes_direction(*character)).collect();
        assert_eq!(found.len(), 12);
        assert!(found.into_iter().all(is_invisible));
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(made_visible("a\n\u{1b}\u{202e}b"), "a\\n\\u{1b}\\u{202e}b");
        assert!(matches!(made_visible("ü b"), Cow::Borrowed("ü b")));
    }

    #[test]
    fn letters_of_every_script_spaces_and_signs_are_visible() {
        for character in "aZ0 -_.:/@|~üß漢字かなعربىעבריתहिन्दीไทย한글😀".chars() {
            assert!(!is_invisible(character), "{character:?}");
        }
    }
}
