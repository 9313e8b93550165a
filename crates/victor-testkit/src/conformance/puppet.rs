//! Plug-ins that do what a suite wants at the moment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::timeout;
use victor_core::Lock;

/// The longest time that a role may wait for a plug-in that never answers.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Behaviour of a plug-in that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Works,
    /// Has nothing to say.
    Silent,
    Fails,
    Panics,
    Hangs,
    /// Answers rubbish, of one kind or another.
    Rubbish(&'static str),
}

/// The part of a plug-in that all suites share: what it does, and how many calls there were and are.
#[derive(Debug)]
pub(super) struct Puppet {
    act: Lock<Act>,
    calls: AtomicUsize,
    running: AtomicUsize,
}

impl Puppet {
    pub(super) fn new(act: Act) -> Self {
        Self {
            act: Lock::new(act),
            calls: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        }
    }

    pub(super) fn becomes(&self, act: Act) {
        *self.act.lock() = act;
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The number of calls that have begun and were neither ended nor dropped.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Makes a call that can be dropped halfway, and returns what it has to do where it ends.
    pub(super) async fn call(&self) -> Act {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(&self.running);
        let act = *self.act.lock();
        yield_now().await;
        match act {
            Act::Panics => panic!("a plug-in of the suite panics"),
            Act::Hangs => std::future::pending().await,
            act => act,
        }
    }
}

struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Awaits a call of a role, which must end whatever its plug-ins do, and not panic.
pub(super) async fn ends<F: Future>(call: F) -> F::Output {
    match timeout(PATIENCE, super::calm(call)).await {
        Ok(output) => output,
        Err(_) => panic!("law broken: every call ends: it did not within {PATIENCE:?}"),
    }
}
