//! Texts to terms.

use crate::stem::stem;
use crate::words::each_word;

/// Calls `each` with every term of a text, in order.
///
/// Terms are words in lower case without their English endings; words that say nothing about a subject, such as *the*
/// and *you*, are left out. Identifiers are taken apart, and whole names are terms too, without what joins them, so
/// that `e-mail` is found by *email*. Where a script has no spaces between words, every two neighbours are a term.
///
/// ```
/// let mut terms = Vec::new();
/// victor_lexical::each_term("The cities of getUserName2, 東京都", |term| terms.push(term.to_owned()));
/// assert_eq!(terms, ["citi", "get", "user", "name", "2", "getusername2", "東京", "京都"]);
/// ```
pub fn each_term(text: &str, mut each: impl FnMut(&str)) {
    each_word(text, |word| {
        if word.is_name || !is_stop_word(word.text) {
            stem(word.text);
            each(word.text);
        }
    });
}

fn is_stop_word(word: &str) -> bool {
    word.len() <= 8 && STOP_NUMBERS.binary_search(&number(word)).is_ok()
}

/// The stop words as numbers, since numbers are found in a third of the time.
const STOP_NUMBERS: [u64; STOP_WORDS.len()] = {
    let mut numbers = [0; STOP_WORDS.len()];
    let mut place = 0;
    while place < numbers.len() {
        numbers[place] = number(STOP_WORDS[place]);
        place += 1;
    }
    numbers
};

/// A word of up to eight bytes as a number, in the order of words.
const fn number(word: &str) -> u64 {
    let mut bytes = [0; 8];
    let mut place = 0;
    while place < word.len() {
        bytes[place] = word.as_bytes()[place];
        place += 1;
    }
    u64::from_be_bytes(bytes)
}

/// English words that say how a sentence is built and nothing about its subject, and what is left of `don't` and the
/// like. Rare in descriptions and frequent in requests, they would be taken for significant.
const STOP_WORDS: [&str; 118] = [
    "a", "about", "also", "am", "an", "and", "any", "are", "aren", "as", "at", "be", "because",
    "been", "being", "but", "by", "can", "could", "couldn", "d", "did", "didn", "do", "does",
    "doesn", "doing", "don", "for", "from", "had", "hadn", "has", "hasn", "have", "haven",
    "having", "he", "her", "here", "hers", "him", "his", "how", "i", "if", "in", "into", "is",
    "isn", "it", "its", "just", "ll", "m", "may", "me", "might", "mine", "must", "my", "no", "nor",
    "not", "of", "on", "or", "our", "ours", "re", "s", "shall", "she", "should", "shouldn", "so",
    "some", "such", "t", "than", "that", "the", "their", "theirs", "them", "then", "there",
    "these", "they", "this", "those", "to", "too", "until", "us", "ve", "very", "was", "wasn",
    "we", "were", "weren", "what", "when", "where", "which", "while", "who", "whom", "whose",
    "why", "will", "with", "would", "wouldn", "you", "your", "yours",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_found_and_others_are_not() {
        assert!(STOP_NUMBERS.is_sorted());
        assert!(
            STOP_WORDS
                .iter()
                .all(|word| word.len() <= 8 && is_stop_word(word))
        );
        assert!(
            !["", "ande", "becauses", "wouldnot1"]
                .into_iter()
                .any(is_stop_word)
        );
    }
}
