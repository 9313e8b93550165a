//! The ports of a turn: where the coordinators meet that do not know each other.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::de::IgnoredAny;
use victor_chat_protocol::{
    CheckOutput, ContextCompacted, EventSink, ModeSwitched, ModelCall, OutputContract,
    SuspendedTurn, TooLong, TurnEventKind, TurnPorts,
};
use victor_checkpoint_protocol::{CheckpointCause, CheckpointDraft, CheckpointManager};
use victor_config_protocol::EffectiveConfig;
use victor_context_protocol::{CompactionReport, ContextError, Prepared, WindowRequest};
use victor_core::{
    BoxError, Context, Effect, JsonMap, Message, ModelId, ToolCall, ToolSpec, TurnId, contain,
    contain_sync,
};
use victor_provider_protocol::{
    CapabilitySource, ChatRequest, CompletionStream, ProviderError, ProviderErrorKind,
    ResponseFormat, ToolChoice,
};
use victor_session_protocol::{OpenTurn, TurnChange, TurnLease};
use victor_tool_protocol::{GivenApproval, ToolResults, ToolScope, Verdict};

use crate::checkpoints;
use crate::modes::unkept;
use crate::orchestrator::Inner;
use crate::roles::Roles;
use crate::seen::{Seen, has_run};
use crate::tools::{latest_user_text, visible_tools, with_mode};

/// How many tokens an answer is taken to need where nobody says.
const ANSWER_TOKENS: u64 = 4096;

/// The ports of one turn.
#[derive(Debug)]
pub(crate) struct SessionPorts {
    pub(crate) inner: Arc<Inner>,
    pub(crate) roles: Roles,
    pub(crate) config: Arc<EffectiveConfig>,
    pub(crate) seen: Arc<Seen>,
    /// The model that the session's own configuration names.
    pub(crate) model: Option<ModelId>,
    /// The system prompt without what the mode says.
    pub(crate) prompt: Arc<str>,
    pub(crate) turn: TurnId,
    /// Whether an answer fits, where that is known better than that it must be JSON.
    pub(crate) check: Option<Arc<dyn CheckOutput>>,
    pub(crate) events: EventSink,
    /// What the user wants, which stays the same all through the turn.
    pub(crate) question: OnceLock<Arc<str>>,
    /// Where the turn could be taken up again after its last step; kept where somebody wants to know it.
    pub(crate) open: Mutex<Option<Box<SuspendedTurn>>>,
    /// The facts of the request, until the turn has written for the first time.
    pub(crate) unwritten: Mutex<Option<JsonMap>>,
    /// The right to work on the session; gone once the turn has been abandoned.
    pub(crate) lease: Mutex<Option<Arc<TurnLease>>>,
}

/// What the model is told and shown beside the conversation.
#[derive(Debug)]
struct Preamble {
    prompt: Arc<str>,
    model: Option<ModelId>,
    tools: Arc<[ToolSpec]>,
}

/// What a session's context must fit into: the window of its model, less what an answer needs.
pub(crate) fn window_request(
    roles: &Roles,
    config: &EffectiveConfig,
    model: Option<&ModelId>,
) -> WindowRequest {
    let settings = &config.settings;
    let model = roles.model(model);
    let capabilities = roles.provider.capabilities(&model);
    let learned = match capabilities.source {
        CapabilitySource::Learned => capabilities.context_window,
        _ => None,
    };
    // A window that was set may be smaller than the model's, and cannot be larger than its provider takes.
    let set = settings.context_window;
    let set = set.filter(|set| learned.is_none_or(|learned| *set <= learned));
    let window = set.or(capabilities.context_window);
    let is_declared = set.is_some() || capabilities.source == CapabilitySource::Declared;
    let answer = settings
        .max_output_tokens
        .map(u64::from)
        .or(capabilities.max_output_tokens);
    let mut request = WindowRequest::default();
    request.window = window;
    // Whoever says how large the window is may know that a server cuts what is longer. All others may count as they do.
    request.best_effort = !is_declared;
    request.model = Some(model);
    // A model may be able to fill its whole window with one answer; it need not be able to at any time.
    request.reserved = answer
        .unwrap_or(ANSWER_TOKENS)
        .min(window.map_or(u64::MAX, |window| window / 4));
    // Where nobody has set them, the coordinator has its own.
    request.threshold = config
        .is_set("context_compaction_threshold")
        .then_some(settings.context_compaction_threshold);
    request.strategy = config
        .is_set("context_compaction_strategy")
        .then(|| settings.context_compaction_strategy.clone());
    request
}

