//! The content of a message.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The content of a message: a text, or a list of typed parts, as Mistral sends it where a model thinks or cites.
///
/// ```
/// use victor_model_api::lenient::{Content, Piece};
///
/// let content: Content = serde_json::from_str(r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},
///     {"type":"text","text":"Hi"},{"type":"reference","reference_ids":[1]}]"#)?;
/// assert_eq!(content, Content::Pieces(vec![Piece::Thinking("hm".into()), Piece::Text("Hi".into())]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text, as nearly always.
    Text(String),
    /// The intelligible ones of a list of parts.
    Pieces(Vec<Piece>),
}

/// A typed part of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Piece {
    /// Text.
    Text(String),
    /// Thoughts.
    Thinking(String),
    /// Why the model declines to answer.
    Refusal(String),
}

/// A typed part. Only those that are named here are read, so that one that is new breaks nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    #[serde(deserialize_with = "super::text")]
    r#type: Option<String>,
    text: Option<Content>,
    thinking: Option<Content>,
    reasoning: Option<Content>,
    refusal: Option<Content>,
}

impl Content {
    /// Returns the texts of all parts, whatever they are.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (text, pieces) = match self {
            Self::Text(text) => (Some(&**text), [].iter()),
            Self::Pieces(pieces) => (None, pieces.iter()),
        };
        text.into_iter().chain(pieces.map(|piece| match piece {
            Piece::Text(text) | Piece::Thinking(text) | Piece::Refusal(text) => &**text,
        }))
    }

    /// Returns whether the model declines to answer.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        let refuses = |piece: &Piece| matches!(piece, Piece::Refusal(_));
        matches!(self, Self::Pieces(pieces) if pieces.iter().any(refuses))
    }

    /// Returns all texts in one, whatever they are.
    fn flat(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Pieces(pieces) => pieces
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) | Piece::Thinking(text) | Piece::Refusal(text) => text,
                })
                .collect(),
        }
    }
}

impl Part {
    fn piece(self) -> Option<Piece> {
        let kind = self.r#type.unwrap_or_default();
        let thinks = kind.starts_with("thinking") || kind.starts_with("reasoning");
        let thoughts = self.thinking.or(self.reasoning);
        if let Some(thoughts) = thoughts {
            Some(Piece::Thinking(thoughts.flat()))
        } else if let Some(refusal) = self.refusal {
            Some(Piece::Refusal(refusal.flat()))
        } else if thinks {
            self.text.map(|text| Piece::Thinking(text.flat()))
        } else {
            self.text.map(|text| Piece::Text(text.flat()))
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Contents;

        impl<'de> Visitor<'de> for Contents {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of parts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Content, E> {
                Ok(Content::Text(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Content, E> {
                Ok(Content::Text(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Content, E> {
                Ok(Content::Text(number.to_string()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Content, E> {
                Ok(Content::Text(value.to_string()))
            }

            fn visit_unit<E: Error>(self) -> Result<Content, E> {
                Ok(Content::Pieces(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
                let mut pieces = Vec::new();
                while let Some(content) = list.next_element::<Content>()? {
                    match content {
                        Content::Text(text) => pieces.push(Piece::Text(text)),
                        Content::Pieces(more) => pieces.extend(more),
                    }
                }
                Ok(Content::Pieces(pieces))
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Content, A::Error> {
                let part = Part::deserialize(MapAccessDeserializer::new(object))?;
                Ok(Content::Pieces(part.piece().into_iter().collect()))
            }
        }

        deserializer.deserialize_any(Contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_of_every_form_are_read() {
        let check = |json: &str, expected: Content| {
            let found: Content = serde_json::from_str(json).unwrap();
            assert_eq!(found, expected, "{json}");
        };
        let text = |text: &str| Piece::Text(text.into());
        check(r#""a\n""#, Content::Text("a\n".into()));
        check("7", Content::Text("7".into()));
        check("[]", Content::Pieces(vec![]));
        check(
            r#"["a",null,"b"]"#,
            Content::Pieces(vec![text("a"), text("b")]),
        );
        check(
            r#"{"type":"text","text":"a"}"#,
            Content::Pieces(vec![text("a")]),
        );
        check(
            r#"[{"type":"output_text","text":"a"},{"type":"image_url","image_url":{"url":"x"}},
                {"type":"refusal","refusal":"no"}]"#,
            Content::Pieces(vec![text("a"), Piece::Refusal("no".into())]),
        );
        check(
            r#"[{"type":"thinking","thinking":"a"},{"type":"reasoning","text":"b"},
                {"type":"thinking","thinking":[{"type":"text","text":"c"},
                {"type":"reference","reference_ids":[1]},"d"]}]"#,
            Content::Pieces(["a", "b", "cd"].map(|t| Piece::Thinking(t.into())).into()),
        );
    }
}
