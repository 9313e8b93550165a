//! The coordinator of analytics.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{self, watch};
use tracing::warn;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsTracker, DeadLetter, EventOutbox, EventQuery,
    ExportResult, SessionAnalytics,
};
use victor_core::{Coordinator, CoordinatorError, Health, Lock, Problems, SessionId, contain_sync};
use victor_guard::{Plugins, join_all};

use crate::letters::Letters;
use crate::outbox::OutboxWriter;
use crate::pipe::{Pipe, Shared};
use crate::sessions::Sessions;
use crate::source::Source;
use crate::{AnalyticsCoordinatorBuilder, AnalyticsOptions};

/// Collects the events of all sessions and feeds the exporters.
///
/// Each exporter has a queue of its own. It is emptied in batches every
/// [`export_interval`](AnalyticsOptions::export_interval) once the coordinator is
/// [initialized](Coordinator::initialize), by [`flush`](Self::flush), by
/// [`export_analytics`](AnalyticsTracker::export_analytics) for one session, and by
/// [`shutdown`](Coordinator::shutdown).
///
/// [`reset`](Coordinator::reset) forgets what is held of a session; events of it that wait for an exporter are still
/// exported.
///
/// # Cancel safety
///
/// Dropping an export loses nothing: the events under way wait for the next one and may arrive twice.
///
/// ```
/// use std::sync::Arc;
///
/// use victor_analytics::{AnalyticsCoordinator, ConsoleExporter};
/// use victor_analytics_protocol::{AnalyticsEvent, AnalyticsTracker};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let analytics = AnalyticsCoordinator::new([Arc::new(ConsoleExporter::stderr())]);
/// analytics.track_event(&"s1".into(), AnalyticsEvent::new("turn_started"));
/// let result = analytics.export_analytics(&"s1".into()).await;
/// assert_eq!((result.success, result.exported_count), (true, 1));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct AnalyticsCoordinator {
    options: Arc<AnalyticsOptions>,
    sessions: Lock<Sessions>,
    /// The way into the outbox, if there is one.
    intake: Option<Intake>,
    pipes: Plugins<Pipe>,
    letters: Arc<Letters>,
    /// The runtime of the background tasks, after the coordinator was initialized. Held while an exporter is added, so
    /// that each has one task.
    background: Lock<Option<Handle>>,
    problems: Arc<Problems>,
    closing: watch::Sender<bool>,
    /// Held during a shutdown; true after it.
    shut_down: sync::Mutex<bool>,
}

/// The way into the outbox, which is that to an exporter.
#[derive(Debug)]
struct Intake {
    writer: Arc<OutboxWriter>,
    pipe: Arc<Pipe>,
}

impl AnalyticsCoordinator {
    /// Creates a coordinator with these exporters.
    #[must_use]
    pub fn new<const N: usize>(exporters: [Arc<dyn AnalyticsExporter>; N]) -> Self {
        exporters
            .into_iter()
            .fold(Self::builder(), AnalyticsCoordinatorBuilder::exporter)
            .build()
    }

    /// Puts a coordinator together from exporters, an outbox and options.
    #[must_use]
    pub fn builder() -> AnalyticsCoordinatorBuilder {
        AnalyticsCoordinatorBuilder::default()
    }

    pub(crate) fn with_options(
        options: AnalyticsOptions,
        outbox: Option<Arc<dyn EventOutbox>>,
    ) -> Self {
        let mut coordinator = Self {
            letters: Arc::new(Letters::new(options.dead_letters)),
            options: Arc::new(options),
            sessions: Lock::default(),
            intake: None,
            pipes: Plugins::default(),
            background: Lock::default(),
            problems: Arc::default(),
            closing: watch::Sender::new(false),
            shut_down: sync::Mutex::new(false),
        };
        if let Some(outbox) = outbox {
            let writer = Arc::new(OutboxWriter::new(outbox));
            // The outbox has each event as soon as it is free: batches form by themselves while it writes.
            let options = AnalyticsOptions::clone(&coordinator.options).with_export_events(1);
            let mut shared = coordinator.shared();
            shared.options = Arc::new(options);
            let pipe = Pipe::new("outbox".into(), writer.clone(), Source::queue(), shared);
            let pipe = Arc::new(pipe);
            coordinator.intake = Some(Intake { writer, pipe });
        }
        coordinator
    }

    fn shared(&self) -> Shared {
        Shared {
            options: Arc::clone(&self.options),
            problems: Arc::clone(&self.problems),
            letters: Arc::clone(&self.letters),
            closing: self.closing.subscribe(),
        }
    }

    /// Waits until everything that was tracked until now is in the outbox. Without one there is nothing to wait for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call loses nothing.
    pub async fn persist(&self) -> ExportResult {
        match &self.intake {
            Some(intake) => intake.pipe.flush(None).await,
            None => ExportResult::exported(0),
        }
    }

    /// Sends what waits of all sessions to every exporter, now.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call loses nothing.
    pub async fn flush(&self) -> ExportResult {
        self.export(None).await
    }

