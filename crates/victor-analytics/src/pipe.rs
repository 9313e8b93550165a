//! The way from the coordinator to one exporter.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{self, Notify, watch};
use tokio::time::{sleep, timeout};
use tracing::warn;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, DeadLetter, ExportResult, RejectedEvent,
};
use victor_core::{Problems, SessionId, contain};
use victor_guard::{call, race};

use crate::AnalyticsOptions;
use crate::letters::Letters;
use crate::outcome::Outcome;
use crate::pace::Pace;
use crate::source::Source;

/// The way from the coordinator to one exporter: what waits for it, and who may send.
#[derive(Debug)]
pub(crate) struct Pipe {
    name: String,
    exporter: Arc<dyn AnalyticsExporter>,
    source: Source,
    shared: Shared,
    /// Right to call the exporter, and what was learned from its answers.
    turn: sync::Mutex<Pace>,
    /// Wakes the background task before its time.
    many: Notify,
    /// Number of events that were given up.
    given_up: AtomicU64,
}

/// The parts that the pipes of a coordinator share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) options: Arc<AnalyticsOptions>,
    pub(crate) problems: Arc<Problems>,
    pub(crate) letters: Arc<Letters>,
    /// Turns true when the coordinator has waited long enough for the last exports.
    pub(crate) closing: watch::Receiver<bool>,
}

impl Pipe {
    pub(crate) fn new(
        name: String,
        exporter: Arc<dyn AnalyticsExporter>,
        source: Source,
        shared: Shared,
    ) -> Self {
        let turn = Pace::new(&shared.options).into();
        Self {
            name,
            exporter,
            source,
            shared,
            turn,
            many: Notify::new(),
            given_up: AtomicU64::new(0),
        }
    }

    fn options(&self) -> &AnalyticsOptions {
        &self.shared.options
    }

    pub(crate) fn push(&self, event: AnalyticsEvent) {
        if self.source.push(event, self.options()) {
            self.many.notify_one();
        }
    }

    /// Exports now and then, until the coordinator closes or is no more.
    pub(crate) async fn run(self: Arc<Self>) {
        // The clock panics in a runtime that has none.
        if let Err(panicked) = contain(self.export_now_and_then()).await {
            let problem = format_args!("background export: {panicked}");
            self.shared.problems.report(&self.name, problem);
        }
    }

    async fn export_now_and_then(&self) {
        let mut closing = self.shared.closing.clone();
        // What an earlier process has left waits long enough already.
        let mut pause = matches!(self.source, Source::Outbox { .. }).then_some(Duration::ZERO);
        loop {
            let closed = async {
                drop(closing.wait_for(|closing| *closing).await);
                true
            };
            let rest = async {
                self.rest(pause).await;
                false
            };
            if race(closed, rest).await {
                return;
            }
            self.flush(None).await;
            pause = self.turn.lock().await.pause(self.options());
            if pause.is_none() && self.source.is_many(self.options()) {
                pause = Some(Duration::ZERO);
            }
        }
    }

    /// Waits for a pause, however many events wait by now, or without one until it is time to export.
    async fn rest(&self, pause: Option<Duration>) {
        match pause {
            Some(pause) => sleep(pause).await,
            None => drop(timeout(self.options().export_interval, self.many.notified()).await),
        }
    }

    /// Exports what waits at this moment, of one session or of all, until something goes wrong.
    pub(crate) async fn flush(&self, session: Option<&SessionId>) -> ExportResult {
        let end = self.source.end();
        let mut total = ExportResult::exported(0);
        loop {
            let mut pace = self.turn.lock().await;
            // From here on, the exporter may have been shut down.
            if *self.shared.closing.borrow() {
                return failed(total, "it is shut down".into());
            }
            let batch = self
                .source
                .batch(&self.name, session, end, pace.size(), self.options());
            let batch = match batch.await {
                Ok(batch) => batch,
                Err(error) => return self.failed(total, error),
            };
            if batch.is_empty() {
                return total;
            }
            let events: Vec<_> = batch.iter().map(|(_, event)| event.clone()).collect();
            let outcome = self.export(&events, &mut pace).await;
            let dealt = &batch[..outcome.dealt];
            let dead = self.bury(&events, outcome.dead, &mut total);
            let removed = self
                .source
                .remove(&self.name, dealt, &dead, self.options())
                .await;
            let is_counted = |event: &AnalyticsEvent| {
                (session.is_none() || event.session_id.as_ref() == session)
                    && dead.iter().all(|letter| letter.event.id != event.id)
            };
            total.exported_count += dealt.iter().filter(|(_, event)| is_counted(event)).count();
            self.shared.letters.keep(dead);
            if let Some(error) = outcome.error.or(removed.err()) {
                return self.failed(total, error);
            }
            self.shared.problems.clear(&self.name);
        }
    }

