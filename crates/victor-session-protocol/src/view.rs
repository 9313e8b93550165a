//! The part of a transcript that the model sees.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::wire::FormatVersion;
use victor_core::{Context, JsonMap, Message, MessageId};

use crate::{SessionInfo, SessionPatch, TranscriptEntry};

/// The part of the transcript that the model sees, as a [`ContextView`]; all of it if absent.
const VIEW: &str = "victor_context";

/// The same in the form of earlier versions: a checkpoint, which may have been pruned since.
const CHECKPOINT_VIEW: &str = "victor_context_base";

/// The part of the first entries of a transcript that the model sees. It sees all later entries as well.
///
/// It names the entries and holds only messages that are not among them, such as notes of a compaction. So it depends
/// on nothing but its session, is written with it in one step, and is exported with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextView {
    #[serde(default)]
    version: FormatVersion<1>,
    /// Number of entries that it covers.
    entries: usize,
    /// The message of the last of them, which identifies the transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<MessageId>,
    pieces: Vec<Piece>,
    /// The metadata of the context.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    metadata: JsonMap,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Piece {
    /// The entries `from..to`.
    Entries { from: usize, to: usize },
    /// A message that is not in the transcript.
    Message { message: Arc<Message> },
}

impl ContextView {
    /// Describes a context by the entries of its transcript.
    #[must_use]
    pub fn of(context: &Context, transcript: &[TranscriptEntry]) -> Self {
        let numbers: HashMap<MessageId, usize> =
            (transcript.iter().map(|entry| entry.message.id()))
                .zip(0..)
                .collect();
        let mut pieces = Vec::new();
        for message in context.messages() {
            let number = numbers.get(&message.id()).copied();
            // A compaction may have shortened a message and kept its identifier.
            let number = number.filter(|number| {
                let entry = &transcript[*number].message;
                Arc::ptr_eq(entry, message) || entry == message
            });
            match (number, pieces.last_mut()) {
                (Some(number), Some(Piece::Entries { to, .. })) if *to == number => *to += 1,
                (Some(from), _) => pieces.push(Piece::Entries { from, to: from + 1 }),
                (None, _) => pieces.push(Piece::Message {
                    message: message.clone(),
                }),
            }
        }
        Self {
            version: FormatVersion,
            entries: transcript.len(),
            last: transcript.last().map(|entry| entry.message.id()),
            pieces,
            metadata: context.metadata().clone(),
        }
    }

    /// Returns the context for a transcript that may have grown since; `None` if it is another transcript.
    #[must_use]
    pub fn context(&self, transcript: &[TranscriptEntry]) -> Option<Context> {
        let (covered, later) = transcript.split_at_checked(self.entries)?;
        if covered.last().map(|entry| entry.message.id()) != self.last {
            return None;
        }
        let mut context = Context::default();
        for (key, value) in &self.metadata {
            context.set_metadata(key, value.clone());
        }
        for piece in &self.pieces {
            match piece {
                Piece::Entries { from, to } => {
                    let entries = covered.get(*from..*to)?;
                    entries
                        .iter()
                        .for_each(|entry| context.push(entry.message.clone()));
                }
                Piece::Message { message } => context.push(message.clone()),
            }
        }
        later
            .iter()
            .for_each(|entry| context.push(entry.message.clone()));
        Some(context)
    }

    /// Whether the model sees all entries and nothing else.
    fn is_whole(&self) -> bool {
        let all = match self.pieces[..] {
            [] => self.entries == 0,
            [Piece::Entries { from: 0, to }] => to == self.entries,
            _ => false,
        };
        all && self.metadata.is_empty()
    }
}

