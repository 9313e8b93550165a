//! The memory of one session.

use std::ops::Range;
use std::sync::Arc;

use victor_core::{BoxError, Message, Role, SessionId, Timestamp, TurnId, contain};
use victor_lexical::Bm25;
use victor_session_protocol::{SessionError, SessionStore, TranscriptEntry};
use victor_tool_protocol::ToolError;

use crate::text::{pieces, text};

/// A message is indexed in pieces of so many bytes, which are also what a search shows of it.
const PASSAGE: usize = 600;

/// Somebody else gets a turn on the thread after so many indexed bytes, which take a millisecond at most.
const STRIDE: usize = 32 * 1024;

/// The transcript of a session, as far as it has been read, and its index.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    messages: Vec<Remembered>,
    passages: Vec<Passage>,
    index: Bm25,
    /// The number of bytes of text.
    text: usize,
}

/// A message of a transcript.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub(crate) at: Timestamp,
    pub(crate) turn: Option<TurnId>,
    pub(crate) message: Arc<Message>,
}

/// A piece of a message, by the message's place in the transcript and the bytes of its text. It has the number in the
/// index that it has in the list.
#[derive(Debug, Clone)]
pub(crate) struct Passage {
    pub(crate) place: usize,
    pub(crate) bytes: Range<usize>,
}

impl Memory {
    /// Reads what is new, or everything if the session has been reset meanwhile.
    ///
    /// A dropped call keeps what has been indexed until then.
    pub(crate) async fn refresh(
        &mut self,
        store: &dyn SessionStore,
        session: &SessionId,
    ) -> Result<(), ToolError> {
        // The last message that is known is read again: it is another one, or none, if the session was reset.
        let from = self.messages.len().saturating_sub(1);
        let mut entries = load(store, session, from).await?;
        if let Some(known) = self.messages.last() {
            if entries.first().map(|entry| entry.message.id()) == Some(known.message.id()) {
                entries.remove(0);
            } else {
                *self = Self::default();
                if from > 0 {
                    entries = load(store, session, 0).await?;
                }
            }
        }
        let mut since = self.text;
        for entry in entries {
            self.add(entry);
            if self.text - since >= STRIDE {
                since = self.text;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: TranscriptEntry) {
        let text = text(&entry.message);
        for bytes in pieces(&text, PASSAGE) {
            self.index.add(&text[bytes.clone()]);
            let place = self.messages.len();
            self.passages.push(Passage { place, bytes });
        }
        self.text += text.len();
        self.messages.push(Remembered {
            at: entry.at,
            turn: entry.turn,
            message: entry.message,
        });
    }

    /// All messages, in order.
    pub(crate) fn messages(&self) -> &[Remembered] {
        &self.messages
    }

    /// The best passages for a query, best first, one of each message. What the user has asked in `turn` is not among
    /// them: it is where the query is from.
    pub(crate) fn search(&self, query: &str, turn: TurnId, limit: usize) -> Vec<&Passage> {
        let mut found: Vec<&Passage> = Vec::new();
        for hit in self.index.top(query, usize::MAX) {
            let passage = &self.passages[hit.document];
            let Remembered {
                turn: of, message, ..
            } = &self.messages[passage.place];
            let asked = *of == Some(turn) && *message.role() == Role::User;
            if !asked && found.iter().all(|other| other.place != passage.place) {
                found.push(passage);
            }
            if found.len() == limit {
                break;
            }
        }
        found
    }

    /// About how many bytes it takes: the text, about as much again for the index, and what is around them.
    pub(crate) fn bytes(&self) -> usize {
        2 * self.text + 256 * self.messages.len() + 64 * self.passages.len()
    }
}

/// The entries of a session; none if there is no such session.
async fn load(
    store: &dyn SessionStore,
    session: &SessionId,
    from: usize,
) -> Result<Vec<TranscriptEntry>, ToolError> {
    let loaded = contain(store.load(session, from as u64)).await;
    let because = |error: BoxError| {
        ToolError::failed("the conversation's transcript cannot be read").with_source(error)
    };
    match loaded.map_err(|panicked| because(panicked.into()))? {
        Err(SessionError::NotFound(_)) => Ok(Vec::new()),
        loaded => loaded.map_err(|error| because(error.into())),
    }
}
