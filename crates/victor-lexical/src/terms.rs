//! Texts to terms.

use crate::stem::stem;
use crate::words::each_word;

/// Calls `each` with every term of a text, in order.
pub fn each_term(text: &str, mut each: impl FnMut(&str)) {
    each_word(text, |word| {
        if !is_stop_word(word) {
            stem(word);
            each(word);
        }
    });
}

/// Words that say nothing about what a text is about.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

const STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these",
    "they", "this", "to", "was", "will", "with",
];
