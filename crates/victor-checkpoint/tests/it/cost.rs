//! What checkpoints cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allocation_counter::{AllocationInfo, measure};
use async_trait::async_trait;
use victor_checkpoint::CheckpointCoordinator;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointManager, CheckpointStore,
};
use victor_checkpoint_protocol::{History, HistoryLink};
use victor_core::{CheckpointId, Message, Messages, SessionId, ToolCall, ToolOutcome, ToolResult};
use victor_testkit::{count_polls, drive};

use crate::{create, draft, messages};

/// Keeps nothing, and counts what a store would have to keep.
#[derive(Debug, Default)]
struct Scales {
    messages: AtomicUsize,
    beside: AtomicUsize,
}

#[async_trait]
impl CheckpointStore for Scales {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        let row = serde_json::to_vec(checkpoint).unwrap().len();
        for link in links {
            let message = serde_json::to_vec(&*link.message).unwrap().len();
            self.messages.fetch_add(message, Ordering::Relaxed);
        }
        // A link is its own hash, that of what is before it, and that of its message.
        self.beside
            .fetch_add(row + 3 * 32 * links.len(), Ordering::Relaxed);
        Ok(())
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        Err(CheckpointError::NotFound(id))
    }

    async fn messages(&self, _: &History) -> Result<Messages, CheckpointError> {
        Ok(Messages::new())
    }

    async fn list(&self, _: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        Ok(Vec::new())
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        Ok(ids.len())
    }
}

/// What 32 checkpoints allocate, one for each further message, in a conversation of so many.
fn allocations(len: usize) -> AllocationInfo {
    let checkpoints = CheckpointCoordinator::new(Arc::new(Scales::default()));
    let mut messages = messages(len);
    // The first ones make room.
    let mut grown = (0..64).map(|_| {
        messages.push(Message::user("one message more"));
        messages.clone()
    });
    let (first, then): (Vec<_>, Vec<_>) = (grown.by_ref().take(32).collect(), grown.collect());
    drive(async {
        for messages in &first {
            create(&checkpoints, messages).await;
        }
    });
    measure(|| {
        drive(async {
            for messages in &then {
                create(&checkpoints, messages).await;
            }
        });
    })
}

#[test]
fn a_further_message_costs_the_same_in_a_conversation_of_any_length() {
    let [short, long, longer] = [64, 1_024, 10_240].map(allocations);
    assert_eq!(short.count_total, long.count_total);
    assert_eq!(short.count_total, longer.count_total);
    assert_eq!(short.bytes_total, long.bytes_total);
    assert_eq!(short.bytes_total, longer.bytes_total);
}

#[test]
fn others_work_while_a_long_conversation_is_hashed() {
    let checkpoints = CheckpointCoordinator::new(Arc::new(Scales::default()));
    for (len, expected) in [(10, 1), (6_400, 101)] {
        let messages = messages(len);
        let counted = drive(count_polls(create(&checkpoints, &messages)));
        assert_eq!(counted.unwrap().1, expected);
    }
}

/// A conversation about code: what a user asks, calls of a tool, and the files that it read.
fn conversation(len: usize) -> impl Iterator<Item = Message> {
    (0..len).map(|number| match number % 4 {
        0 => Message::user("Where is the time limit of a call of the store set, and what is it?"),
        1 | 3 => {
            let call = ToolCall::new("call_1", "read_file", r#"{"path": "src/options.rs"}"#);
            Message::new("assistant".into(), vec![call.into()])
        }
        _ => {
            let call = ToolCall::new("call_1", "read_file", "{}");
            let file = include_str!("../../src/options.rs").repeat(5);
            Message::tool_results_of([ToolResult::new(&call, ToolOutcome::Success, file)])
        }
    })
}

#[test]
fn a_thousand_checkpoints_take_little_more_than_the_transcript() {
    let scales = Arc::new(Scales::default());
    let checkpoints = CheckpointCoordinator::new(scales.clone());
    let (mut transcript, mut messages) = (0, Messages::new());
    for message in conversation(1_000) {
        transcript += serde_json::to_vec(&message).unwrap().len();
        messages.push(message);
        let draft = draft(&messages, CheckpointCause::Manual);
        drive(checkpoints.create_checkpoint(draft))
            .unwrap()
            .unwrap();
    }
    let stored = scales.messages.load(Ordering::Relaxed);
    let beside = scales.beside.load(Ordering::Relaxed);
    assert_eq!(stored, transcript, "each message is stored once");
    assert!(beside < 450 * 1_000, "{beside} bytes beside the messages");
    assert!(
        (stored + beside) * 10 < transcript * 12,
        "{beside} bytes beside {transcript} of the transcript"
    );
}
