//! The way from the coordinator to one exporter.

use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, MutexGuard};

use futures_util::future::{Either, select};
use tokio::sync::{self, Notify, watch};
use tokio::time::timeout;
use tracing::warn;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportResult};
use victor_core::{Lock, Problems, SessionId, contain, with_causes};
use victor_guard::call;

use crate::AnalyticsOptions;
use crate::waiting::Waiting;

/// The way from the coordinator to one exporter: what waits for it, and who may send.
#[derive(Debug)]
pub(crate) struct Pipe {
    name: String,
    exporter: Arc<dyn AnalyticsExporter>,
    options: Arc<AnalyticsOptions>,
    problems: Arc<Problems>,
    waiting: Lock<Waiting>,
    /// Right to call the exporter.
    turn: sync::Mutex<()>,
    /// Wakes the background task before its time.
    half_full: Notify,
    /// Turns true when the coordinator has waited long enough for the last exports.
    closing: watch::Receiver<bool>,
}

impl Pipe {
    pub(crate) fn new(
        name: String,
        exporter: Arc<dyn AnalyticsExporter>,
        options: Arc<AnalyticsOptions>,
        problems: Arc<Problems>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        let (waiting, turn, half_full) = Default::default();
        Self {
            name,
            exporter,
            options,
            problems,
            waiting,
            turn,
            half_full,
            closing,
        }
    }

    pub(crate) fn push(&self, event: Arc<AnalyticsEvent>) {
        if self.waiting().push(event, self.options.waiting_events) {
            self.half_full.notify_one();
        }
    }

    /// Exports now and then, until the coordinator closes or is no more.
    pub(crate) async fn run(self: Arc<Self>) {
        // The clock panics in a runtime that has none.
        if let Err(panicked) = contain(self.export_now_and_then()).await {
            self.problems
                .report(&self.name, format_args!("background export: {panicked}"));
        }
    }

    async fn export_now_and_then(&self) {
        let mut closing = self.closing.clone();
        loop {
            let rest = pin!(timeout(
                self.options.export_interval,
                self.half_full.notified()
            ));
            let closed = pin!(async { drop(closing.wait_for(|closing| *closing).await) });
            if let Either::Left(_) = select(closed, rest).await {
                return;
            }
            self.flush(None).await;
        }
    }

    /// Exports what waits at this moment, of one session or of all, until something goes wrong.
    pub(crate) async fn flush(&self, session: Option<&SessionId>) -> ExportResult {
        let end = self.waiting().next();
        let mut count = 0;
        loop {
            let _turn = self.turn.lock().await;
            // From here on, the exporter may have been shut down.
            if *self.closing.borrow() {
                return ExportResult::failed(count, "it is shut down");
            }
            let batch = self.waiting().batch(session, end, self.options.batch_size);
            if batch.is_empty() {
                return ExportResult::exported(count);
            }
            let events: Vec<_> = batch
                .iter()
                .map(|(_, event)| AnalyticsEvent::clone(event))
                .collect();
            let outcome = self.export(&events).await;
            let arrived = outcome.exported_count;
            self.waiting().remove(&batch[..arrived]);
            count += arrived;
            if let Some(error) = outcome.error {
                warn!(
                    exporter = self.name,
                    error, "events were not exported and wait for the next time"
                );
                self.problems.report(&self.name, &error);
                return ExportResult::failed(count, error);
            }
            self.problems.clear(&self.name);
        }
    }

    /// Hands over one batch. The result's count is right, and it has an error unless all events arrived.
    async fn export(&self, events: &[AnalyticsEvent]) -> ExportResult {
        let limit = self.options.export_timeout;
        let export = pin!(call(limit, || self.exporter.export(events)));
        match select(export, pin!(self.closed())).await {
            Either::Left((Ok(Ok(result)), _)) if result.success => {
                ExportResult::exported(events.len())
            }
            Either::Left((Ok(Ok(result)), _)) => ExportResult::failed(
                result.exported_count.min(events.len()),
                result
                    .error
                    .unwrap_or_else(|| "not all events arrived".into()),
            ),
            Either::Left((Ok(Err(error)), _)) => ExportResult::failed(0, with_causes(&error)),
            Either::Left((Err(fault), _)) => ExportResult::failed(0, fault.to_string()),
            Either::Right(_) => {
                ExportResult::failed(0, "the shutdown did not wait for it any longer")
            }
        }
    }

    /// Waits until the coordinator closes. If it is dropped instead, an export under way may end in peace.
    async fn closed(&self) {
        let closed = self
            .closing
            .clone()
            .wait_for(|closing| *closing)
            .await
            .is_ok();
        if !closed {
            pending::<()>().await;
        }
    }

    /// Exports what waits for the last time.
    pub(crate) async fn last_flush(&self) {
        // The fault of the exporter was reported, and the lost events will be counted.
        let _ = call(self.options.shutdown_timeout, || self.flush(None)).await;
    }

    /// Ends the exporter, after the last export.
    pub(crate) async fn end(&self) {
        if self.waiting().is_closed() {
            return;
        }
        let end = async || {
            let _turn = self.turn.lock().await;
            self.exporter.shutdown().await;
        };
        let ended = call(self.options.shutdown_timeout, end).await;
        let lost = self.waiting().close();
        if let Err(fault) = ended {
            warn!(exporter = self.name, %fault, "exporter did not shut down");
            self.problems
                .report(&self.name, format_args!("shutdown: {fault}"));
        }
        if lost > 0 {
            warn!(
                exporter = self.name,
                lost, "events were lost in the shutdown"
            );
        }
    }

    pub(crate) fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }
}
