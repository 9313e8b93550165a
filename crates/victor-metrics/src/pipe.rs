//! The way from the coordinator to one exporter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync;
use tracing::warn;
use victor_core::{Problems, with_causes};
use victor_guard::call;
use victor_metrics_protocol::{MetricsExporter, MetricsSnapshot};

/// The way from the coordinator to one exporter.
#[derive(Debug)]
pub(crate) struct Pipe {
    name: String,
    exporter: Arc<dyn MetricsExporter>,
    /// Right to call the exporter.
    turn: sync::Mutex<()>,
    ended: AtomicBool,
}

impl Pipe {
    pub(crate) fn new(name: String, exporter: Arc<dyn MetricsExporter>) -> Self {
        Self {
            name,
            exporter,
            turn: sync::Mutex::new(()),
            ended: AtomicBool::new(false),
        }
    }

    /// Hands over a snapshot, unless the exporter was ended. A failure is a problem until the next snapshot arrives.
    pub(crate) async fn export(
        &self,
        snapshot: &MetricsSnapshot,
        limit: Duration,
        problems: &Problems,
    ) {
        let _turn = self.turn.lock().await;
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        let problem = match call(limit, || self.exporter.export(snapshot)).await {
            Ok(Ok(())) => return problems.clear(&self.name),
            Ok(Err(error)) => with_causes(&error),
            Err(fault) => fault.to_string(),
        };
        warn!(exporter = self.name, problem, "metrics were not exported");
        problems.report(&self.name, problem);
    }

    /// Hands over a last snapshot and ends the exporter, within a time. Called again, it does nothing.
    pub(crate) async fn end(&self, last: &MetricsSnapshot, limit: Duration, problems: &Problems) {
        let all = || async {
            let _turn = self.turn.lock().await;
            if self.ended.load(Ordering::Acquire) {
                return None;
            }
            let exported = self.exporter.export(last).await;
            self.exporter.shutdown().await;
            exported.err().map(|error| with_causes(&error))
        };
        let problem = match call(limit, all).await {
            Ok(problem) => problem,
            Err(fault) => Some(fault.to_string()),
        };
        self.ended.store(true, Ordering::Release);
        if let Some(problem) = problem {
            warn!(
                exporter = self.name,
                problem, "the last metrics were not exported"
            );
            problems.report(&self.name, format_args!("shutdown: {problem}"));
        }
    }
}