/// The view that a session keeps in its metadata.
#[derive(Debug, Clone, Copy)]
pub enum StoredView<'a> {
    /// A [`ContextView`], as JSON.
    View(&'a Value),
    /// The form of earlier versions: `checkpoint`, whose context the model sees, and `entries`, the number of the
    /// transcript's first entry that it sees as well.
    Checkpoint(&'a Value),
}

impl<'a> StoredView<'a> {
    /// Returns the view of a session; `None` if the model sees its whole transcript.
    #[must_use]
    pub fn of(info: &'a SessionInfo) -> Option<Self> {
        let view = info.metadata.get(VIEW).map(Self::View);
        view.or_else(|| info.metadata.get(CHECKPOINT_VIEW).map(Self::Checkpoint))
    }
}

/// Changes of what the model sees of a session.
impl SessionPatch {
    /// The change after which the model sees this context of a transcript.
    #[must_use]
    pub fn viewing(context: &Context, transcript: &[TranscriptEntry]) -> Self {
        let view = ContextView::of(context, transcript);
        let mut patch = Self::viewing_all();
        if !view.is_whole()
            && let Ok(value) = serde_json::to_value(view)
        {
            patch.metadata.insert(VIEW.into(), value);
        }
        patch
    }

    /// The change after which the model sees the whole transcript.
    #[must_use]
    pub fn viewing_all() -> Self {
        Self::default()
            .with_metadata(VIEW, Value::Null)
            .with_metadata(CHECKPOINT_VIEW, Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn transcript(len: u128) -> Vec<TranscriptEntry> {
        let message = |number| {
            let id = MessageId::from_u128(number);
            Message::with_id(id, "user".into(), Vec::new())
        };
        (0..len)
            .map(|number| TranscriptEntry::new(None, message(number)))
            .collect()
    }

    /// The model sees these entries of ten. After storing and reading, it sees them and three more.
    #[track_caller]
    fn check(seen: &[usize], pieces: &Value) {
        let (ten, thirteen) = (transcript(10), transcript(13));
        let of = |numbers: &mut dyn Iterator<Item = usize>| {
            Context::from_iter(numbers.map(|number| thirteen[number].message.clone()))
        };
        let view = ContextView::of(&of(&mut seen.iter().copied()), &ten);
        let stored = serde_json::to_value(&view).unwrap();
        assert_eq!(&stored["pieces"], pieces);
        let read: ContextView = serde_json::from_value(stored).unwrap();
        let expected = of(&mut seen.iter().copied().chain(10..13));
        assert_eq!(read.context(&thirteen), Some(expected));
        assert_eq!(read.context(&ten[..9]), None, "of a shorter one");
        assert_eq!(
            read.context(&thirteen[1..]),
            None,
            "of another of that length"
        );
    }

    #[test]
    fn entries_are_named_and_not_repeated() {
        check(&[], &json!([]));
        check(
            &[0, 1, 2, 7, 8],
            &json!([{ "from": 0, "to": 3 }, { "from": 7, "to": 9 }]),
        );
        check(
            &[5, 4, 9],
            &json!([{ "from": 5, "to": 6 }, { "from": 4, "to": 5 }, { "from": 9, "to": 10 }]),
        );
    }

    #[test]
    fn what_is_no_entry_is_held() {
        let ten = transcript(10);
        let shortened = Message::with_id(
            ten[3].message.id(),
            "user".into(),
            vec![victor_core::Part::text("…")],
        );
        let mut context = Context::default();
        context.push(ten[0].message.clone());
        context.push(Message::note("left out"));
        context.push(shortened);
        context.set_metadata("task", "review");
        let patch = SessionPatch::viewing(&context, &ten);
        let read: ContextView = serde_json::from_value(patch.metadata[VIEW].clone()).unwrap();
        assert_eq!(read.context(&ten), Some(context));
    }

    #[test]
    fn a_whole_transcript_needs_no_view() {
        for len in [0, 10] {
            let entries = transcript(len);
            let context = Context::from_iter(entries.iter().map(|entry| entry.message.clone()));
            assert_eq!(
                SessionPatch::viewing(&context, &entries),
                SessionPatch::viewing_all()
            );
        }
    }
}