    async fn export(&self, session: Option<&SessionId>) -> ExportResult {
        if self.intake.is_some() {
            let persisted = self.persist().await;
            if !persisted.success {
                return ExportResult::total([("outbox".to_owned(), persisted)]);
            }
        }
        let pipes = self.pipes.list();
        let results = join_all(pipes.iter().map(|pipe| pipe.inner().flush(session))).await;
        let names = pipes.iter().map(|pipe| pipe.name().to_owned());
        ExportResult::total(names.zip(results))
    }
}

#[async_trait]
impl Coordinator for AnalyticsCoordinator {
    fn name(&self) -> &str {
        "analytics"
    }

    async fn initialize(&self) -> Result<(), CoordinatorError> {
        const PART: &str = "background export";
        let Ok(handle) = Handle::try_current() else {
            self.problems
                .report(PART, "there is no tokio runtime: initialize inside of one");
            return Ok(());
        };
        self.problems.clear(PART);
        let mut background = self.background.lock();
        if background.is_none() {
            if let Some(intake) = &self.intake {
                handle.spawn(Arc::clone(&intake.pipe).run());
            }
            for pipe in self.pipes.list().iter() {
                handle.spawn(Arc::clone(pipe.inner()).run());
            }
            *background = Some(handle);
        }
        Ok(())
    }

    fn health(&self) -> Health {
        let reported = self.problems.health(self.name());
        let mut problems = reported.problems;
        if let Some(intake) = &self.intake {
            problems.extend(intake.pipe.losses());
            let dropped = intake.writer.dropped();
            if dropped > 0 {
                problems.push(format!(
                    "outbox: {dropped} events dropped, since it is full"
                ));
            }
        }
        for pipe in self.pipes.list().iter() {
            problems.extend(pipe.inner().losses());
        }
        let mut health = Health::from_problems(self.name(), problems);
        health.faults = reported.faults;
        health
    }

    fn reset(&self, session: &SessionId) {
        self.sessions.lock().remove(session);
    }

    async fn shutdown(&self) {
        let mut shut_down = self.shut_down.lock().await;
        if *shut_down {
            return;
        }
        if let Some(intake) = &self.intake {
            intake.pipe.last_flush().await;
        }
        join_all((self.pipes.list().iter()).map(|pipe| pipe.inner().last_flush())).await;
        self.closing.send_replace(true);
        // Asked for again: an exporter may have been added in the meantime, and from now on none is.
        join_all((self.pipes.list().iter()).map(|pipe| pipe.inner().end())).await;
        if let Some(intake) = &self.intake {
            intake.pipe.end().await;
        }
        *shut_down = true;
    }
}

#[async_trait]
impl AnalyticsTracker for AnalyticsCoordinator {
    fn track_event(&self, session: &SessionId, mut event: AnalyticsEvent) {
        event.session_id = Some(session.clone());
        for pipe in self.pipes.list().iter() {
            pipe.inner().push(event.clone());
        }
        if let Some(intake) = &self.intake {
            intake.pipe.push(event.clone());
        }
        self.sessions.lock().push(session, event, &self.options);
    }

    async fn export_analytics(&self, session: &SessionId) -> ExportResult {
        self.export(Some(session)).await
    }

    fn session_analytics(&self, session: &SessionId) -> SessionAnalytics {
        let (events, forgotten) = match self.sessions.lock().get(session) {
            Some(held) => (held.events.clone(), held.forgotten),
            None => return SessionAnalytics::default(),
        };
        SessionAnalytics::new(events.into(), forgotten)
    }

    fn events(&self, query: &EventQuery) -> Vec<AnalyticsEvent> {
        let held = self.sessions.lock().all(query);
        // The lock is free again when they are sorted, because it takes time.
        query.select(held)
    }

    fn dead_letters(&self) -> Vec<DeadLetter> {
        self.letters.list()
    }

    fn add_exporter(&self, exporter: Arc<dyn AnalyticsExporter>) {
        let name = contain_sync(|| exporter.name().to_owned()).unwrap_or_else(|panicked| {
            warn!(%panicked, "an analytics exporter cannot say its name");
            "unnamed".into()
        });
        let background = self.background.lock();
        // Health tells exporters apart by name. Whether it is closed is asked while the list is held: a shutdown closes
        // first and ends the pipes of the list then.
        self.pipes.add_numbered(&name, 0, |name| {
            let source = match &self.intake {
                Some(intake) => {
                    intake.writer.register(name);
                    Source::outbox(Arc::clone(intake.writer.outbox()))
                }
                None => Source::queue(),
            };
            let pipe = Pipe::new(name.to_owned(), exporter, source, self.shared());
            let pipe = Arc::new(pipe);
            if *self.closing.borrow() {
                pipe.close();
            } else if let Some(handle) = &*background {
                handle.spawn(Arc::clone(&pipe).run());
            }
            pipe
        });
    }
}

impl Drop for AnalyticsCoordinator {
    fn drop(&mut self) {
        for pipe in self.pipes.list().iter() {
            let waiting = pipe.inner().waiting();
            if waiting > 0 {
                warn!(
                    exporter = pipe.name(),
                    waiting, "analytics was dropped without a shutdown: events are lost"
                );
            }
        }
    }
}