    fn failed(&self, total: ExportResult, error: String) -> ExportResult {
        warn!(
            exporter = self.name,
            error, "events were not exported and wait for the next time"
        );
        self.shared.problems.report(&self.name, &error);
        failed(total, error)
    }

    /// Hands over one batch, and learns from the answer.
    async fn export(&self, events: &[AnalyticsEvent], pace: &mut Pace) -> Outcome {
        let limit = self.options().export_timeout;
        let export = async { Some(call(limit, || self.exporter.export(events)).await) };
        let closed = async {
            self.closed().await;
            None
        };
        match race(export, closed).await {
            Some(answer) => Outcome::new(answer, events, pace, self.options()),
            None => Outcome::failed("the shutdown did not wait for it any longer".into()),
        }
    }

    /// Makes dead letters.
    fn bury(
        &self,
        events: &[AnalyticsEvent],
        dead: Vec<(usize, String)>,
        total: &mut ExportResult,
    ) -> Vec<DeadLetter> {
        if let Some((_, reason)) = dead.first() {
            let count = dead.len();
            warn!(exporter = self.name, count, reason, "events were given up");
            self.given_up.fetch_add(count as u64, Ordering::Relaxed);
        }
        let letter = |(index, reason): (usize, String)| {
            let event = events[index].clone();
            total.rejected.push(RejectedEvent::new(event.id, &*reason));
            DeadLetter::new(&*self.name, event, reason)
        };
        dead.into_iter().map(letter).collect()
    }

    /// Waits until the coordinator closes. If it is dropped instead, an export under way may end in peace.
    async fn closed(&self) {
        let mut closing = self.shared.closing.clone();
        if closing.wait_for(|closing| *closing).await.is_err() {
            pending::<()>().await;
        }
    }

    /// Exports what waits for the last time.
    pub(crate) async fn last_flush(&self) {
        // The fault of the exporter was reported, and the lost events will be counted.
        let _ = call(self.options().shutdown_timeout, || self.flush(None)).await;
    }

    /// Ends the exporter, after the last export.
    pub(crate) async fn end(&self) {
        if self.source.is_closed() {
            return;
        }
        let end = async || {
            let _turn = self.turn.lock().await;
            self.exporter.shutdown().await;
        };
        let ended = call(self.options().shutdown_timeout, end).await;
        let lost = self.source.close();
        if let Err(fault) = ended {
            warn!(exporter = self.name, %fault, "exporter did not shut down");
            let problem = format_args!("shutdown: {fault}");
            self.shared.problems.report(&self.name, problem);
        }
        if lost > 0 {
            warn!(
                exporter = self.name,
                lost, "events were lost in the shutdown"
            );
        }
    }

    /// Takes no events, since the coordinator is shut down.
    pub(crate) fn close(&self) {
        self.source.close();
    }

    /// Returns the number of events that wait in memory.
    pub(crate) fn waiting(&self) -> usize {
        self.source.len()
    }

    /// Describes the events that did not arrive.
    pub(crate) fn losses(&self) -> impl Iterator<Item = String> + '_ {
        let dropped = (self.source.dropped(), "dropped");
        let given_up = (self.given_up.load(Ordering::Relaxed), "given up");
        [dropped, given_up]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{}: {count} events {what}", self.name))
    }
}

fn failed(total: ExportResult, error: String) -> ExportResult {
    ExportResult::failed(total.exported_count, error).with_rejected(total.rejected)
}
