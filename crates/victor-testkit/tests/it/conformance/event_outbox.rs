use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use victor_analytics_protocol::{
    AnalyticsEvent, DeadLetter, EventOutbox, EventQuery, EventStore, EventStoreError,
};
use victor_testkit::conformance;

use super::breaks;

#[derive(Debug, Clone)]
struct Outbox {
    bug: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<(u64, AnalyticsEvent)>,
    next: u64,
    cursors: BTreeMap<String, u64>,
    letters: Vec<DeadLetter>,
}

impl Outbox {
    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }
}

#[async_trait]
impl EventOutbox for Outbox {
    async fn append(&self, events: &[AnalyticsEvent]) -> Result<u64, EventStoreError> {
        let mut state = self.state.lock().unwrap();
        for event in events {
            if state.events.iter().any(|(_, other)| other.id == event.id) && !self.is("doubles") {
                continue;
            }
            let mut event = event.clone();
            if self.is("loses tags") {
                event.tags = Arc::default();
            }
            state.next += 1;
            let place = match self.is("repeats places") {
                true => state.next.max(2) / 2 * 2,
                false => state.next,
            };
            state.events.push((place, event));
        }
        if self.is("has no limit") {
            return Ok(0);
        }
        let too_many = state.events.len().saturating_sub(100);
        state.events.drain(..too_many);
        Ok(if self.is("drops in secret") {
            0
        } else {
            too_many as u64
        })
    }

    async fn register(&self, exporter: &str) -> Result<(), EventStoreError> {
        let mut state = self.state.lock().unwrap();
        let end = if self.is("starts at the start") {
            0
        } else {
            state.next
        };
        match self.is("starts again") {
            true => drop(state.cursors.insert(exporter.to_owned(), end)),
            false => drop(state.cursors.entry(exporter.to_owned()).or_insert(end)),
        }
        Ok(())
    }

    async fn waiting(
        &self,
        exporter: &str,
        limit: usize,
    ) -> Result<Vec<(u64, AnalyticsEvent)>, EventStoreError> {
        let state = self.state.lock().unwrap();
        let cursor = match state.cursors.get(exporter) {
            Some(cursor) => *cursor,
            None if self.is("knows everybody") => 0,
            None => return Ok(Vec::new()),
        };
        let events = state.events.iter().filter(|(place, _)| *place > cursor);
        let limit = if self.is("returns all") {
            usize::MAX
        } else {
            limit
        };
        Ok(events.take(limit).cloned().collect())
    }

    async fn advance(
        &self,
        exporter: &str,
        place: u64,
        dead: &[DeadLetter],
    ) -> Result<(), EventStoreError> {
        let state = &mut *self.state.lock().unwrap();
        let is_forward = |cursor: u64| place > cursor || self.is("goes back");
        for (name, cursor) in &mut state.cursors {
            if (name == exporter || self.is("has one cursor")) && is_forward(*cursor) {
                *cursor = place;
            }
        }
        for letter in dead {
            if !state.letters.contains(letter) || self.is("keeps letters twice") {
                state.letters.push(letter.clone());
            }
        }
        let done = state.cursors.values().min().copied().unwrap_or_default();
        state.events.retain(|(place, _)| *place > done);
        Ok(())
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, EventStoreError> {
        Ok(self.state.lock().unwrap().letters.clone())
    }
}

async fn suite(bug: &'static str) {
    let state = Arc::<Mutex<State>>::default();
    conformance::event_outbox(async || Outbox {
        bug,
        state: match bug {
            "forgets" => Arc::default(),
            _ => state.clone(),
        },
    })
    .await;
}

#[tokio::test]
async fn a_right_outbox_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_of_an_outbox_can_be_broken() {
    for (bug, law) in [
        ("doubles", "events wait once and in order"),
        ("loses tags", "an event is kept as it is"),
        ("repeats places", "places grow"),
        ("has no limit", "the last events are kept"),
        ("drops in secret", "the last events are kept"),
        ("starts at the start", "events wait once and in order"),
        ("starts again", "events wait once and in order"),
        ("knows everybody", "nothing waits for an exporter"),
        ("returns all", "no more events are returned"),
        ("goes back", "a cursor moves forward only"),
        ("has one cursor", "each exporter has a cursor of its own"),
        ("keeps letters twice", "dead letters are kept once"),
        ("forgets", "an outbox outlives the process"),
    ] {
        breaks(law, suite(bug)).await;
    }
}

#[derive(Debug)]
struct Store(&'static str);

#[async_trait]
impl EventStore for Store {
    async fn events(&self, query: &EventQuery) -> Result<Vec<AnalyticsEvent>, EventStoreError> {
        let mut query = query.clone();
        match self.0 {
            "session" => query.session = None,
            "types" => query.types.clear(),
            "tag" => query.tag = None,
            "since" => query.since = None,
            "until" => query.until = None,
            "after" => query.after = None,
            "order" => query.newest_first = false,
            "limit" => query.limit = None,
            _ => {}
        }
        Ok(query.select(conformance::stored_events()))
    }
}

#[tokio::test]
async fn each_condition_of_a_store_counts() {
    conformance::event_store(&Stored(conformance::stored_events())).await;
    for bug in [
        "session", "types", "tag", "since", "until", "after", "order", "limit",
    ] {
        breaks(
            "events are found by time",
            conformance::event_store(&Store(bug)),
        )
        .await;
    }
}

#[derive(Debug)]
struct Stored(Vec<AnalyticsEvent>);

#[async_trait]
impl EventStore for Stored {
    async fn events(&self, query: &EventQuery) -> Result<Vec<AnalyticsEvent>, EventStoreError> {
        Ok(query.select(self.0.clone()))
    }
}
