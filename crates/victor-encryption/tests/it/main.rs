//! Encrypted stores through the public API.

mod keys;
mod sealing;
mod stores;

use victor_encryption::Keys;

/// Keys that always are the same for the same numbers, each of which makes one.
fn keys(numbers: &[u8]) -> Keys {
    let words: Vec<_> = numbers
        .iter()
        .map(|number| format!("{number:02x}").repeat(32))
        .collect();
    Keys::parse(&words.join(" ")).unwrap()
}