impl SessionPorts {
    /// What the model is told and shown in its next call beside the conversation: the mode may have been switched since
    /// the last one, and tools may have come.
    async fn preamble(&self) -> Preamble {
        let session = self.events.session();
        let mut preamble = Preamble {
            prompt: self.prompt.clone(),
            model: self.model.clone(),
            tools: Arc::default(),
        };
        let switched = with_mode(self.roles.mode.as_ref(), session, |mode| {
            if !mode.prompt.is_empty() {
                let prompt = format!("{}\n\n{}", self.prompt, mode.prompt);
                preamble.prompt = prompt.trim_start().into();
            }
            if mode.model.is_some() {
                preamble.model.clone_from(&mode.model);
            }
            let (from, by) = self.seen.enter(session, &mode.name)?;
            Some(ModeSwitched::new(
                from.as_ref().into(),
                mode.name.clone(),
                by.to_string(),
            ))
        });
        if let Some(switched) = switched.flatten() {
            self.events.emit(switched).await;
        }
        let question = self.question.get_or_init(|| {
            let context = self.roles.context.context(session);
            latest_user_text(context.messages())
        });
        let (lists, used) = (&self.inner.tool_lists, self.seen.used(session));
        let (tools, problem) =
            visible_tools(&self.roles, lists, session, question.clone(), used).await;
        if let Some(problem) = problem {
            let notice = TurnEventKind::notice("tool selection", problem);
            self.events.emit(notice).await;
        }
        preamble.tools = tools;
        preamble
    }

    /// How many tokens the system prompt, the tools, the form of the answer and a note take.
    fn preamble_tokens(&self, call: &ModelCall, preamble: &Preamble) -> u64 {
        let counter = self.roles.context.counter();
        let count = |text: &str| u64::from(counter.count_text(text));
        let schema = |contract: &OutputContract| count(&contract.format.schema.to_string());
        let output = call.output.as_ref().map(schema);
        let note = call.note.as_deref().map(count);
        let session = self.events.session();
        self.seen.prompt_tokens(session, &preamble.prompt, count)
            + self.inner.tool_lists.tokens(&preamble.tools, count)
            + output.unwrap_or_default()
            + note.unwrap_or_default()
    }

    /// Asks for an answer of a form: of the provider where it can hold the model to it, and otherwise by a tool that
    /// takes the answer. Nobody is made to call that tool, since some models refuse that, and one that answers in
    /// plain text is understood too.
    fn ask_for(
        &self,
        format: &Arc<ResponseFormat>,
        preamble: &Preamble,
        request: &mut ChatRequest,
    ) {
        let model = self.roles.model(preamble.model.as_ref());
        if format.strict && self.roles.provider.capabilities(&model).structured_output {
            request.response_format = Some(format.clone());
            return;
        }
        let ResponseFormat {
            name,
            description,
            schema,
            ..
        } = &**format;
        let tool = ToolSpec::new(name, description, schema.clone()).with_effect(Effect::ReadOnly);
        request.tools = preamble.tools.iter().cloned().chain([tool]).collect();
        request.tool_choice = ToolChoice::Auto;
        let system = format!(
            "{}\n\nGive your final answer by calling the tool `{name}`, once, when you have all that it takes.",
            preamble.prompt
        );
        request.system = Some(system.trim_start().into());
    }

