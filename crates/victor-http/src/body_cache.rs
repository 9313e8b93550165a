//! The beginnings of requests, kept from one request of a session to the next.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use serde::Serialize;
use victor_core::{Lock, Message, Messages, SessionId};

use crate::HttpBody;

/// Keeps, for each session, what was written of its conversation, so that the next request writes only what is new.
///
/// A conversation grows at its end, and a request to a model sends all of it every time. The bytes of a request are the
/// beginning of those of the next, so they are kept in pieces, and the next request sends the same pieces and a new
/// one. Whether a conversation has grown out of the one that was written is seen by the messages, which are shared;
/// after a compaction it is written anew.
///
/// By default, at most 32 MiB are kept of all sessions together, those that asked last, and conversations of less than
/// 16 KiB are not kept. `S` is what an adapter must remember of the messages that it has written, to go on behind them.
///
/// ```
/// use victor_core::{Message, Messages};
/// use victor_http::body_cache::{BodyCache, JSON_TAIL, json_items, stable_prefix_len};
///
/// let cache = BodyCache::<()>::default();
/// let session = "s1".into();
/// let messages: Messages = [Message::user("Hello"), Message::assistant("Hi")].into_iter().collect();
/// let texts = |from, to| {
///     let messages = messages.iter().skip(from).take(to - from);
///     json_items(&messages.map(|message| message.text()).collect::<Vec<_>>())
/// };
///
/// let settled = stable_prefix_len(&messages, |message| Some(message.role()));
/// let mut written = cache.take(Some(&session), 0, &messages, settled);
/// written.add(texts(written.count(), settled)?, settled);
/// let tail = [texts(settled, messages.len())?, JSON_TAIL.to_vec()].concat();
/// let body = written.body(b"{\"messages\":[".to_vec(), tail);
/// cache.put(Some(&session), written);
///
/// assert_eq!(body.to_bytes(), r#"{"messages":["Hello","Hi"]}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct BodyCache<S> {
    kept: Lock<Kept<S>>,
    smallest: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Kept<S> {
    sessions: HashMap<SessionId, (u64, EncodedPrefix<S>)>,
    /// The sessions by when they last asked, in ticks of `clock`.
    by_use: BTreeMap<u64, SessionId>,
    clock: u64,
    bytes: usize,
}

/// The beginning of a conversation as it was encoded. Made by [`BodyCache::take`].
#[derive(Debug, Default)]
pub struct EncodedPrefix<S> {
    /// State that the adapter needs to continue behind it.
    pub state: S,
    messages: Messages,
    count: usize,
    variant: u64,
    pieces: Vec<Bytes>,
    bytes: usize,
}

impl<S: Default> BodyCache<S> {
    /// A cache that keeps conversations of at least `smallest` bytes, and at most `capacity` bytes in all.
    #[must_use]
    pub fn new(smallest: usize, capacity: usize) -> Self {
        Self {
            kept: Lock::default(),
            smallest,
            capacity,
        }
    }

    /// Takes what is kept of the beginning of a conversation: at most its [`stable_prefix_len`] messages, and nothing
    /// of a conversation that was not encoded before. A request of another `variant` is encoded in another way. The
    /// prefix is gone until it is [put](Self::put) back.
    #[must_use]
    pub fn take(
        &self,
        session: Option<&SessionId>,
        variant: u64,
        messages: &Messages,
        settled: usize,
    ) -> EncodedPrefix<S> {
        let kept = session.and_then(|session| self.kept.lock().remove(session));
        let is_beginning = |kept: &EncodedPrefix<S>| {
            kept.variant == variant
                && kept.count <= settled
                && messages.shares_first(kept.count, &kept.messages)
        };
        let mut written = kept.filter(is_beginning).unwrap_or_default();
        written.variant = variant;
        written.messages.clone_from(messages);
        written
    }

    /// Keeps what was written until the session's next request.
    pub fn put(&self, session: Option<&SessionId>, written: EncodedPrefix<S>) {
        if let Some(session) = session
            && (self.smallest..=self.capacity).contains(&written.bytes)
        {
            self.kept
                .lock()
                .insert(session.clone(), written, self.capacity);
        }
    }
}

