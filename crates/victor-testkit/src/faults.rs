//! Faults to inject into anything that plugs into Victor.
//!
//! [`Faulty`] wraps an implementation of an extension point and does something wrong in some or all of its calls: a
//! [`Fault`] for the small traits, a [`ModelFault`] for a [`ChatProvider`](victor_provider_protocol::ChatProvider),
//! whose streams can fail in more ways.
//!
//! ```
//! use victor_provider_protocol::{ChatProvider, ChatRequest, ProviderErrorKind};
//! use victor_testkit::ScriptedModel;
//! use victor_testkit::faults::{Faulty, ModelFault};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let model = ScriptedModel::new().says("At last");
//! let model = Faulty::new(model, ModelFault::Error(ProviderErrorKind::Overloaded)).first(2);
//! let request = ChatRequest::new("any", Default::default());
//! for _ in 0..2 {
//!     assert_eq!(model.chat(&request).await.unwrap_err().kind, ProviderErrorKind::Overloaded);
//! }
//! assert!(model.chat(&request).await.is_ok());
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod model;
mod plugin;
mod tool_store;

use std::sync::atomic::{AtomicU64, Ordering};

pub use model::ModelFault;
pub use plugin::Fault;

/// The words of every injected error and panic.
pub const INJECTED: &str = "injected fault";

/// An implementation of an extension point in which something goes wrong: in every call, or in some.
///
/// Every asynchronous call counts, whatever its method. Names, priorities, specifications and capabilities are those
/// of `inner`, and what is not faulty is passed through.
#[derive(Debug)]
pub struct Faulty<T, F = Fault> {
    inner: T,
    fault: F,
    when: When,
    calls: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    First(u64),
    Every(u64),
}

impl<T, F> Faulty<T, F> {
    /// Goes wrong in every call.
    pub fn new(inner: T, fault: F) -> Self {
        Self {
            inner,
            fault,
            when: When::Always,
            calls: AtomicU64::new(0),
        }
    }

    /// Goes wrong in the first `count` calls only.
    #[must_use]
    pub fn first(mut self, count: u64) -> Self {
        self.when = When::First(count);
        self
    }

    /// Goes wrong in every `nth` call only: with 3, in the third, the sixth, and so on.
    ///
    /// # Panics
    ///
    /// `nth` is zero.
    #[must_use]
    pub fn every(mut self, nth: u64) -> Self {
        assert!(nth > 0, "there is no zeroth call: count from 1");
        self.when = When::Every(nth);
        self
    }

    /// Returns the wrapped implementation.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// Returns the number of calls.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts a call, and returns the fault if it is due.
    fn strike(&self) -> Option<&F> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let due = match self.when {
            When::Always => true,
            When::First(count) => number <= count,
            When::Every(nth) => number.is_multiple_of(nth),
        };
        due.then_some(&self.fault)
    }
}
