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
        if word.is_name || STOP_WORDS.binary_search(&word.text.as_str()).is_err() {
            stem(word.text);
            each(word.text);
        }
    });
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
