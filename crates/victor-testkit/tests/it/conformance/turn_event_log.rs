use std::time::Duration;

use async_trait::async_trait;
use victor_chat_protocol::{EventBatch, EventLogError, InMemoryEventLog, TurnEvent, TurnEventLog};
use victor_core::{Timestamp, TurnId};
use victor_testkit::conformance;

use super::breaks;

#[derive(Debug)]
struct Log {
    bug: &'static str,
    inner: InMemoryEventLog,
}

impl Log {
    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }
}

#[async_trait]
impl TurnEventLog for Log {
    async fn append(&self, batches: &[EventBatch]) -> Result<Vec<u64>, EventLogError> {
        let mut batches = batches.to_vec();
        for batch in &mut batches {
            if self.is("doubles") {
                batch.first = self.inner.len(batch.turn).await?;
            }
        }
        if self.is("drops the rest") {
            batches.truncate(1);
        }
        self.inner.append(&batches).await
    }

    async fn len(&self, turn: TurnId) -> Result<u64, EventLogError> {
        let len = self.inner.len(turn).await?;
        Ok(if self.is("miscounts") { len * 2 } else { len })
    }

    async fn read(
        &self,
        turn: TurnId,
        from: u64,
        max: usize,
    ) -> Result<Vec<TurnEvent>, EventLogError> {
        let from = if self.is("skips") {
            from + from % 2
        } else {
            from
        };
        let mut events = self.inner.read(turn, from, max).await?;
        if self.is("turns around") {
            events.reverse();
        }
        Ok(events)
    }

    async fn wait(&self, turn: TurnId, known: u64, time: Duration) -> Result<(), EventLogError> {
        if self.is("does not wait") {
            return Ok(());
        }
        self.inner.wait(turn, known, time).await
    }

    async fn remove_before(&self, time: Timestamp) -> Result<u64, EventLogError> {
        let keeps = self.is("keeps all");
        let time = if keeps { Timestamp::default() } else { time };
        self.inner.remove_before(time).await
    }
}

async fn suite(bug: &'static str) {
    conformance::turn_event_log(async || Log {
        bug,
        inner: InMemoryEventLog::default(),
    })
    .await;
}

#[tokio::test]
async fn a_right_log_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_of_a_log_of_turns_can_be_broken() {
    for (bug, law) in [
        ("doubles", "a batch is appended where its turn is"),
        ("drops the rest", "a batch is appended where its turn is"),
        ("miscounts", "events are counted"),
        ("skips", "events come back in order"),
        ("turns around", "events come back in order"),
        ("does not wait", "who follows is told of what comes"),
        ("keeps all", "what is old is removed"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
