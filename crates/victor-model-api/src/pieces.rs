//! Fields that come in pieces.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::RawFields;

/// The fields of an object that comes in pieces, as streams of chunks bring the fields of a message.
///
/// What comes in one piece stays as it is, byte for byte. Where more pieces of a field come, the fields of objects are
/// taken one by one, and the items of lists find their predecessor by `index`, `type` and `id`, or, without an index,
/// continue the last item of their type. Fields that hold texts by their name, as `text` and `summary`, grow; all
/// others are replaced, since servers repeat names and send seals whole. It is what [OpenRouter] and others document
/// for `reasoning_details`.
///
/// ```
/// use victor_model_api::{Pieces, RawFields};
///
/// let mut pieces = Pieces::default();
/// for chunk in [
///     r#"{"reasoning_details":[{"type":"reasoning.text","index":0,"text":"Let me"}]}"#,
///     r#"{"reasoning_details":[{"type":"reasoning.text","index":0,"text":" see.","signature":"s=="}]}"#,
/// ] {
///     pieces.take(RawFields::parse(chunk)?.iter());
/// }
/// assert_eq!(
///     pieces.to_json().as_deref(),
///     Some(r#"{"reasoning_details":[{"type":"reasoning.text","index":0,"text":"Let me see.","signature":"s=="}]}"#),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// [OpenRouter]: https://openrouter.ai/docs/guides/best-practices/reasoning-tokens
#[derive(Debug, Clone, Default)]
pub struct Pieces(Vec<(String, Piece)>);

#[derive(Debug, Clone)]
enum Piece {
    /// A value that has come in one piece.
    Raw(Box<RawValue>),
    Text(String),
    Object(Pieces),
    List(Vec<Piece>),
}

/// The fields whose texts are appended.
const GROWING: [&str; 5] = ["content", "reasoning", "summary", "text", "thinking"];

impl Pieces {
    /// Whether nothing has come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the fields of a piece. Those that are null bring nothing.
    pub fn take<'a>(&mut self, fields: impl Iterator<Item = (&'a str, &'a RawValue)>) {
        for (name, value) in fields.filter(|(_, value)| value.get() != "null") {
            match self.0.iter_mut().find(|(known, _)| known == name) {
                Some((_, piece)) => piece.take(name, value),
                None => self.0.push((name.to_owned(), Piece::Raw(value.to_owned()))),
            }
        }
    }

    /// Returns the fields as the text of an object; none if nothing has come.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        (!self.is_empty()).then(|| serde_json::to_string(self).ok())?
    }

    /// Returns the fields one by one, each value as JSON text. Those that are empty say nothing and are left out.
    pub fn values(&self) -> impl Iterator<Item = (&str, String)> {
        let written = self.0.iter().filter_map(|(name, piece)| {
            let json = serde_json::to_string(piece).ok()?;
            Some((name.as_str(), json))
        });
        written.filter(|(_, json)| !matches!(&**json, "[]" | "{}" | "\"\""))
    }

    fn get(&self, name: &str) -> Option<String> {
        let (_, piece) = self.0.iter().find(|(known, _)| known == name)?;
        serde_json::to_string(piece).ok()
    }
}

impl Piece {
    fn take(&mut self, name: &str, value: &RawValue) {
        self.open();
        match self {
            Self::Text(text) if GROWING.contains(&name) => {
                if let Ok(more) = serde_json::from_str::<String>(value.get()) {
                    return text.push_str(&more);
                }
            }
            Self::Object(pieces) => {
                if let Ok(fields) = RawFields::parse(value.get()) {
                    return pieces.take(fields.iter());
                }
            }
            Self::List(items) => {
                if let Ok(more) = serde_json::from_str::<Vec<&RawValue>>(value.get()) {
                    return extend(items, &more);
                }
            }
            _ => {}
        }
        *self = Self::Raw(value.to_owned());
    }

    /// Looks into what came in one piece.
    fn open(&mut self) {
        let Self::Raw(raw) = self else { return };
        let raw = raw.get();
        let opened = match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw).map(Self::Text),
            Some(b'{') => RawFields::parse(raw).map(|fields| {
                let mut pieces = Pieces::default();
                pieces.take(fields.iter());
                Self::Object(pieces)
            }),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(raw).map(|items| {
                Self::List(
                    items
                        .into_iter()
                        .map(|raw| Self::Raw(raw.to_owned()))
                        .collect(),
                )
            }),
            _ => return,
        };
        if let Ok(opened) = opened {
            *self = opened;
        }
    }

    /// Whether an object of a list goes on in another.
    fn goes_on_in(&self, next: &RawFields<'_>, is_last: bool) -> bool {
        let field = |name: &str| match self {
            Self::Object(pieces) => pieces.get(name),
            Self::Raw(raw) => {
                let fields = RawFields::parse(raw.get()).ok()?;
                fields.get(name).map(|value| value.get().to_owned())
            }
            Self::Text(_) | Self::List(_) => None,
        };
        let next = |name: &str| next.get(name).map(|value| value.get().to_owned());
        let (index, id) = (next("index"), next("id"));
        let is_placed = match &index {
            Some(_) => field("index") == index,
            None => is_last && next("type").is_some() && field("index").is_none(),
        };
        let is_same = || field("type") == next("type");
        let of_one_name = || id.is_none() || field("id").is_none_or(|own| Some(own) == id);
        is_placed && is_same() && of_one_name()
    }
}

