use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::timeout;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsTracker, DeadLetter, EventQuery, ExportError,
    ExportErrorKind, ExportResult, SessionAnalytics,
};
use victor_core::{Coordinator, Health, Problems, SessionId, contain};
use victor_testkit::conformance;

use super::breaks;

/// How many events are held of a session, and for an exporter.
const LIMIT: usize = 100;

/// Keeps a queue for each exporter.
#[derive(Debug)]
struct Tracker {
    bug: &'static str,
    sessions: Mutex<BTreeMap<SessionId, (VecDeque<AnalyticsEvent>, u64)>>,
    pipes: Mutex<Vec<Arc<Pipe>>>,
    problems: Problems,
    is_over: Mutex<bool>,
    dead: Mutex<Vec<DeadLetter>>,
}

#[derive(Debug)]
struct Pipe {
    exporter: Arc<dyn AnalyticsExporter>,
    queue: Mutex<(VecDeque<AnalyticsEvent>, u64)>,
    turn: tokio::sync::Mutex<()>,
}

impl Tracker {
    fn new(bug: &'static str) -> Self {
        Self {
            bug,
            sessions: Mutex::default(),
            pipes: Mutex::default(),
            problems: Problems::default(),
            is_over: Mutex::default(),
            dead: Mutex::default(),
        }
    }

    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }

    /// Adds an event, and says how many are too many.
    fn push(&self, list: &mut VecDeque<AnalyticsEvent>, event: AnalyticsEvent, bug: &str) -> u64 {
        if list.len() < LIMIT || self.is(bug) {
            list.push_back(event);
            return 0;
        }
        if !self.is("keeps the first") {
            list.pop_front();
            list.push_back(event);
        }
        1
    }

    async fn flush(&self, pipe: &Pipe, session: Option<&SessionId>) -> ExportResult {
        let turn = async {
            if self.is("overlaps") {
                None
            } else {
                Some(pipe.turn.lock().await)
            }
        };
        let _turn = turn.await;
        let is_wanted = |event: &AnalyticsEvent| {
            session.is_none() || event.session_id.as_ref() == session || self.is("sends everything")
        };
        let batch: Vec<AnalyticsEvent> = {
            let mut queue = pipe.queue.lock().unwrap();
            let batch = queue
                .0
                .iter()
                .filter(|event| is_wanted(event))
                .cloned()
                .collect();
            if self.is("loses what is under way") {
                queue.0.retain(|event| !is_wanted(event));
            }
            batch
        };
        if batch.is_empty() {
            return ExportResult::exported(0);
        }
        let limit = match self.bug {
            "waits for ever" => Duration::from_secs(1_000_000),
            _ => Duration::from_secs(5),
        };
        let call = self.parts(pipe, &batch);
        let outcome = match self.bug {
            "lets panics through" => Ok(call.await),
            _ => match contain(timeout(limit, call)).await {
                Ok(Ok(outcome)) => Ok(outcome),
                Ok(Err(_)) => Err("too slow".to_owned()),
                Err(panicked) => Err(panicked.to_string()),
            },
        };
        let result = match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => ExportResult::failed(0, error.to_string()),
            Err(why) => ExportResult::failed(0, why),
        };
        let arrived = match self.bug {
            "believes everything" => result.exported_count,
            _ => result.exported_count.min(batch.len()),
        };
        if self.is("believes everything") {
            drop(batch[..arrived].to_vec());
        }
        let gone = match self.bug {
            "sends again" => 0,
            "takes failures for done" => batch.len(),
            _ => arrived,
        };
        for rejected in &result.rejected {
            let event = batch.iter().find(|event| event.id == rejected.id);
            self.bury(pipe, event.cloned(), &rejected.reason);
        }
        let gone = gone + result.rejected.len();
        let ids: Vec<_> = batch.iter().take(gone).map(|event| event.id).collect();
        pipe.queue
            .lock()
            .unwrap()
            .0
            .retain(|event| !ids.contains(&event.id));
        let name = pipe.exporter.name();
        match &result.error {
            Some(why) if !self.is("hides its health") => self.problems.report(name, why),
            _ => self.problems.clear(name),
        }
        if result.success {
            ExportResult::exported(arrived)
        } else {
            ExportResult::failed(arrived, result.error.unwrap_or_default())
        }
    }

    /// Exports a batch, in parts if it is too large.
    async fn parts(
        &self,
        pipe: &Pipe,
        batch: &[AnalyticsEvent],
    ) -> Result<ExportResult, ExportError> {
        match pipe.exporter.export(batch).await {
            Err(error) if error.kind == ExportErrorKind::TooLarge && !self.is("sends no parts") => {
                for event in batch {
                    pipe.exporter.export(std::slice::from_ref(event)).await?;
                }
                Ok(ExportResult::exported(batch.len()))
            }
            Err(error) if error.kind == ExportErrorKind::Permanent && !self.is("insists") => {
                for event in batch {
                    self.bury(pipe, Some(event.clone()), &error.message);
                }
                Ok(ExportResult::exported(batch.len()))
            }
            result => result,
        }
    }

    fn bury(&self, pipe: &Pipe, event: Option<AnalyticsEvent>, reason: &str) {
        if !self.is("buries in secret") {
            let letter = event.map(|event| DeadLetter::new(pipe.exporter.name(), event, reason));
            self.dead.lock().unwrap().extend(letter);
        }
    }

    async fn export(&self, session: Option<&SessionId>) -> ExportResult {
        let pipes = self.pipes.lock().unwrap().clone();
        let mut results = Vec::new();
        if self.is("stops at the first") {
            for pipe in &pipes {
                results.push(self.flush(pipe, session).await);
                if !results.last().unwrap().success {
                    break;
                }
            }
        } else {
            results = join_all(pipes.iter().map(|pipe| self.flush(pipe, session))).await;
        }
        let names = pipes.iter().map(|pipe| pipe.exporter.name().to_owned());
        let mut total = ExportResult::total(names.zip(results));
        if self.is("tells nobody") {
            (total.success, total.error) = (true, None);
        }
        if self.is("names nobody") {
            total.exporters.clear();
        }
        total
    }
}

