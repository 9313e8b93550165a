//! The memories of the sessions that were used last.

use std::sync::Arc;

use tokio::sync::Mutex;
use victor_core::{Lock, SessionId};

use crate::RecallOptions;
use crate::memory::Memory;

/// A memory that is shared by the calls of one session. Who holds the lock reads what is new for all who wait.
pub(crate) type Shared = Arc<Mutex<Memory>>;

/// The memories of the sessions that were used last, the most recent at the end.
#[derive(Debug, Default)]
pub(crate) struct Cache(Lock<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    session: SessionId,
    memory: Shared,
    bytes: usize,
}

impl Cache {
    /// The memory of a session, which is empty if none was kept.
    pub(crate) fn take(&self, session: &SessionId, options: &RecallOptions) -> Shared {
        let mut kept = self.0.lock();
        let found = kept.iter().position(|kept| kept.session == *session);
        let found = match found {
            Some(place) => kept.remove(place),
            None => Kept {
                session: session.clone(),
                memory: Shared::default(),
                bytes: 0,
            },
        };
        let memory = found.memory.clone();
        kept.push(found);
        shrink(&mut kept, options);
        memory
    }

    /// Notes how large a memory has become.
    pub(crate) fn grown(&self, memory: &Shared, bytes: usize, options: &RecallOptions) {
        let mut kept = self.0.lock();
        let found = kept
            .iter_mut()
            .find(|kept| Arc::ptr_eq(&kept.memory, memory));
        if let Some(found) = found {
            found.bytes = bytes;
            shrink(&mut kept, options);
        }
    }
}

/// Drops what was not used for longest until the rest is within the limits.
fn shrink(kept: &mut Vec<Kept>, options: &RecallOptions) {
    let mut bytes: usize = kept.iter().map(|kept| kept.bytes).sum();
    let mut sessions = kept.len();
    kept.retain(|oldest| {
        let fits = sessions <= options.max_sessions && bytes <= options.max_bytes;
        if !fits {
            sessions -= 1;
            bytes -= oldest.bytes;
        }
        fits
    });
}
