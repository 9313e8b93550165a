//! Checkpoints that a turn makes.

use std::sync::Arc;

use victor_chat_protocol::{EventSink, SuspendedTurn, TurnEventKind};
use victor_checkpoint_protocol::{CheckpointCause, CheckpointDraft, CheckpointManager};
use victor_core::{Context, Effect, Lock, Message, ToolCall, ToolSpec, contain, contain_sync};
use victor_session_loader::has_run;
use victor_tool_protocol::Verdict;

use crate::SessionCheckpoints;

/// The checkpoints of a turn, where a coordinator makes any. The turn goes on if one fails.
#[derive(Debug)]
pub struct TurnCheckpoints {
    checkpoints: Arc<SessionCheckpoints>,
    events: EventSink,
    /// Whether checkpoints are made.
    is_enabled: bool,
    /// The turn as it could be resumed after its last write.
    open: Lock<Option<Box<SuspendedTurn>>>,
}

impl TurnCheckpoints {
    /// Makes the checkpoints of the turn that emits these events.
    #[must_use]
    pub fn new(checkpoints: Arc<SessionCheckpoints>, events: EventSink) -> Self {
        Self {
            checkpoints,
            events,
            is_enabled: true,
            open: Lock::default(),
        }
    }

    /// Makes none, where the settings say so.
    #[must_use]
    pub fn enabled(mut self, is_enabled: bool) -> Self {
        self.is_enabled = is_enabled;
        self
    }

    /// Notes where the turn could be resumed.
    pub fn note_open(&self, open: Option<SuspendedTurn>) {
        if self.manager().is_some() {
            *self.open.lock() = open.map(Box::new);
        }
    }

    /// Makes a checkpoint of the context as it was before a compaction, if one is due.
    pub async fn before_compaction(&self, before: Context) {
        self.make_if_due(CheckpointCause::BeforeCompaction, before)
            .await;
    }

    /// Makes a checkpoint if one of the calls may destroy something, as the tools say.
    pub async fn before_calls(
        &self,
        tools: impl FnOnce() -> Arc<[ToolSpec]>,
        calls: &[ToolCall],
        verdicts: &[Verdict],
    ) {
        if self.manager().is_none() {
            return;
        }
        let specs = tools();
        let destroys = |call: &ToolCall| {
            let spec = specs.iter().find(|spec| spec.name == call.name);
            spec.is_some_and(|spec| spec.effect == Effect::Destructive)
        };
        let mut cleared = calls.iter().zip(verdicts);
        if cleared.any(|(call, verdict)| *verdict == Verdict::Run && destroys(call)) {
            let context = self.context();
            self.make_if_due(CheckpointCause::BeforeDestructive, context)
                .await;
        }
    }

    /// Makes a checkpoint if enough calls have run since the last one. Every call counts, and many calls of one answer
    /// are one state to go back to.
    pub async fn after_calls(&self, messages: &[Arc<Message>]) {
        let Some(manager) = self.manager() else {
            return;
        };
        let due = messages
            .iter()
            .flat_map(|message| message.tool_results())
            .filter(|result| has_run(&result.outcome))
            .filter(|_| self.is_due(manager, &CheckpointCause::ToolCalls))
            .count();
        if due > 0 {
            let context = self.context();
            self.make(manager, CheckpointCause::ToolCalls, context)
                .await;
        }
    }

    fn manager(&self) -> Option<&dyn CheckpointManager> {
        self.checkpoints.sessions.checkpoints()
    }

    fn context(&self) -> Context {
        let sessions = &self.checkpoints.sessions;
        sessions.context().context(self.events.session())
    }

    fn is_due(&self, manager: &dyn CheckpointManager, cause: &CheckpointCause) -> bool {
        let is_due = || contain_sync(|| manager.is_due(self.events.session(), cause));
        self.is_enabled && is_due().unwrap_or_default()
    }

    async fn make_if_due(&self, cause: CheckpointCause, context: Context) {
        if let Some(manager) = self.manager()
            && self.is_due(manager, &cause)
        {
            self.make(manager, cause, context).await;
        }
    }

    async fn make(
        &self,
        manager: &dyn CheckpointManager,
        cause: CheckpointCause,
        context: Context,
    ) {
        let session = self.events.session();
        let open = self.open.lock().clone();
        let mut draft = CheckpointDraft::new(session.clone(), context, cause);
        draft.turn = Some(self.events.turn());
        draft.state = self.checkpoints.state(session, open.as_deref());
        let problem = match contain(manager.create_checkpoint(draft)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        let notice = TurnEventKind::notice("checkpoint", problem);
        self.events.emit(notice).await;
    }
}