    async fn prepare(
        &self,
        call: &ModelCall,
        preamble: &Preamble,
    ) -> Result<Context, ProviderError> {
        let (context, session) = (&self.roles.context, self.events.session());
        let mut request = window_request(&self.roles, &self.config, preamble.model.as_ref());
        request.preamble = self.preamble_tokens(call, preamble);
        request.force = call.too_long.is_some();
        let refused = call.too_long.as_ref();
        if let Some(told) = refused.and_then(|told| told.context_window) {
            // A router that learns it has said so already.
            request.window = Some(request.window.map_or(told, |window| window.min(told)));
            request.reserved = request.reserved.min(told / 4);
            request.best_effort = true;
        }
        if let (Some(tokens), Some(model)) =
            (refused.and_then(|told| told.request_tokens), &request.model)
        {
            // What a coordinator makes of the report is not felt by the turn.
            let _ = contain_sync(|| context.observe_usage(session, model, tokens));
        }
        // A copy of some pointers, from which a checkpoint is made if the context turns out to be compacted.
        let before = self
            .roles
            .checkpoint
            .is_some()
            .then(|| context.context(session));
        let prepared = match contain(context.prepare(session, &request)).await {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(error)) => return Err(does_not_fit(error, refused)),
            Err(panicked) => {
                self.events
                    .emit(TurnEventKind::notice("context", panicked.to_string()))
                    .await;
                Prepared::new(context.context(session), None)
            }
        };
        if let Some(report) = prepared.compaction {
            if let Some(before) = before {
                self.checkpoint(CheckpointCause::BeforeCompaction, before)
                    .await;
            }
            self.tell(report).await;
        }
        Ok(prepared.context)
    }

    /// Makes a checkpoint if one is due. The turn goes on if that fails.
    async fn checkpoint(&self, cause: CheckpointCause, context: Context) {
        let Some(manager) = self.roles.checkpoint.as_deref() else {
            return;
        };
        if self.is_due(manager, &cause) {
            self.make_checkpoint(manager, cause, context).await;
        }
    }

    fn is_due(&self, manager: &dyn CheckpointManager, cause: &CheckpointCause) -> bool {
        contain_sync(|| manager.is_due(self.events.session(), cause)).unwrap_or_default()
    }

    async fn make_checkpoint(
        &self,
        manager: &dyn CheckpointManager,
        cause: CheckpointCause,
        context: Context,
    ) {
        let session = self.events.session();
        let open = lock(&self.open).clone();
        let mut draft = CheckpointDraft::new(session.clone(), context, cause);
        draft.turn = Some(self.turn);
        draft.state = checkpoints::state(&self.roles, &self.seen, session, open.as_deref());
        if let Err(problem) = checkpoints::make(manager, draft).await {
            let notice = TurnEventKind::notice("checkpoint", problem);
            self.events.emit(notice).await;
        }
    }

    /// Makes a checkpoint if so many of the calls that have run are enough for one.
    async fn checkpoint_after(&self, messages: &[Arc<Message>]) {
        let Some(manager) = self.roles.checkpoint.as_deref() else {
            return;
        };
        let results = messages.iter().flat_map(|message| message.tool_results());
        // Every call counts, and many of one answer are one state to go back to.
        let due = results
            .filter(|result| has_run(&result.outcome))
            .filter(|_| self.is_due(manager, &CheckpointCause::ToolCalls))
            .count();
        if due > 0 {
            let context = self.roles.context.context(self.events.session());
            self.make_checkpoint(manager, CheckpointCause::ToolCalls, context)
                .await;
        }
    }

    /// Makes a checkpoint if one of the calls may destroy something.
    async fn checkpoint_before(&self, calls: &[ToolCall], verdicts: &[Verdict]) {
        if self.roles.checkpoint.is_none() {
            return;
        }
        let specs = self.roles.tool.specs();
        let destroys = |call: &ToolCall| {
            let spec = specs.iter().find(|spec| spec.name == call.name);
            spec.is_some_and(|spec| spec.effect == Effect::Destructive)
        };
        let mut cleared = calls.iter().zip(verdicts);
        if cleared.any(|(call, verdict)| *verdict == Verdict::Run && destroys(call)) {
            let context = self.roles.context.context(self.events.session());
            self.checkpoint(CheckpointCause::BeforeDestructive, context)
                .await;
        }
    }

    async fn tell(&self, report: CompactionReport) {
        if let Some(reason) = &report.fallback {
            self.events
                .emit(TurnEventKind::notice("context", reason))
                .await;
        }
        let compacted = ContextCompacted::new(
            report.strategy,
            report.messages_before,
            report.messages_after,
            report.tokens_before,
            report.tokens_after,
        );
        self.events.emit(compacted).await;
    }

    fn scope(&self) -> ToolScope {
        let mut scope = ToolScope::new(self.events.session().clone(), self.turn);
        scope.timeout = self
            .config
            .is_set("tool_calling_timeout")
            .then(|| Duration::from_secs(self.config.settings.tool_calling_timeout));
        scope
    }

    /// What becomes of the turn's journal.
    fn journaled(&self, open: Option<&SuspendedTurn>) -> Result<TurnChange, BoxError> {
        if !self.roles.session.persists_turns() {
            return Ok(TurnChange::Keep);
        }
        let Some(open) = open else {
            return Ok(TurnChange::Close);
        };
        let state = serde_json::to_string(open)?;
        let session = self.events.session().clone();
        let journaled = OpenTurn::new(session, self.turn, state);
        let waits = !open.approvals.is_empty();
        Ok(TurnChange::Open(journaled.with_waits(waits)))
    }

    async fn store(
        &self,
        messages: &[Arc<Message>],
        open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        let Some(lease) = self.lease() else {
            return Err("the turn no longer holds its session".into());
        };
        let journal = self.journaled(open.as_ref())?;
        if self.roles.checkpoint.is_some() {
            *lock(&self.open) = open.map(Box::new);
        }
        if messages.is_empty() && journal == TurnChange::Keep {
            return Ok(());
        }
        let first = lock(&self.unwritten).take();
        let committed = self
            .inner
            .write(&lease, self.turn, messages, journal, first);
        if let Err(error) = committed.await {
            self.seen.mistrust(lease.session());
            return Err(error);
        }
        self.seen.wrote(lease.session(), messages);
        self.roles.context.append(lease.session(), messages);
        Ok(())
    }

    fn lease(&self) -> Option<Arc<TurnLease>> {
        lock(&self.lease).clone()
    }
}