/// Adds the items of a list to those that came before it.
fn extend(items: &mut Vec<Piece>, more: &[&RawValue]) {
    let known = items.len();
    for raw in more {
        let next = RawFields::parse(raw.get()).ok();
        let found = next.and_then(|next| {
            let place =
                (0..known).rfind(|place| items[*place].goes_on_in(&next, place + 1 == known))?;
            Some((place, next))
        });
        match found {
            Some((place, next)) => {
                items[place].open();
                if let Piece::Object(pieces) = &mut items[place] {
                    pieces.take(next.iter());
                }
            }
            None => items.push(Piece::Raw((*raw).to_owned())),
        }
    }
}

impl Serialize for Pieces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, piece)| (name, piece)))
    }
}

impl Serialize for Piece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw(raw) => raw.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Object(pieces) => pieces.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&str], expected: &str) {
        let mut whole = Pieces::default();
        for piece in pieces {
            whole.take(RawFields::parse(piece).unwrap().iter());
        }
        assert_eq!(whole.to_json().unwrap_or_default(), expected);
    }

    #[test]
    fn one_piece_stays_as_it_came() {
        check(&[], "");
        check(&[r#"{"a":null}"#], "");
        check(
            &[
                r#"{"a":{ "y": 1.0, "x":[ ] }}"#,
                r#"{"a":null,"b":"\ud83d"}"#,
            ],
            r#"{"a":{ "y": 1.0, "x":[ ] },"b":"\ud83d"}"#,
        );
    }

    #[test]
    fn texts_grow_and_everything_else_is_replaced() {
        check(&[r#"{"text":"x"}"#, r#"{"text":"x"}"#], r#"{"text":"xx"}"#);
        check(&[r#"{"id":"x"}"#, r#"{"id":"y"}"#], r#"{"id":"y"}"#);
        check(&[r#"{"a":1}"#, r#"{"a":2.0}"#], r#"{"a":2.0}"#);
        check(
            &[r#"{"a":"x"}"#, r#"{"a":[1]}"#, r#"{"a":[2]}"#],
            r#"{"a":[1,2]}"#,
        );
        check(
            &[r#"{"text":"\ud83d"}"#, r#"{"text":"x"}"#],
            r#"{"text":"x"}"#,
        );
    }

    #[test]
    fn objects_are_taken_field_by_field() {
        check(
            &[
                r#"{"extra_content":{"google":{"thought_signature":"a=="}}}"#,
                r#"{"extra_content":{"google":{"thought_signature":"a==","thought":true}}}"#,
            ],
            r#"{"extra_content":{"google":{"thought_signature":"a==","thought":true}}}"#,
        );
    }

    #[test]
    fn items_of_lists_find_their_predecessor() {
        let text =
            |index: &str, text: &str| format!(r#"{{"l":[{{"type":"t",{index}"text":"{text}"}}]}}"#);
        let at = |index, words| text(&format!(r#""index":{index},"#), words);
        check(
            &[&at(0, "a"), &at(1, "b"), &at(0, "c")],
            r#"{"l":[{"type":"t","index":0,"text":"ac"},{"type":"t","index":1,"text":"b"}]}"#,
        );
        check(
            &[&text("", "a"), &text("", "b")],
            r#"{"l":[{"type":"t","text":"ab"}]}"#,
        );
        // What is sealed has the index of what it seals, and is something else.
        let sealed =
            |id: &str| format!(r#"{{"l":[{{"type":"e","index":0,"id":"{id}","data":"d"}}]}}"#);
        check(
            &[&at(0, "a"), &sealed("1"), &sealed("1"), &sealed("2")],
            concat!(
                r#"{"l":[{"type":"t","index":0,"text":"a"},{"type":"e","index":0,"id":"1","data":"d"},"#,
                r#"{"type":"e","index":0,"id":"2","data":"d"}]}"#
            ),
        );
    }

    #[test]
    fn items_of_one_piece_are_never_merged() {
        let two = r#"{"l":[{"type":"t","text":"a"},{"type":"t","text":"b"}]}"#;
        check(&[two], two);
        check(&[r#"{"l":[]}"#, two], two);
    }
}
