//! Characters that deceive the eye.

/// The characters that [`is_hidden`] knows, as ranges in order.
///
/// They are the control characters, the code points that Unicode ignores by default
/// ([DerivedCoreProperties.txt](https://www.unicode.org/Public/17.0.0/ucd/DerivedCoreProperties.txt), property
/// `Default_Ignorable_Code_Point`), and the remaining format characters without a picture.
const HIDDEN: &[(char, char)] = &[
    ('\u{0}', '\u{1f}'),        // control characters, C0
    ('\u{7f}', '\u{9f}'),       // delete, and control characters, C1
    ('\u{ad}', '\u{ad}'),       // soft hyphen
    ('\u{34f}', '\u{34f}'),     // combining grapheme joiner
    ('\u{61c}', '\u{61c}'),     // Arabic letter mark
    ('\u{115f}', '\u{1160}'),   // Hangul fillers
    ('\u{17b4}', '\u{17b5}'),   // Khmer inherent vowels
    ('\u{180b}', '\u{180f}'),   // Mongolian variation selectors and vowel separator
    ('\u{200b}', '\u{200f}'),   // zero-width characters and marks of direction
    ('\u{2028}', '\u{202e}'), // line and paragraph separators, embeddings and overrides of direction
    ('\u{2060}', '\u{206f}'), // word joiner, invisible operators, isolates of direction
    ('\u{2800}', '\u{2800}'), // Braille pattern without dots
    ('\u{3164}', '\u{3164}'), // Hangul filler
    ('\u{fe00}', '\u{fe0f}'), // variation selectors 1 to 16
    ('\u{feff}', '\u{feff}'), // byte order mark
    ('\u{ffa0}', '\u{ffa0}'), // half-width Hangul filler
    ('\u{fff0}', '\u{fffb}'), // reserved, and interlinear annotation
    ('\u{13430}', '\u{1343f}'), // Egyptian hieroglyph format controls
    ('\u{1bca0}', '\u{1bca3}'), // shorthand format controls
    ('\u{1d173}', '\u{1d17a}'), // musical format controls
    ('\u{e0000}', '\u{e0fff}'), // tags, and variation selectors 17 to 256
];

/// Whether a character is invisible, or moves or reorders visible ones: controls, direction marks and overrides,
/// zero-width characters, tags, fillers, variation selectors. Line feed and tab are among them.
///
/// ```
/// use victor_text::is_hidden;
///
/// assert!(is_hidden('\u{202e}') && is_hidden('\u{ad}') && is_hidden('\u{e0041}'));
/// assert!(!is_hidden('ä') && !is_hidden(' '));
/// ```
#[must_use]
pub fn is_hidden(char: char) -> bool {
    // Nearly all text is ASCII that can be seen.
    if matches!(char, ' '..='~') {
        return false;
    }
    HIDDEN
        .binary_search_by(|(first, last)| {
            if *last < char {
                std::cmp::Ordering::Less
            } else if *first > char {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .is_ok()
}

/// Whether a character looks like a space but is not one, so that a program and a person read different words.
#[must_use]
pub fn is_blank_lookalike(char: char) -> bool {
    matches!(
        char,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_in_order() {
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
        assert!(HIDDEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn every_white_space_is_the_space_or_known() {
        let strange = ('\0'..=char::MAX)
            .filter(|char| char.is_whitespace() || char.is_control())
            .find(|char| *char != ' ' && !is_hidden(*char) && !is_blank_lookalike(*char));
        assert_eq!(strange, None);
    }
}
