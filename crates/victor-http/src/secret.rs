//! A text that is not shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A key, a token or a password. It prints as dots, and its memory is wiped when it is dropped.
///
/// ```
/// use victor_http::Secret;
///
/// let key = Secret::from("sk-123");
/// assert_eq!(format!("{key:?}"), "\"...\"");
/// assert_eq!(key.expose(), "sk-123");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Returns the text itself, for the place where it is used.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Replaces the secret, where it stands in `text`, by `[redacted]`. A secret of less than 8 characters is left as
    /// it is: it might be part of any word.
    pub fn redact(&self, text: &mut String) {
        let secret = self.expose().trim();
        if secret.len() >= 8 && text.contains(secret) {
            *text = text.replace(secret, "[redacted]");
        }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"...\"")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn secrets_are_taken_out_of_texts() {
        let check = |secret: &str, text: &str, expected: &str| {
            let mut text = text.to_owned();
            Secret::from(secret).redact(&mut text);
            assert_eq!(text, expected);
        };
        check("sk-12345", "bad key sk-12345", "bad key [redacted]");
        check(
            " sk-12345\n",
            "sk-12345, sk-12345",
            "[redacted], [redacted]",
        );
        check("key", "bad key", "bad key");
        check("sk-12345", "bad key", "bad key");
    }
}