#[async_trait]
impl Coordinator for Tracker {
    fn name(&self) -> &str {
        "tracker"
    }

    fn health(&self) -> Health {
        let mut health = self.problems.health("tracker");
        if self.is("contains in secret") {
            health.faults.clear();
        }
        for pipe in &*self.pipes.lock().unwrap() {
            let dropped = pipe.queue.lock().unwrap().1;
            if dropped > 0 && !self.is("drops in secret") {
                health.add_problem(format!("{dropped} events dropped"));
            }
        }
        health
    }

    fn reset(&self, session: &SessionId) {
        match self.bug {
            "never forgets" => {}
            "forgets all" => self.sessions.lock().unwrap().clear(),
            _ => drop(self.sessions.lock().unwrap().remove(session)),
        }
    }

    async fn shutdown(&self) {
        if std::mem::replace(&mut *self.is_over.lock().unwrap(), true) && !self.is("ends twice") {
            return;
        }
        if !self.is("ends without a word") {
            self.export(None).await;
        }
        let pipes = self.pipes.lock().unwrap().clone();
        for pipe in pipes {
            let _whatever =
                contain(timeout(Duration::from_secs(1), pipe.exporter.shutdown())).await;
        }
    }
}

#[async_trait]
impl AnalyticsTracker for Tracker {
    fn track_event(&self, session: &SessionId, mut event: AnalyticsEvent) {
        if !self.is("forgets whose it is") {
            event.session_id = Some(session.clone());
        }
        for pipe in &*self.pipes.lock().unwrap() {
            let mut queue = pipe.queue.lock().unwrap();
            queue.1 += self.push(&mut queue.0, event.clone(), "lets the queue grow");
        }
        let mut sessions = self.sessions.lock().unwrap();
        let key = match self.bug {
            "mixes sessions" => SessionId::new("one"),
            _ => session.clone(),
        };
        let held = sessions.entry(key).or_default();
        let forgotten = self.push(&mut held.0, event, "lets the session grow");
        held.1 += if self.is("does not count") {
            0
        } else {
            forgotten
        };
    }

