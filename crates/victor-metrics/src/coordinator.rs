//! The coordinator of metrics.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::warn;
use victor_chat_protocol::TurnEvent;
use victor_core::{
    Coordinator, CoordinatorError, Health, Lock, Problems, SessionId, Timestamp, contain,
    contain_sync,
};
use victor_guard::{Plugins, join_all, race};
use victor_metrics_protocol::{
    Counter, Gauge, Histogram, MetricKey, MetricsExporter, MetricsRecorder, MetricsSnapshot,
};
use victor_provider_protocol::LedgerReader;

use crate::derive::derive;
use crate::families::Families;
use crate::ledgers::Ledgers;
use crate::measures::{Count, Distribution};
use crate::pipe::Pipe;
use crate::registry::{OVERFLOWS, Registry};
use crate::sessions::Sessions;
use crate::watched::Watched;
use crate::{MetricsCoordinatorBuilder, MetricsOptions, ledgers, watched};

/// The component of the health that is the background export.
const BACKGROUND: &str = "background export";

/// Counts what happens in turns, and exports it.
///
/// Once it is [initialized](Coordinator::initialize), each exporter is given a snapshot every
/// [`export_interval`](MetricsOptions::export_interval); [`export_metrics`](MetricsRecorder::export_metrics) does so
/// at once, and [`shutdown`](Coordinator::shutdown) for the last time.
///
/// ```
/// use victor_metrics::MetricsCoordinator;
/// use victor_metrics::protocol::{MetricKey, MetricsRecorder};
///
/// let metrics = MetricsCoordinator::default();
/// let uploads = metrics.counter(&MetricKey::new("victor_uploads_total").with("kind", "pdf"));
/// uploads.add(2);
/// assert_eq!(metrics.snapshot().total("victor_uploads_total"), 2);
/// ```
#[derive(Debug)]
pub struct MetricsCoordinator {
    shared: Arc<Shared>,
    /// The runtime of the background tasks, after the coordinator was initialized. Held while an exporter is added, so
    /// that each has one task.
    background: Lock<Option<Handle>>,
    closing: watch::Sender<bool>,
}

/// The part of the coordinator that its background tasks share.
#[derive(Debug)]
struct Shared {
    since: Timestamp,
    options: MetricsOptions,
    registry: Registry,
    families: Families,
    sessions: Lock<Sessions>,
    ledgers: Ledgers,
    watched: Watched,
    exporters: Plugins<Pipe>,
    problems: Problems,
}

impl Default for MetricsCoordinator {
    fn default() -> Self {
        Self::with_options(MetricsOptions::default())
    }
}

impl MetricsCoordinator {
    /// Builds a coordinator piece by piece.
    pub fn builder() -> MetricsCoordinatorBuilder {
        MetricsCoordinatorBuilder::default()
    }

    pub(crate) fn with_options(options: MetricsOptions) -> Self {
        let registry = Registry::new(options.names, options.label_sets);
        let shared = Shared {
            since: Timestamp::now(),
            families: Families::new(&registry),
            registry,
            sessions: Lock::new(Sessions::new(options.sessions)),
            ledgers: Ledgers::new(options.label_sets),
            watched: Watched::default(),
            exporters: Plugins::default(),
            problems: Problems::default(),
            options,
        };
        Self {
            shared: Arc::new(shared),
            background: Lock::default(),
            closing: watch::Sender::new(false),
        }
    }

    fn start(&self, handle: &Handle, pipe: &Arc<Pipe>) {
        let (shared, pipe) = (self.shared.clone(), pipe.clone());
        let mut closing = self.closing.subscribe();
        handle.spawn(async move {
            let closed = async {
                drop(closing.wait_for(|closing| *closing).await);
                Ok(())
            };
            // The clock panics in a runtime that has none.
            let exporting = contain(shared.export_now_and_then(&pipe));
            if let Err(panicked) = race(closed, exporting).await {
                shared.problems.report(BACKGROUND, panicked);
            }
        });
    }
}

impl Shared {
    fn health(&self) -> Health {
        let mut health = self.problems.health("metrics");
        health.add(self.registry.problems().health("metrics"));
        health
    }

    fn snapshot(&self) -> MetricsSnapshot {
        let mut metrics = self.registry.read();
        metrics.extend(self.ledgers.read());
        metrics.extend(self.watched.read(self.health()));
        MetricsSnapshot::new(self.since, metrics).with_help(help())
    }

    async fn export_now_and_then(&self, pipe: &Pipe) {
        // With no time in between, it would do nothing else.
        let interval = self.options.export_interval.max(Duration::from_millis(1));
        loop {
            sleep(interval).await;
            let limit = self.options.export_timeout;
            pipe.export(&self.snapshot(), limit, &self.problems).await;
        }
    }
}

