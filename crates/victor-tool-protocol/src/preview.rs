//! Previews of calls that a person is asked about.

use serde::{Deserialize, Serialize};

/// The preview of a call, as its tool makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// The text, whole and as it is: a front end escapes characters that could deceive.
    pub text: String,
    /// A digest of all that the call would do, by which two previews are compared. The text itself is compared if
    /// absent.
    pub evidence: Option<String>,
}

impl Preview {
    /// A preview that is compared by its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            evidence: None,
        }
    }

    /// Sets the digest by which it is compared.
    #[must_use]
    pub fn with_evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = Some(evidence.into());
        self
    }
}

impl From<String> for Preview {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Preview {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// The preview that a person is shown: the whole text, or its beginning and its end with the number of characters
/// between them.
///
/// A front end shows [`omitted`](Self::omitted) where it is not zero, and then takes no answer that is given with a
/// single key. The executor has escaped hidden characters; lines are as the tool wrote them, so a front end marks each
/// of them as foreign.
///
/// It serializes as a text where it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
#[non_exhaustive]
pub struct ShownPreview {
    /// The text, or its beginning.
    pub head: String,
    /// The number of characters between beginning and end that are not here.
    pub omitted: usize,
    /// The end of the text; empty where it is whole.
    pub tail: String,
}

impl ShownPreview {
    /// The whole text if it has at most `max_chars` characters, or else three fifths of that from its beginning and
    /// the rest from its end.
    #[must_use]
    pub fn new(text: &str, max_chars: usize) -> Self {
        let place = |index: usize| {
            let place = text.char_indices().nth(index);
            place.map_or(text.len(), |(at, _)| at)
        };
        // Without counting the characters of a text that must be short enough.
        if text.len() <= max_chars || place(max_chars) == text.len() {
            return Self {
                head: text.to_owned(),
                omitted: 0,
                tail: String::new(),
            };
        }
        let total = text.chars().count();
        let tail = max_chars * 2 / 5;
        Self {
            head: text[..place(max_chars - tail)].to_owned(),
            omitted: total - max_chars,
            tail: text[place(total - tail)..].to_owned(),
        }
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.omitted == 0
    }
}

/// [`ShownPreview`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Whole(String),
    Cut {
        head: String,
        omitted: usize,
        tail: String,
    },
}

impl From<Stored> for ShownPreview {
    fn from(stored: Stored) -> Self {
        let (head, omitted, tail) = match stored {
            Stored::Whole(head) => (head, 0, String::new()),
            Stored::Cut {
                head,
                omitted,
                tail,
            } => (head, omitted, tail),
        };
        Self {
            head,
            omitted,
            tail,
        }
    }
}

impl From<ShownPreview> for Stored {
    fn from(shown: ShownPreview) -> Self {
        let ShownPreview {
            head,
            omitted,
            tail,
        } = shown;
        match omitted {
            0 => Self::Whole(head),
            _ => Self::Cut {
                head,
                omitted,
                tail,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_preview_keeps_its_end_and_counts_the_rest() {
        let shown = ShownPreview::new("äbcdefghij", 5);
        assert_eq!(
            (&*shown.head, shown.omitted, &*shown.tail),
            ("äbc", 5, "ij")
        );
        assert!(!shown.is_whole());
        for whole in ["", "äbcde"] {
            let shown = ShownPreview::new(whole, 5);
            assert_eq!((&*shown.head, shown.is_whole()), (whole, true));
        }
    }

    #[test]
    fn a_whole_preview_is_stored_as_a_text() {
        let check = |text: &str, max, expected: serde_json::Value| {
            let shown = ShownPreview::new(text, max);
            assert_eq!(serde_json::to_value(&shown).unwrap(), expected);
            assert_eq!(
                serde_json::from_value::<ShownPreview>(expected).unwrap(),
                shown
            );
        };
        check("abc", 3, json!("abc"));
        check(
            "abcdef",
            5,
            json!({ "head": "abc", "omitted": 1, "tail": "ef" }),
        );
    }
}