/// Why no request can be made of a context, with what the provider said that has refused it.
fn does_not_fit(error: ContextError, refused: Option<&TooLong>) -> ProviderError {
    let ContextError::TooLarge(mut too_large) = error else {
        let kind = ProviderErrorKind::InvalidRequest;
        return ProviderError::new(kind, "context", error.to_string());
    };
    let window = too_large.window;
    too_large.refusal = refused.map(|told| told.message.clone().into());
    ProviderError::new(
        ProviderErrorKind::ContextTooLong,
        "context",
        "the request is too long",
    )
    .with_overflow(window, None)
    .with_source(ContextError::TooLarge(too_large))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one assignment, so a poisoned lock guards a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl TurnPorts for SessionPorts {
    async fn call_model(&self, call: &ModelCall) -> Result<CompletionStream, ProviderError> {
        let preamble = self.preamble().await;
        let mut context = self.prepare(call, &preamble).await?;
        if let Some(note) = &call.note {
            context.push(Message::note(note));
        }
        let mut request = ChatRequest::to_current_model(context);
        request.model.clone_from(&preamble.model);
        request.system = (!preamble.prompt.is_empty()).then(|| preamble.prompt.clone());
        // The tools stay in the request when they may not be called: providers demand them where the history has
        // calls, and their prompt caches begin with them.
        request.tools = preamble.tools.clone();
        request.tool_choice = if call.tools {
            ToolChoice::Auto
        } else {
            ToolChoice::None
        };
        if let Some(contract) = &call.output {
            self.ask_for(&contract.format, &preamble, &mut request);
        }
        request.max_output_tokens = self.config.settings.max_output_tokens;
        request.temperature = self.config.settings.temperature;
        request.session = Some(self.events.session().clone());
        Ok(self.roles.provider.stream_chat(request))
    }

    async fn review_tools(&self, calls: &[ToolCall], approvals: &[GivenApproval]) -> Vec<Verdict> {
        let mut scope = self.scope();
        scope.approvals = approvals.to_vec();
        match contain(self.roles.tool.review_tool_calls(calls, &scope)).await {
            Ok(verdicts) => {
                self.checkpoint_before(calls, &verdicts).await;
                verdicts
            }
            Err(panicked) => {
                let reason = format!("the tool executor {panicked}");
                vec![Verdict::Deny { reason }; calls.len()]
            }
        }
    }

    fn run_tools(&self, calls: Vec<ToolCall>) -> ToolResults {
        self.roles.tool.run_tool_calls(calls, &self.scope())
    }

    fn check_output(&self, _contract: &OutputContract, text: &str) -> Result<(), String> {
        let Some(check) = &self.check else {
            // The turn was taken up again by somebody who did not say what its answer is read as.
            let read = serde_json::from_str::<IgnoredAny>(text);
            return read
                .map(drop)
                .map_err(|error| format!("it is not JSON ({error})"));
        };
        check.check(text)
    }

    async fn commit(
        &self,
        messages: &[Arc<Message>],
        open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        self.store(messages, open).await?;
        self.checkpoint_after(messages).await;
        Ok(())
    }

    fn persists_turns(&self) -> bool {
        self.roles.session.persists_turns() || self.roles.checkpoint.is_some()
    }

    async fn journal(&self, open: &SuspendedTurn) -> Result<(), BoxError> {
        self.store(&[], Some(open.clone())).await
    }

    fn abandon(&self, messages: Vec<Arc<Message>>) {
        let lease = lock(&self.lease).take();
        // Nobody else holds the lease: a commit that did was dropped with the turn.
        let Some(lease) = lease.and_then(Arc::into_inner) else {
            return;
        };
        // A commit that was dropped may have written some of them already, so they are counted at the next turn.
        self.seen.mistrust(lease.session());
        self.roles.context.append(lease.session(), &messages);
        let facts = unkept(&self.roles, &self.seen, lease.session());
        self.roles
            .session
            .record_abandoned(lease, self.turn, messages, facts);
    }
}
