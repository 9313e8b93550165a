//! Texts to words.

use std::iter;

/// What a character is to its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Between words.
    Gap,
    /// A letter that is not upper case.
    Lower,
    Upper,
    Digit,
    /// Of a script without spaces between words.
    Unspaced,
    /// Belongs to the character before it, and says nothing alone.
    Mark,
}

impl Kind {
    fn of(character: char) -> Self {
        match character {
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Digit,
            '\0'..='\x7f' => Self::Gap,
            // Accents that stand alone, invisible joiners, and the signs of Indian scripts that are no letters.
            '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200c}' | '\u{200d}' => Self::Mark,
            '\u{900}'..='\u{d7f}' if matches!(u32::from(character) & 0x7f, 0x3c | 0x4d) => {
                Self::Mark
            }
            // Thai to Burmese, Khmer, Japanese, Chinese, Korean.
            '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3040}'..='\u{30fa}'
            | '\u{30fc}'..='\u{318f}'
            | '\u{31a0}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7ff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}' => Self::Unspaced,
            _ if character.is_uppercase() => Self::Upper,
            _ if character.is_numeric() => Self::Digit,
            _ if character.is_alphabetic() => Self::Lower,
            _ => Self::Gap,
        }
    }
}

/// Calls `each` with every word of a text, in lower case and in order. It may change what it is given.
pub(crate) fn each_word(text: &str, mut each: impl FnMut(&mut String)) {
    let mut word = String::new();
    let mut end = |word: &mut String| {
        if !word.is_empty() {
            each(word);
            word.clear();
        }
    };
    let mut before = Kind::Gap;
    let mut previous = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let kind = Kind::of(character);
        let breaks = match (before, kind) {
            (_, Kind::Mark) => continue,
            (Kind::Upper, Kind::Upper) => begins_word(rest.clone()),
            (Kind::Upper, Kind::Lower) => false,
            (before, kind) => before != kind || kind == Kind::Unspaced,
        };
        if breaks {
            end(&mut word);
        }
        match (kind, previous) {
            (Kind::Gap, _) => {}
            (Kind::Unspaced, Some(first)) => word.extend([first, character]),
            (Kind::Unspaced, None) => {
                let next = rest.clone().next().map(Kind::of);
                if next != Some(Kind::Unspaced) {
                    word.push(character);
                }
            }
            _ => lower(character, &mut word),
        }
        previous = (kind == Kind::Unspaced).then_some(character);
        before = kind;
    }
    end(&mut word);
}

/// Whether a capital after another one is the first letter of a word, as the `S` of `HTTPServer`, told from what
/// follows it. The `s` of `URLs` belongs to what is before.
fn begins_word(rest: impl Iterator<Item = char>) -> bool {
    let mut rest = rest.chain(iter::once(' '));
    match rest.next() {
        Some('s') => rest
            .next()
            .is_some_and(|next| Kind::of(next) == Kind::Lower),
        next => next.is_some_and(|next| Kind::of(next) == Kind::Lower),
    }
}

fn lower(character: char, word: &mut String) {
    if character.is_ascii() {
        word.push(character.to_ascii_lowercase());
        return;
    }
    // One letter has its own form at the end of words. Some letters become several, of which one is a mark.
    let lower = character
        .to_lowercase()
        .filter(|letter| Kind::of(*letter) != Kind::Mark);
    word.extend(lower.map(|letter| if letter == 'ς' { 'σ' } else { letter }));
}