impl<S: Default> Default for BodyCache<S> {
    fn default() -> Self {
        Self::new(16 << 10, 32 << 20)
    }
}

impl<S> Default for Kept<S> {
    fn default() -> Self {
        Self {
            sessions: HashMap::new(),
            by_use: BTreeMap::new(),
            clock: 0,
            bytes: 0,
        }
    }
}

impl<S> Kept<S> {
    fn remove(&mut self, session: &SessionId) -> Option<EncodedPrefix<S>> {
        let (used, written) = self.sessions.remove(session)?;
        self.by_use.remove(&used);
        self.bytes -= written.bytes;
        Some(written)
    }

    fn insert(&mut self, session: SessionId, written: EncodedPrefix<S>, capacity: usize) {
        self.remove(&session);
        self.clock += 1;
        self.bytes += written.bytes;
        self.by_use.insert(self.clock, session.clone());
        self.sessions.insert(session, (self.clock, written));
        while self.bytes > capacity
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.remove(&oldest);
        }
    }
}

impl<S> EncodedPrefix<S> {
    /// Returns the number of encoded messages, from the first on.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds [`json_items`] that will be the same in every request to come, after which the first `count` messages are
    /// written.
    pub fn add(&mut self, items: Vec<u8>, count: usize) {
        self.count = count;
        if items.is_empty() {
            return;
        }
        self.bytes += items.len();
        self.pieces.push(items.into());
        // Each piece stays twice as large as the next, so that there are few, and a byte is seldom copied.
        while let [.., large, small] = &self.pieces[..]
            && large.len() < 2 * small.len()
        {
            let joined = [&large[..], &small[..]].concat();
            self.pieces.truncate(self.pieces.len() - 2);
            self.pieces.push(joined.into());
        }
    }

    /// A request: its `head` up to the items that it has itself of the list of messages, or to the bracket that opens
    /// that list; what has been written; and its `tail`, which begins with further [`json_items`] and ends the request.
    #[must_use]
    pub fn body(&self, head: Vec<u8>, tail: Vec<u8>) -> HttpBody {
        let is_first = head.last() == Some(&b'[');
        let mut pieces = vec![Bytes::from(head)];
        pieces.extend(self.pieces.iter().cloned());
        pieces.push(tail.into());
        if is_first && pieces[1].first() == Some(&b',') {
            pieces[1] = pieces[1].slice(1..);
        }
        pieces.into_iter().collect()
    }
}

/// Returns the number of messages that are encoded in the same way whatever follows them. These are the messages before
/// the last change of sides: later ones may still be joined with what follows. A message that may be left out, so that
/// its neighbours meet, is of no side.
#[must_use]
pub fn stable_prefix_len<'a, S: PartialEq>(
    messages: &'a Messages,
    side: impl Fn(&'a Message) -> Option<S>,
) -> usize {
    let mut later = None;
    for (index, message) in messages.iter().enumerate().rev() {
        let this = side(message);
        if this.is_some() && later.is_some() && this != later {
            return index + 1;
        }
        later = this;
    }
    0
}

/// The elements of a list as JSON, each behind a comma, to be put into a list that is being written.
///
/// # Errors
///
/// One of them cannot be written as JSON.
pub fn json_items(list: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = serde_json::to_vec(list)?;
    json.pop();
    if json.len() < 2 {
        return Ok(Vec::new());
    }
    json[0] = b',';
    Ok(json)
}

/// The head of a request whose list of messages comes last: what is written of it without messages, less its end.
///
/// # Errors
///
/// It cannot be written as JSON.
pub fn open_json(request: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = serde_json::to_vec(request)?;
    json.truncate(json.len() - JSON_TAIL.len());
    Ok(json)
}

