//! An exporter that does what a test wants.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use victor_analytics::{AnalyticsCoordinator, AnalyticsOptions};
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsTracker, ExportError, ExportErrorKind, ExportResult,
};
use victor_core::SessionId;
use victor_testkit::Puppet;

/// Behaviour of an exporter when it is called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Take,
    TakeAfter(Duration),
    /// Takes so many of each batch and no more.
    TakeOnly(usize),
    Fail,
    /// Fails in this way.
    Give(ExportErrorKind),
    /// Asks to be left alone for so long.
    Later(Duration),
    /// Takes batches of at most so many.
    Fits(usize),
    /// Panics over an event of this kind.
    Chokes(&'static str),
    Panic,
    Hang,
}

/// Keeps what it is sent, and panics if two batches overlap.
#[derive(Debug)]
pub(crate) struct Fake {
    name: &'static str,
    puppet: Puppet<Act>,
    end: Act,
    batches: Mutex<Vec<Vec<AnalyticsEvent>>>,
    is_ending: AtomicBool,
    ended: AtomicUsize,
}

impl Fake {
    pub(crate) fn new(name: &'static str, act: Act) -> Arc<Self> {
        Self::ending(name, act, Act::Take)
    }

    /// One that does this when it is shut down.
    pub(crate) fn ending(name: &'static str, act: Act, end: Act) -> Arc<Self> {
        let (batches, is_ending, ended) = Default::default();
        Arc::new(Self {
            name,
            puppet: Puppet::new(act),
            end,
            batches,
            is_ending,
            ended,
        })
    }

    /// The kinds of the events that arrived, batch by batch.
    pub(crate) fn arrived(&self) -> String {
        let batches = self.batches.lock().unwrap();
        let kinds = |batch: &Vec<AnalyticsEvent>| {
            batch
                .iter()
                .map(|event| &*event.event_type)
                .collect::<Vec<_>>()
                .join(" ")
        };
        batches.iter().map(kinds).collect::<Vec<_>>().join(" | ")
    }

    /// The events that arrived.
    pub(crate) fn events(&self) -> Vec<AnalyticsEvent> {
        self.batches.lock().unwrap().concat()
    }

    /// Number of times that it was shut down to the end.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

impl Deref for Fake {
    type Target = Puppet<Act>;

    fn deref(&self) -> &Puppet<Act> {
        &self.puppet
    }
}

#[async_trait]
impl AnalyticsExporter for Fake {
    fn name(&self) -> &str {
        self.name
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        assert!(!self.is_ending.load(Ordering::SeqCst), "it was shut down");
        let call = self.puppet.begin();
        assert_eq!(self.puppet.running(), 1, "two batches overlap");
        let count = match call.act {
            Act::Take => events.len(),
            Act::TakeAfter(time) => {
                sleep(time).await;
                events.len()
            }
            Act::TakeOnly(count) => count.min(events.len()),
            Act::Fail => {
                return Err(ExportError::new("not sent").with_source("connection refused"));
            }
            Act::Give(kind) => {
                let error = ExportError::new("not sent").with_kind(kind);
                return Err(error.with_source("connection refused"));
            }
            Act::Later(time) => return Err(ExportError::new("busy").with_retry_after(time)),
            Act::Fits(most) if events.len() > most => {
                return Err(ExportError::new("too large").with_kind(ExportErrorKind::TooLarge));
            }
            Act::Chokes(kind) if events.iter().any(|event| event.event_type == kind) => {
                panic!("out of cheese")
            }
            Act::Fits(_) | Act::Chokes(_) => events.len(),
            Act::Panic => panic!("out of cheese"),
            Act::Hang => std::future::pending().await,
        };
        self.batches.lock().unwrap().push(events[..count].to_vec());
        Ok(match count == events.len() {
            true => ExportResult::exported(count),
            false => ExportResult::failed(count, "full"),
        })
    }

    async fn shutdown(&self) {
        assert_eq!(self.puppet.running(), 0, "a batch is under way");
        self.is_ending.store(true, Ordering::SeqCst);
        match self.end {
            Act::TakeAfter(time) => sleep(time).await,
            Act::Panic => panic!("out of cheese"),
            Act::Hang => std::future::pending().await,
            _ => {}
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn coordinator(
    options: AnalyticsOptions,
    exporters: &[Arc<Fake>],
) -> AnalyticsCoordinator {
    let builder = AnalyticsCoordinator::builder().options(options);
    exporters
        .iter()
        .fold(builder, |builder, fake| builder.exporter(fake.clone()))
        .build()
}

/// Tracks events given as `session:kind`.
pub(crate) fn track(analytics: &AnalyticsCoordinator, events: &str) {
    for event in events.split(' ') {
        let (session, kind) = event.split_once(':').unwrap();
        analytics.track_event(
            &SessionId::from(session),
            AnalyticsEvent::new(kind.to_owned()),
        );
    }
}