    async fn export_analytics(&self, session: &SessionId) -> ExportResult {
        if *self.is_over.lock().unwrap() && !self.is("goes on after the end") {
            return ExportResult::failed(0, "it is over");
        }
        self.export(Some(session)).await
    }

    fn session_analytics(&self, session: &SessionId) -> SessionAnalytics {
        let sessions = self.sessions.lock().unwrap();
        let (events, forgotten) = sessions.get(session).cloned().unwrap_or_default();
        SessionAnalytics::new(events.into(), forgotten)
    }

    fn events(&self, query: &EventQuery) -> Vec<AnalyticsEvent> {
        let sessions = self.sessions.lock().unwrap();
        let held = sessions.values().flat_map(|held| held.0.clone());
        match self.bug {
            "finds all" => EventQuery::default().select(held),
            "has no order" => held.filter(|event| query.matches(event)).collect(),
            _ => query.select(held),
        }
    }

    fn dead_letters(&self) -> Vec<DeadLetter> {
        self.dead.lock().unwrap().clone()
    }

    fn add_exporter(&self, exporter: Arc<dyn AnalyticsExporter>) {
        let mut queue = (VecDeque::new(), 0);
        if self.is("sends old news") {
            let sessions = self.sessions.lock().unwrap();
            queue.0 = sessions.values().flat_map(|held| held.0.clone()).collect();
        }
        self.pipes.lock().unwrap().push(Arc::new(Pipe {
            exporter,
            queue: Mutex::new(queue),
            turn: tokio::sync::Mutex::default(),
        }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_tracker_passes() {
    conformance::analytics_tracker(|| Tracker::new("none")).await;
}

#[tokio::test(start_paused = true)]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        (
            "mixes sessions",
            "a session has its own events, oldest first",
        ),
        (
            "forgets whose it is",
            "an event is kept as it is, with its session",
        ),
        ("finds all", "events are found by time"),
        ("has no order", "events are found by time"),
        ("names nobody", "an export has the outcome of each exporter"),
        (
            "insists",
            "what an exporter will never take becomes a dead letter",
        ),
        (
            "buries in secret",
            "what an exporter will never take becomes a dead letter",
        ),
        ("sends no parts", "what an exporter will take arrives"),
        ("never forgets", "a reset forgets the session"),
        ("forgets all", "a reset forgets no other session"),
        (
            "sends everything",
            "an export says how many events have arrived",
        ),
        ("sends again", "an export says how many events have arrived"),
        (
            "sends old news",
            "an exporter is sent the events from the time on at which it was added",
        ),
        (
            "tells nobody",
            "an export says that an exporter did not take everything",
        ),
        ("believes everything", "no call panics"),
        ("stops at the first", "exporters do not feel each other"),
        ("lets panics through", "no call panics"),
        ("waits for ever", "every call ends"),
        ("hides its health", "health shows what does not work"),
        (
            "takes failures for done",
            "what has not arrived is sent again, in order",
        ),
        (
            "lets the session grow",
            "the events that are held of a session are bounded",
        ),
        ("keeps the first", "of a session, the last events are held"),
        ("does not count", "what is no longer held is counted"),
        (
            "lets the queue grow",
            "the events that wait for an exporter are bounded",
        ),
        ("drops in secret", "health shows what does not work"),
        (
            "contains in secret",
            "health counts every failure that was contained",
        ),
        (
            "loses what is under way",
            "what has not arrived is sent again, in order",
        ),
        ("overlaps", "an exporter is sent one batch at a time"),
        (
            "ends without a word",
            "a shutdown sends what waits of every session",
        ),
        ("ends twice", "a shutdown ends every exporter once"),
        (
            "goes on after the end",
            "an exporter is called no more after its end",
        ),
    ] {
        breaks(law, conformance::analytics_tracker(|| Tracker::new(bug))).await;
    }
}