/// The end of a request whose list of messages comes last.
pub const JSON_TAIL: &[u8] = b"]}";

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the conversation of a session as a list of texts, all but the last for good, and says from where on.
    fn write(cache: &BodyCache<()>, session: &str, messages: &Messages, variant: u64) -> usize {
        let texts = |from, to| {
            let texts = messages.iter().skip(from).take(to - from);
            json_items(&texts.map(|message| message.text()).collect::<Vec<_>>()).unwrap()
        };
        let session = SessionId::from(session);
        let open = messages.len() - 1;
        let mut written = cache.take(Some(&session), variant, messages, open);
        let from = written.count();
        written.add(texts(from, open), open);
        let tail = [texts(open, messages.len()), JSON_TAIL.to_vec()].concat();
        let body = written.body(b"{\"m\":[".to_vec(), tail);
        cache.put(Some(&session), written);
        let all: Vec<_> = messages.iter().map(|message| message.text()).collect();
        let expected = serde_json::json!({ "m": all }).to_string();
        assert_eq!(body.to_bytes(), expected.as_bytes());
        assert_eq!(body.len(), expected.len());
        from
    }

    fn long(count: usize) -> Messages {
        let text = "x".repeat(1_000);
        (0..count).map(|_| Message::user(text.clone())).collect()
    }

    #[test]
    fn what_is_written_is_not_written_again() {
        let cache = BodyCache::default();
        let mut messages = long(20);
        assert_eq!(write(&cache, "a", &messages, 0), 0);
        for n in 20..300 {
            messages.push(Message::user("more"));
            assert_eq!(write(&cache, "a", &messages, 0), n - 1);
        }
        let kept = cache.take(Some(&"a".into()), 0, &messages, messages.len());
        assert!(kept.pieces.len() < 10, "{} pieces", kept.pieces.len());
    }

    #[test]
    fn another_conversation_is_written_anew() {
        let cache = BodyCache::default();
        let messages = long(20);
        write(&cache, "a", &messages, 0);
        assert_eq!(write(&cache, "b", &messages, 0), 0, "of another session");
        assert_eq!(write(&cache, "a", &messages, 1), 0, "of another variant");
        assert_eq!(write(&cache, "a", &messages, 1), 19);
        let compacted: Messages = messages.iter().skip(2).cloned().collect();
        assert_eq!(write(&cache, "a", &compacted, 1), 0, "after a compaction");
        let shorter: Messages = compacted.iter().take(17).cloned().collect();
        assert_eq!(write(&cache, "a", &shorter, 1), 0, "after a step back");
        let alike: Messages = compacted
            .iter()
            .map(|message| Message::clone(message))
            .collect();
        assert_eq!(write(&cache, "a", &alike, 1), 0, "of others that are alike");
    }

    #[test]
    fn what_is_small_or_too_much_is_not_kept() {
        let cache = BodyCache::default();
        let messages = long(10);
        write(&cache, "a", &messages, 0);
        assert_eq!(write(&cache, "a", &messages, 0), 0);
        let megabytes: Messages = (0..3).map(|_| Message::user("x".repeat(5 << 20))).collect();
        for session in ["a", "b", "c", "d"] {
            assert_eq!(write(&cache, session, &megabytes, 0), 0);
        }
        assert_eq!(
            write(&cache, "a", &megabytes, 0),
            0,
            "the first was given up"
        );
        assert_eq!(write(&cache, "d", &megabytes, 0), 2);
        assert!(cache.kept.lock().bytes <= cache.capacity);
    }

    #[test]
    fn what_is_before_the_last_change_of_sides_is_settled() {
        let check = |roles: &str, expected: usize| {
            let messages: Messages = roles.chars().map(Message::user).collect();
            let side =
                |message: &Message| Some(message.text().into_owned()).filter(|side| side != "-");
            assert_eq!(stable_prefix_len(&messages, side), expected, "{roles}");
        };
        check("", 0);
        check("u", 0);
        check("uau", 2);
        check("uaa", 1);
        check("ua-", 1);
        check("ua-u", 1);
        check("uau-a", 2);
        check("uu-u", 0);
        check("--", 0);
    }

    #[test]
    fn items_are_behind_commas() {
        assert_eq!(json_items(&[1, 2]).unwrap(), b",1,2");
        assert_eq!(json_items(&[0; 0]).unwrap(), b"");
        let body =
            |head: &str, tail: &str| EncodedPrefix::<()>::default().body(head.into(), tail.into());
        assert_eq!(body("[", ",1]").to_bytes(), "[1]");
        assert_eq!(body("[0", ",1]").to_bytes(), "[0,1]");
        assert_eq!(body("[", "]").to_bytes(), "[]");
    }
}
