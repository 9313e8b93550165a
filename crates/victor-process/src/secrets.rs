//! The secrets that a program knows.

use std::cmp::Reverse;
use std::fmt;

/// The least length of a secret in bytes: shorter values are parts of ordinary words.
const MIN: usize = 6;

/// The secrets that a program knows, to be taken out of what others say. Its `Debug` tells only how many they are.
///
/// ```
/// use victor_process::Secrets;
///
/// let secrets = Secrets::from_iter(["hunter2", "hunter2-long"]);
/// assert_eq!(secrets.redact("it is hunter2-long"), "it is ***");
/// assert!(secrets.are_in("{\"api\":\"hunter2\"}"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Whether a text has one of them in it.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(&**secret))
    }

    /// A text with `***` in their place.
    #[must_use]
    pub fn redact(&self, text: impl Into<String>) -> String {
        let hide = |text: String, secret: &String| match text.contains(&**secret) {
            true => text.replace(&**secret, "***"),
            false => text,
        };
        self.0.iter().fold(text.into(), hide)
    }

    /// Returns the number of leading bytes of a text that are the end of a secret cut off before it.
    #[must_use]
    pub fn end_of_secret(&self, text: &str) -> usize {
        let end = |secret: &String| {
            let mut cuts = (1..secret.len()).filter(|cut| secret.is_char_boundary(*cut));
            let cut = cuts.find(|cut| text.starts_with(&secret[*cut..]))?;
            Some(secret.len() - cut)
        };
        self.0.iter().filter_map(end).max().unwrap_or(0)
    }

    /// Each of them, the longest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> Extend<S> for Secrets {
    /// Adds secrets. What has fewer than 6 bytes is left out, since it is part of many a word.
    fn extend<I: IntoIterator<Item = S>>(&mut self, secrets: I) {
        let secrets = secrets.into_iter().map(Into::into);
        self.0.extend(secrets.filter(|secret| secret.len() >= MIN));
        // A shorter one may be a part of a longer one.
        self.0
            .sort_by(|one, other| (Reverse(one.len()), one).cmp(&(Reverse(other.len()), other)));
        self.0.dedup();
    }
}

impl<S: Into<String>> FromIterator<S> for Secrets {
    fn from_iter<I: IntoIterator<Item = S>>(secrets: I) -> Self {
        let mut all = Self::default();
        all.extend(secrets);
        all
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_goes_first_and_short_ones_are_none() {
        let secrets = Secrets::from_iter(["abcdef", "abcdefgh", "abc", "", "abcdef"]);
        assert_eq!(Vec::from_iter(secrets.iter()), ["abcdefgh", "abcdef"]);
        assert_eq!(secrets.redact("abc abcdef abcdefgh"), "abc *** ***");
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
    }

    #[test]
    fn the_end_of_a_torn_secret_is_known() {
        let secrets = Secrets::from_iter(["geheim-ä-123"]);
        assert_eq!(secrets.end_of_secret("123 and more"), 3);
        assert_eq!(secrets.end_of_secret("ä-123"), "ä-123".len());
        assert_eq!(secrets.end_of_secret("other"), 0);
    }
}
