//! The observer: who hears of turns and attempts, and what is known of turns that run.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use victor_chat_protocol::{ObservedTurn, TurnObserver, TurnOpening};
use victor_core::{
    AttemptId, Coordinator, Health, Lock, RecentMap, SessionId, TraceContext, TurnId,
};
use victor_provider_protocol::{LedgerEntry, LedgerObserver};

use crate::attributes::{Attributes as _, attribute};
use crate::export::Exporter;
use crate::metrics::Metrics;
use crate::trace::{CallFacts, Recorder, TurnTrace};
use crate::{ExportCounts, OtelError, OtelOptions};

/// The number of attempts that are remembered, so that none counts twice where two orchestrators share a ledger.
const ATTEMPTS: usize = 4096;

/// Makes spans and metrics of turns, and sends them by OTLP.
///
/// It is an observer of turns, and a coordinator besides, so that its health is seen and its queue is sent at the end:
/// give it to an orchestrator as both, and to several if they work together. See the [crate's documentation](crate).
///
/// Making spans does no I/O. They are sent by a task of the runtime in which the first turn runs.
pub struct Otel {
    inner: Arc<Inner>,
}

/// The state that all turns share.
pub(crate) struct Inner {
    pub(crate) recorder: Recorder,
    turns: Lock<HashMap<TurnId, LiveTurn>>,
    known: Lock<RecentMap<AttemptId, ()>>,
}

/// A turn that runs.
#[derive(Debug, Default)]
pub(crate) struct LiveTurn {
    pub(crate) trace_id: u128,
    /// The attributes of every span of the turn and of the agents below it.
    pub(crate) common: Arc<[KeyValue]>,
    /// The spans of the tool calls that run.
    pub(crate) tools: Vec<u64>,
    pub(crate) attempts: Attempts,
}

/// The attempts of a turn since they were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    pub(crate) begun: Vec<LedgerEntry>,
    pub(crate) ended: Vec<LedgerEntry>,
}

impl Otel {
    /// An observer with these options.
    ///
    /// # Errors
    ///
    /// A header cannot be sent, or there is no HTTP client.
    pub fn new(options: OtelOptions) -> Result<Self, OtelError> {
        let metrics = Arc::new(Metrics::new());
        let exporter = Exporter::new(options.clone(), metrics.clone())?;
        let inner = Inner {
            recorder: Recorder {
                options,
                exporter,
                metrics,
            },
            turns: Lock::default(),
            known: Lock::new(RecentMap::new(ATTEMPTS)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Sends what waits, and returns whether all of it has been dealt with within the time limit.
    ///
    /// # Cancel safety
    ///
    /// A dropped call leaves the sending to the task.
    pub async fn flush(&self, limit: Duration) -> bool {
        self.inner.recorder.exporter.flush(limit).await
    }

    /// Returns what has become of the spans until now.
    #[must_use]
    pub fn counts(&self) -> ExportCounts {
        self.inner.recorder.exporter.counts()
    }
}

impl fmt::Debug for Otel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otel")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl TurnObserver for Otel {
    fn begin(&self, turn: &TurnOpening<'_>) -> Option<Box<dyn ObservedTurn>> {
        let common = self.inner.common(turn);
        Some(Box::new(TurnTrace::begin(self.inner.clone(), turn, common)))
    }
}

impl LedgerObserver for Otel {
    fn attempt_begun(&self, entry: &LedgerEntry) {
        if let Some(turn) = entry.turn {
            self.inner
                .with_turn(turn, |live| live.attempts.begun.push(entry.clone()));
        }
    }

    fn attempt_ended(&self, entry: &LedgerEntry) {
        {
            let mut known = self.inner.known.lock();
            if known.peek(&entry.id).is_some() {
                return;
            }
            known.insert(entry.id, ());
        }
        let keep = |live: &mut LiveTurn| live.attempts.ended.push(entry.clone());
        let is_kept = entry.turn.and_then(|turn| self.inner.with_turn(turn, keep));
        if is_kept.is_none() {
            // It belongs to no turn, or to one that has ended.
            let session = entry.session.as_ref();
            let common = session.map(|session| attribute("session.id", session.as_str()));
            let common: Vec<_> = common.into_iter().collect();
            let place = TraceContext::generate();
            let facts = CallFacts::of_attempt(entry);
            self.inner.recorder.call(&facts, &place, None, &common);
        }
    }
}

#[async_trait]
impl Coordinator for Otel {
    fn name(&self) -> &str {
        "otel"
    }

    fn health(&self) -> Health {
        self.inner.recorder.exporter.health(self.name())
    }

    async fn shutdown(&self) {
        self.inner.recorder.exporter.shutdown().await;
    }
}

impl Inner {
    /// Returns the attributes of every span of a turn: those of its caller, or else its own.
    fn common(&self, turn: &TurnOpening<'_>) -> Arc<[KeyValue]> {
        if let Some(caller) = turn.trace {
            let turns = self.turns.lock();
            let is_caller = |live: &&LiveTurn| {
                live.trace_id == caller.trace_id() && live.tools.contains(&caller.span_id())
            };
            if let Some(live) = turns.values().find(is_caller) {
                return live.common.clone();
            }
        }
        let session: &SessionId = turn.session;
        let mut common = vec![attribute("session.id", session.as_str())];
        let user = turn.facts.and_then(|facts| facts.get("user_id"));
        common.set_some("user.id", user.and_then(|user| user.as_str()));
        if !turn.tags.is_empty() {
            common.set("tag.tags", turn.tags);
        }
        common.into()
    }

    pub(crate) fn add_turn(&self, turn: TurnId, live: LiveTurn) {
        self.turns.lock().insert(turn, live);
    }

    /// Forgets a turn, unless it has been taken up again.
    pub(crate) fn remove_turn(&self, turn: TurnId, trace_id: u128) {
        let mut turns = self.turns.lock();
        if turns
            .get(&turn)
            .is_some_and(|live| live.trace_id == trace_id)
        {
            turns.remove(&turn);
        }
    }

    /// Does something with a turn that runs; none if it does not.
    pub(crate) fn with_turn<T>(
        &self,
        turn: TurnId,
        what: impl FnOnce(&mut LiveTurn) -> T,
    ) -> Option<T> {
        self.turns.lock().get_mut(&turn).map(what)
    }

    /// Takes the attempts of a turn that have come since the last time.
    pub(crate) fn attempts(&self, turn: TurnId) -> Attempts {
        let taken = self.with_turn(turn, |live| std::mem::take(&mut live.attempts));
        taken.unwrap_or_default()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}