/// The descriptions of all measurements that are derived.
fn help() -> impl Iterator<Item = (Cow<'static, str>, Cow<'static, str>)> {
    let derived = Count::ALL.iter().chain(Distribution::ALL);
    let derived = derived.map(|measure| (measure.name, measure.help));
    let overflows = "Measurements whose labels were too many to be told apart, by the name.";
    (derived.chain(ledgers::HELP))
        .chain(watched::HELP)
        .chain([(OVERFLOWS, overflows)])
        .map(|(name, help)| (name.into(), help.into()))
}

#[async_trait]
impl Coordinator for MetricsCoordinator {
    fn name(&self) -> &str {
        "metrics"
    }

    async fn initialize(&self) -> Result<(), CoordinatorError> {
        let mut background = self.background.lock();
        if background.is_some() {
            return Ok(());
        }
        let Ok(handle) = Handle::try_current() else {
            if !self.shared.exporters.list().is_empty() {
                let problem = "there is no tokio runtime: initialize inside of one";
                self.shared.problems.report(BACKGROUND, problem);
            }
            return Ok(());
        };
        self.shared.problems.clear(BACKGROUND);
        for pipe in self.shared.exporters.list().iter() {
            self.start(&handle, pipe.inner());
        }
        *background = Some(handle);
        Ok(())
    }

    fn health(&self) -> Health {
        self.shared.health()
    }

    fn reset(&self, session: &SessionId) {
        self.shared.sessions.lock().forget(session);
    }

    async fn shutdown(&self) {
        self.closing.send_replace(true);
        let shared = &*self.shared;
        let exporters = shared.exporters.list();
        if exporters.is_empty() {
            return;
        }
        let last = shared.snapshot();
        let limit = shared.options.shutdown_timeout;
        join_all(
            exporters
                .iter()
                .map(|pipe| pipe.inner().end(&last, limit, &shared.problems)),
        )
        .await;
    }
}

#[async_trait]
impl MetricsRecorder for MetricsCoordinator {
    fn counter(&self, key: &MetricKey) -> Counter {
        self.shared.registry.get(key)
    }

    fn gauge(&self, key: &MetricKey) -> Gauge {
        self.shared.registry.get(key)
    }

    fn histogram(&self, key: &MetricKey) -> Histogram {
        self.shared.registry.get(key)
    }

    fn record_turn_event(&self, event: &TurnEvent) {
        if event.kind.is_delta() {
            return;
        }
        let shared = &*self.shared;
        let label_sets = shared.options.label_sets;
        derive(
            event,
            &mut shared.families.sink(&shared.registry, label_sets),
        );
        derive(event, &mut shared.sessions.lock().sink(&event.session));
    }

    fn watch_ledger(&self, ledger: Arc<dyn LedgerReader>) {
        self.shared.ledgers.add(ledger);
    }

    fn watch_coordinator(&self, coordinator: &Arc<dyn Coordinator>) {
        self.shared.watched.add(coordinator);
    }

    fn snapshot(&self) -> MetricsSnapshot {
        self.shared.snapshot()
    }

    fn session_snapshot(&self, session: &SessionId) -> Option<MetricsSnapshot> {
        let shared = &*self.shared;
        let mut metrics = shared.sessions.lock().read(session).unwrap_or_default();
        metrics.extend(shared.ledgers.read_session(session));
        if metrics.is_empty() {
            return None;
        }
        Some(MetricsSnapshot::new(shared.since, metrics).with_help(help()))
    }

    fn add_exporter(&self, exporter: Arc<dyn MetricsExporter>) {
        let name = contain_sync(|| exporter.name().to_owned()).unwrap_or_else(|panicked| {
            warn!(%panicked, "an exporter of metrics cannot say its name");
            "unnamed".into()
        });
        let background = self.background.lock();
        // Health tells exporters apart by name.
        self.shared.exporters.add_numbered(&name, 0, |name| {
            let pipe = Arc::new(Pipe::new(name.to_owned(), exporter));
            if let Some(handle) = &*background
                && !*self.closing.borrow()
            {
                self.start(handle, &pipe);
            }
            pipe
        });
    }

    async fn export_metrics(&self) {
        let shared = &*self.shared;
        let snapshot = shared.snapshot();
        let limit = shared.options.export_timeout;
        let exporters = shared.exporters.list();
        let exports = exporters
            .iter()
            .map(|pipe| pipe.inner().export(&snapshot, limit, &shared.problems));
        join_all(exports).await;
    }
}
