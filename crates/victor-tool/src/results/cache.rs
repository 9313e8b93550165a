//! Results of calls that only read, to be given again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use victor_core::{Lock, Part, SessionId};

use crate::arguments::canonical;

/// Keeps results of calls that only read, until something is written.
///
/// Tools act on one world, whatever the session: a call that may change something, of any session, drops everything
/// when it begins and when it ends, and meanwhile nothing is kept or given. What a call reads while something is
/// written is not kept either, since nobody knows which of the two it has seen.
///
/// Of equal calls at the same time, one runs, and the others wait for what it brings. If that cannot be kept, they all
/// run.
#[derive(Debug, Default)]
pub(crate) struct Cache(Lock<State>);

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// The keys of the entries, oldest first.
    order: VecDeque<Key>,
    bytes: usize,
    /// The number of running calls that may change something.
    writers: usize,
    /// Another number for every stretch of time in which nothing is written.
    epoch: u64,
    /// Calls that run, in which epoch they began, and what is closed when they end.
    running: HashMap<Key, (u64, Arc<Semaphore>)>,
}

/// A call: its session, tool and arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(Arc<(SessionId, String, String)>);

#[derive(Debug)]
struct Entry {
    content: Vec<Part>,
    bytes: usize,
    until: Instant,
}

/// The answer of the cache about a call.
pub(crate) enum Cached<'a> {
    Result(Vec<Part>),
    Nothing(Claim<'a>),
}

/// The right to bring a result. While a call holds it, others with the same key may wait for it.
pub(crate) struct Claim<'a> {
    cache: &'a Cache,
    key: Key,
    epoch: u64,
    /// Closed at the end of the call; the others wait for it.
    ended: Option<Arc<Semaphore>>,
}

/// A call that may change something. Dropping it says that the call has ended.
pub(crate) struct Writing<'a>(&'a Cache);

impl Key {
    pub(crate) fn new(session: &SessionId, tool: &str, arguments: &Value) -> Self {
        let arguments = canonical(arguments.clone());
        Self(Arc::new((session.clone(), tool.to_owned(), arguments)))
    }
}

impl Cache {
    /// Looks a call up. Waits for an equal one that runs.
    pub(crate) async fn look(&self, key: Key) -> Cached<'_> {
        let running = {
            let mut state = self.0.lock();
            if let Some(content) = state.fresh(&key) {
                return Cached::Result(content);
            }
            let epoch = state.epoch;
            let running = state.running.get(&key);
            let equal = running.filter(|(began, _)| *began == epoch && state.writers == 0);
            match equal {
                Some((_, ended)) => Arc::clone(ended),
                None => {
                    let ended = Arc::new(Semaphore::new(0));
                    (state.running).insert(key.clone(), (epoch, Arc::clone(&ended)));
                    return Cached::Nothing(Claim {
                        cache: self,
                        key,
                        epoch,
                        ended: Some(ended),
                    });
                }
            }
        };
        // It never has a permit to give, and an error says that it is closed.
        let _ = running.acquire().await;
        let mut state = self.0.lock();
        match state.fresh(&key) {
            Some(content) => Cached::Result(content),
            None => Cached::Nothing(Claim {
                epoch: state.epoch,
                cache: self,
                key,
                ended: None,
            }),
        }
    }

    /// Notes that a call begins which may change something.
    pub(crate) fn writing(&self) -> Writing<'_> {
        let mut state = self.0.lock();
        state.writers += 1;
        state.clear();
        Writing(self)
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Forgets what is known of a session.
    pub(crate) fn forget(&self, session: &SessionId) {
        let mut state = self.0.lock();
        // What its calls that run have read is not kept any more.
        state.epoch += 1;
        let State {
            entries,
            order,
            bytes,
            ..
        } = &mut *state;
        order.retain(|key| key.0.0 != *session);
        entries.retain(|key, entry| {
            let stays = key.0.0 != *session;
            *bytes -= if stays { 0 } else { entry.bytes };
            stays
        });
    }
}

impl State {
    /// Forgets everything, also what is being read now.
    fn clear(&mut self) {
        self.epoch += 1;
        self.entries.clear();
        self.order.clear();
        self.bytes = 0;
    }

    fn fresh(&mut self, key: &Key) -> Option<Vec<Part>> {
        let entry = self.entries.get(key)?;
        if Instant::now() < entry.until {
            return Some(entry.content.clone());
        }
        self.remove(key);
        None
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
            self.order.retain(|kept| kept != key);
        }
    }
}

impl Claim<'_> {
    /// Keeps a result for `time`, if nothing was written since the claim, within `max_bytes` for all results.
    pub(crate) fn keep(&self, content: &[Part], time: Duration, max_bytes: usize) {
        let bytes = content.iter().map(size).sum::<usize>() + self.key.0.2.len();
        let Some(until) = Instant::now().checked_add(time) else {
            return;
        };
        let mut state = self.cache.0.lock();
        if state.epoch != self.epoch || state.writers > 0 || bytes > max_bytes {
            return;
        }
        state.remove(&self.key);
        while state.bytes + bytes > max_bytes
            && let Some(oldest) = state.order.front().cloned()
        {
            state.remove(&oldest);
        }
        let entry = Entry {
            content: content.to_vec(),
            bytes,
            until,
        };
        state.bytes += bytes;
        state.order.push_back(self.key.clone());
        state.entries.insert(self.key.clone(), entry);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let Some(ended) = &self.ended else { return };
        let mut state = self.cache.0.lock();
        let running = state.running.get(&self.key);
        if running.is_some_and(|(_, other)| Arc::ptr_eq(other, ended)) {
            state.running.remove(&self.key);
        }
        drop(state);
        ended.close();
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.writers -= 1;
        state.clear();
    }
}

fn size(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.text.len(),
        // Pictures and the like: what they take in JSON is near enough.
        part => serde_json::to_string(part).map_or(usize::MAX >> 1, |json| json.len()),
    }
}
