//! Plug-ins that do what a test wants at the moment.

use std::sync::atomic::{AtomicUsize, Ordering};

use victor_core::Lock;

/// The part that all plug-ins of tests share: what one does when it is called, and the numbers of calls. `A` is the
/// act, such as an enum of answers, failures, panics and hangs.
///
/// ```
/// use victor_testkit::Puppet;
///
/// let puppet = Puppet::new("answers");
/// let call = puppet.begin();
/// assert_eq!((call.act, puppet.calls(), puppet.running()), ("answers", 1, 1));
/// drop(call);
/// puppet.becomes("fails");
/// let act = puppet.begin().act;
/// assert_eq!((act, puppet.running()), ("fails", 0));
/// ```
#[derive(Debug, Default)]
pub struct Puppet<A> {
    act: Lock<A>,
    calls: AtomicUsize,
    running: AtomicUsize,
}

/// A call of a [`Puppet`], which runs until this is dropped.
#[derive(Debug)]
pub struct PuppetCall<'a, A> {
    /// The act, as it was when the call began.
    pub act: A,
    running: &'a AtomicUsize,
}

impl<A: Clone> Puppet<A> {
    /// Makes a puppet that does this when it is called.
    pub fn new(act: A) -> Self {
        Self {
            act: Lock::new(act),
            calls: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        }
    }

    /// Sets what it does from the next call on.
    pub fn becomes(&self, act: A) {
        *self.act.lock() = act;
    }

    /// Begins a call.
    #[must_use = "the call has ended when this is dropped"]
    pub fn begin(&self) -> PuppetCall<'_, A> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        PuppetCall {
            act: self.act.lock().clone(),
            running: &self.running,
        }
    }

    /// Returns the number of calls.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Returns the number of calls that have begun and were neither ended nor dropped.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

impl<A> Drop for PuppetCall<'_, A> {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}
