//! The place in which events wait for one exporter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use victor_analytics_protocol::{AnalyticsEvent, DeadLetter, EventOutbox};
use victor_core::{Lock, SessionId, with_causes};
use victor_guard::call;

use crate::AnalyticsOptions;
use crate::waiting::{Numbered, Waiting};

/// The place in which events wait for one exporter: a queue of its own, or the outbox of all.
#[derive(Debug)]
pub(crate) enum Source {
    Queue(Lock<Waiting>),
    Outbox {
        outbox: Arc<dyn EventOutbox>,
        /// Number of events that were tracked since they were last asked for.
        tracked: AtomicUsize,
        closed: AtomicBool,
    },
}

impl Source {
    pub(crate) fn queue() -> Self {
        Self::Queue(Lock::default())
    }

    pub(crate) fn outbox(outbox: Arc<dyn EventOutbox>) -> Self {
        Self::Outbox {
            outbox,
            tracked: AtomicUsize::new(0),
            closed: false.into(),
        }
    }

    /// Adds an event, and says whether so many wait now that the exporter is served at once. An outbox has it from
    /// elsewhere.
    pub(crate) fn push(&self, event: AnalyticsEvent, options: &AnalyticsOptions) -> bool {
        match self {
            Self::Queue(waiting) => {
                waiting.lock().push(event, options.waiting_events) == Some(many(options))
            }
            Self::Outbox { tracked, .. } => {
                tracked.fetch_add(1, Ordering::Relaxed) + 1 == options.export_events
            }
        }
    }

    /// Whether so many events wait that the exporter is served at once.
    pub(crate) fn is_many(&self, options: &AnalyticsOptions) -> bool {
        match self {
            Self::Queue(waiting) => waiting.lock().len() >= many(options),
            Self::Outbox { tracked, .. } => {
                tracked.load(Ordering::Relaxed) >= options.export_events
            }
        }
    }

    /// Returns the place behind the last event.
    pub(crate) fn end(&self) -> u64 {
        match self {
            Self::Queue(waiting) => waiting.lock().next(),
            Self::Outbox { tracked, .. } => {
                tracked.store(0, Ordering::Relaxed);
                u64::MAX
            }
        }
    }

    /// Returns the oldest events before `end`, of one session or of all. An outbox is emptied in its order, whatever
    /// the session is.
    pub(crate) async fn batch(
        &self,
        exporter: &str,
        session: Option<&SessionId>,
        end: u64,
        size: usize,
        options: &AnalyticsOptions,
    ) -> Result<Vec<Numbered>, String> {
        match self {
            Self::Queue(waiting) => Ok(waiting.lock().batch(session, end, size)),
            Self::Outbox { outbox, .. } => {
                match call(options.export_timeout, || outbox.waiting(exporter, size)).await {
                    Ok(Ok(batch)) => Ok(batch),
                    Ok(Err(error)) => Err(with_causes(&error)),
                    Err(fault) => Err(format!("the outbox {fault}")),
                }
            }
        }
    }

    /// Removes events that have been dealt with, which came from [`batch`](Self::batch).
    pub(crate) async fn remove(
        &self,
        exporter: &str,
        dealt: &[Numbered],
        dead: &[DeadLetter],
        options: &AnalyticsOptions,
    ) -> Result<(), String> {
        let Some((place, _)) = dealt.last() else {
            return Ok(());
        };
        match self {
            Self::Queue(waiting) => {
                waiting.lock().remove(dealt);
                Ok(())
            }
            Self::Outbox { outbox, .. } => {
                let advance = || outbox.advance(exporter, *place, dead);
                match call(options.export_timeout, advance).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(with_causes(&error)),
                    Err(fault) => Err(format!("the outbox {fault}")),
                }
            }
        }
    }

    /// Takes no more events, drops those that wait in memory, and says how many.
    pub(crate) fn close(&self) -> usize {
        match self {
            Self::Queue(waiting) => waiting.lock().close(),
            Self::Outbox { closed, .. } => {
                closed.store(true, Ordering::Relaxed);
                0
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Queue(waiting) => waiting.lock().is_closed(),
            Self::Outbox { closed, .. } => closed.load(Ordering::Relaxed),
        }
    }

    /// Returns the number of events that wait in memory.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Queue(waiting) => waiting.lock().len(),
            Self::Outbox { .. } => 0,
        }
    }

    /// Returns the number of events that were dropped in all.
    pub(crate) fn dropped(&self) -> u64 {
        match self {
            Self::Queue(waiting) => waiting.lock().dropped(),
            Self::Outbox { .. } => 0,
        }
    }
}

/// Number of events at which an exporter is served at once.
fn many(options: &AnalyticsOptions) -> usize {
    (options.waiting_events / 2)
        .min(options.export_events)
        .max(1)
}
