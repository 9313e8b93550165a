//! Texts to words.

use std::str::Chars;

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
    /// Whether names consist of such.
    fn is_of_name(self) -> bool {
        matches!(self, Self::Lower | Self::Upper | Self::Digit)
    }

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

/// Longer than that is no name but data, and would only fill an index.
const MAX_NAME: usize = 64;

/// A word of a text, in lower case.
#[derive(Debug)]
pub(crate) struct Word<'a> {
    /// The word. It may be changed.
    pub(crate) text: &'a mut String,
    /// Whether it ended in a capital, or is all of a name: `it` is a common word and `IT` and `I.T.` are not.
    pub(crate) is_name: bool,
}

/// Calls `each` with every word of a text in order, and after the words of a name such as `getUser`, `user-name`,
/// `e-mail` or `main.rs` with all of it in one, as `getuser`, `username`, `email` or `mainrs`.
///
/// Where there are no spaces between words, every two neighbours are a word.
pub(crate) fn each_word(text: &str, mut each: impl FnMut(Word<'_>)) {
    let (mut word, mut name) = (String::new(), Name::default());
    let mut before = Kind::Gap;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let kind = Kind::of(character);
        if kind == Kind::Mark {
            continue;
        }
        if breaks(before, kind, &rest) && !word.is_empty() {
            name.add(&word);
            let is_name = before == Kind::Upper && word.len() > 1;
            each(Word {
                text: &mut word,
                is_name,
            });
            word.clear();
        }
        let next = rest.clone().next();
        match kind {
            Kind::Gap => {
                let joins = matches!(character, '_' | '-' | '.');
                if !joins || !next.is_some_and(|next| Kind::of(next).is_of_name()) {
                    name.end(&mut each);
                }
            }
            Kind::Unspaced => {
                name.end(&mut each);
                let next = next.filter(|next| Kind::of(*next) == Kind::Unspaced);
                if next.is_some() || before != Kind::Unspaced {
                    word.push(character);
                    word.extend(next);
                    each(Word {
                        text: &mut word,
                        is_name: false,
                    });
                    word.clear();
                }
            }
            _ => lower(character, &mut word),
        }
        before = kind;
    }
    if !word.is_empty() {
        name.add(&word);
        each(Word {
            text: &mut word,
            is_name: before == Kind::Upper,
        });
    }
    name.end(&mut each);
}

/// The words without a space between them, in one.
#[derive(Debug, Default)]
struct Name {
    text: String,
    words: usize,
}

impl Name {
    fn add(&mut self, word: &str) {
        self.words += 1;
        if self.text.len() <= MAX_NAME {
            self.text.push_str(word);
        }
    }

    fn end(&mut self, each: &mut impl FnMut(Word<'_>)) {
        if self.words > 1 && self.text.len() <= MAX_NAME {
            each(Word {
                text: &mut self.text,
                is_name: true,
            });
        }
        self.text.clear();
        self.words = 0;
    }
}

/// Whether a word ends between two characters.
fn breaks(before: Kind, kind: Kind, rest: &Chars<'_>) -> bool {
    match (before, kind) {
        (Kind::Upper, Kind::Upper) => begins_word(rest.clone()),
        (Kind::Upper, Kind::Lower) => false,
        _ => before != kind,
    }
}

/// Whether a capital after another one is the first letter of a word, as the `S` of `HTTPServer`, told from what
/// follows it. The `s` of `URLs` belongs to what is before.
fn begins_word(mut rest: Chars<'_>) -> bool {
    let plural = rest.as_str().starts_with('s');
    let mut next_is_lower = || rest.next().map(Kind::of) == Some(Kind::Lower);
    next_is_lower() && (!plural || next_is_lower())
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
