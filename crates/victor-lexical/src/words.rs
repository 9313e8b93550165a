//! Texts to words.

use std::str::Chars;

/// The kind of a character, by which words are told apart.
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
pub(crate) fn each_word(text: &str, each: impl FnMut(Word<'_>)) {
    let mut splitter = Splitter {
        each,
        word: String::new(),
        name: String::new(),
        words: 0,
    };
    let mut before = Kind::Gap;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let kind = Kind::of(character);
        if kind == Kind::Mark {
            continue;
        }
        if breaks(before, kind, &rest) {
            splitter.end_word(before);
        }
        let next = rest.clone().next();
        let next_is = |wanted: fn(Kind) -> bool| next.is_some_and(|next| wanted(Kind::of(next)));
        match kind {
            Kind::Gap => {
                if !matches!(character, '_' | '-' | '.') || !next_is(Kind::is_of_name) {
                    splitter.end_name();
                }
            }
            Kind::Unspaced => {
                splitter.end_name();
                let followed = next_is(|next| next == Kind::Unspaced);
                if followed || before != Kind::Unspaced {
                    splitter.word.push(character);
                    splitter.word.extend(next.filter(|_| followed));
                    splitter.end_word(kind);
                }
            }
            _ => push_lower(character, &mut splitter.word),
        }
        before = kind;
    }
    splitter.end_word(before);
    splitter.end_name();
}

/// The text that has been read and not been handed on.
struct Splitter<F> {
    each: F,
    word: String,
    /// The words without a space between them, in one.
    name: String,
    /// The number of words in it.
    words: usize,
}

impl<F: FnMut(Word<'_>)> Splitter<F> {
    /// Hands the word on, whose last character is of this kind.
    fn end_word(&mut self, last: Kind) {
        if self.word.is_empty() {
            return;
        }
        if last.is_of_name() {
            self.words += 1;
            if self.name.len() <= MAX_NAME {
                self.name.push_str(&self.word);
            }
        }
        (self.each)(Word {
            is_name: last == Kind::Upper && self.word.len() > 1,
            text: &mut self.word,
        });
        self.word.clear();
    }

    fn end_name(&mut self) {
        if self.words > 1 && self.name.len() <= MAX_NAME {
            (self.each)(Word {
                is_name: true,
                text: &mut self.name,
            });
        }
        self.name.clear();
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

fn push_lower(character: char, word: &mut String) {
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
