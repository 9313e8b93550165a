//! Checkpoints that a turn makes.

use std::sync::Arc;

use victor_chat_protocol::SuspendedTurn;
use victor_checkpoint_protocol::{CheckpointCause, CheckpointDraft, CheckpointManager};
use victor_core::{Context, Effect, Lock, Message, ToolCall, contain, contain_sync};
use victor_tool_protocol::Verdict;

use super::scope::TurnScope;
use crate::sessions::has_run;

/// The checkpoints of a turn, where a coordinator makes any. The turn goes on if one fails.
#[derive(Debug, Default)]
pub(super) struct TurnCheckpoints {
    /// The turn as it could be resumed after its last write.
    open: Lock<Option<Box<SuspendedTurn>>>,
}

impl TurnCheckpoints {
    /// Notes where the turn could be resumed.
    pub(super) fn note_open(&self, scope: &TurnScope, open: Option<SuspendedTurn>) {
        if scope.roles().checkpoint.is_some() {
            *self.open.lock() = open.map(Box::new);
        }
    }

    /// Makes a checkpoint of the context as it was before a compaction, if one is due.
    pub(super) async fn before_compaction(&self, scope: &TurnScope, before: Context) {
        self.make_if_due(scope, CheckpointCause::BeforeCompaction, before)
            .await;
    }

    /// Makes a checkpoint if one of the calls may destroy something.
    pub(super) async fn before_calls(
        &self,
        scope: &TurnScope,
        calls: &[ToolCall],
        verdicts: &[Verdict],
    ) {
        let roles = scope.roles();
        if roles.checkpoint.is_none() {
            return;
        }
        let specs = roles.tool.specs();
        let destroys = |call: &ToolCall| {
            let spec = specs.iter().find(|spec| spec.name == call.name);
            spec.is_some_and(|spec| spec.effect == Effect::Destructive)
        };
        let mut cleared = calls.iter().zip(verdicts);
        if cleared.any(|(call, verdict)| *verdict == Verdict::Run && destroys(call)) {
            let context = roles.context.context(scope.session());
            self.make_if_due(scope, CheckpointCause::BeforeDestructive, context)
                .await;
        }
    }

    /// Makes a checkpoint if enough calls have run since the last one. Every call counts, and many calls of one answer
    /// are one state to go back to.
    pub(super) async fn after_calls(&self, scope: &TurnScope, messages: &[Arc<Message>]) {
        let Some(manager) = scope.roles().checkpoint.as_deref() else {
            return;
        };
        let due = messages
            .iter()
            .flat_map(|message| message.tool_results())
            .filter(|result| has_run(&result.outcome))
            .filter(|_| is_due(manager, scope, &CheckpointCause::ToolCalls))
            .count();
        if due > 0 {
            let context = scope.roles().context.context(scope.session());
            self.make(manager, scope, CheckpointCause::ToolCalls, context)
                .await;
        }
    }

    async fn make_if_due(&self, scope: &TurnScope, cause: CheckpointCause, context: Context) {
        if let Some(manager) = scope.roles().checkpoint.as_deref()
            && is_due(manager, scope, &cause)
        {
            self.make(manager, scope, cause, context).await;
        }
    }

    async fn make(
        &self,
        manager: &dyn CheckpointManager,
        scope: &TurnScope,
        cause: CheckpointCause,
        context: Context,
    ) {
        let session = scope.session();
        let open = self.open.lock().clone();
        let mut draft = CheckpointDraft::new(session.clone(), context, cause);
        draft.turn = Some(scope.turn());
        draft.state = scope.sessions.checkpoint_state(session, open.as_deref());
        let problem = match contain(manager.create_checkpoint(draft)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        scope.notice("checkpoint", problem).await;
    }
}

fn is_due(manager: &dyn CheckpointManager, scope: &TurnScope, cause: &CheckpointCause) -> bool {
    contain_sync(|| manager.is_due(scope.session(), cause)).unwrap_or_default()
}
