//! The memories of the sessions that were used last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;
use victor_core::SessionId;

use crate::RecallOptions;
use crate::memory::Memory;

/// A memory that is shared by the calls of one session. Who holds the lock reads what is new for all who wait.
pub(crate) type Shared = Arc<AsyncMutex<Memory>>;

/// The memories of the sessions that were used last, the most recent at the end.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    session: SessionId,
    memory: Shared,
    bytes: usize,
}

impl Cache {
    /// The memory of a session, which is empty if none was kept.
    pub(crate) fn take(&self, session: &SessionId, options: &RecallOptions) -> Shared {
        let mut kept = self.kept();
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
        let mut kept = self.kept();
        let found = kept
            .iter_mut()
            .find(|kept| Arc::ptr_eq(&kept.memory, memory));
        if let Some(found) = found {
            found.bytes = bytes;
            shrink(&mut kept, options);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        // Nothing that is done under the lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
