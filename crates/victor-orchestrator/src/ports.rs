//! The ports of a turn: where the coordinators meet that do not know each other.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::de::IgnoredAny;
use victor_chat_protocol::{
    ContextCompacted, EventSink, ModelCall, OutputContract, SuspendedTurn, TurnEventKind, TurnPorts,
};
use victor_config_protocol::Settings;
use victor_context_protocol::{CompactionReport, Prepared, WindowRequest};
use victor_core::wire::Extra;
use victor_core::{
    BoxError, Context, Effect, Message, ModelId, ToolCall, ToolSpec, TurnId, contain,
};
use victor_provider_protocol::{
    ChatRequest, CompletionStream, ProviderError, ProviderErrorKind, ResponseFormat, ToolChoice,
};
use victor_session_protocol::{OpenTurn, TurnChange, TurnLease};
use victor_tool_protocol::{GivenApproval, ToolResults, ToolScope, Verdict};

use crate::roles::Roles;
use crate::seen::Seen;

/// How many tokens an answer is taken to need where nobody says.
const ANSWER_TOKENS: u64 = 4096;

/// The ports of one turn.
#[derive(Debug)]
pub(crate) struct SessionPorts {
    pub(crate) roles: Roles,
    pub(crate) settings: Settings,
    pub(crate) seen: Arc<Seen>,
    /// The model that the session's own configuration names.
    pub(crate) model: Option<ModelId>,
    pub(crate) prompt: Arc<str>,
    pub(crate) tools: Arc<[ToolSpec]>,
    pub(crate) turn: TurnId,
    /// Whether an answer fits, where that is known better than that it must be JSON.
    pub(crate) check: Option<Arc<dyn CheckOutput>>,
    pub(crate) events: EventSink,
    /// The right to work on the session; gone once the turn has been abandoned.
    pub(crate) lease: Mutex<Option<Arc<TurnLease>>>,
}

/// Knows whether an answer has the form that was asked for.
pub(crate) trait CheckOutput: fmt::Debug + Send + Sync {
    /// What the model is told whose answer does not fit.
    fn check(&self, text: &str) -> Result<(), String>;
}

/// What a session's context must fit into: the window of its model, less what an answer needs.
pub(crate) fn window_request(
    roles: &Roles,
    settings: &Settings,
    model: Option<&ModelId>,
) -> WindowRequest {
    let model = roles.model(model);
    let capabilities = roles.provider.capabilities(&model);
    let window = settings.context_window.or(capabilities.context_window);
    let answer = settings
        .max_output_tokens
        .map(u64::from)
        .or(capabilities.max_output_tokens);
    let mut request = WindowRequest::default();
    request.window = window;
    request.model = Some(model);
    // A model may be able to fill its whole window with one answer; it need not be able to at any time.
    request.reserved = answer
        .unwrap_or(ANSWER_TOKENS)
        .min(window.map_or(u64::MAX, |window| window / 4));
    request.threshold = Some(settings.context_compaction_threshold);
    request.strategy = Some(settings.context_compaction_strategy.clone());
    request
}

impl SessionPorts {
    /// How many tokens the system prompt, the tools, the form of the answer and a note take.
    fn preamble_tokens(&self, call: &ModelCall) -> u64 {
        let counter = self.roles.context.counter();
        let count = |text: &str| u64::from(counter.count_text(text));
        let schema = |contract: &OutputContract| count(&contract.format.schema.to_string());
        let output = call.output.as_ref().map(schema);
        let note = call.note.as_deref().map(count);
        let session = self.events.session();
        self.seen.prompt_tokens(session, &self.prompt, count)
            + self.seen.tool_tokens(&self.tools, count)
            + output.unwrap_or_default()
            + note.unwrap_or_default()
    }

    /// Asks for an answer of a form: of the provider where it can hold the model to it, and otherwise by a tool that
    /// takes the answer. Nobody is made to call that tool, since some models refuse that, and one that answers in
    /// plain text is understood too.
    fn ask_for(&self, format: &Arc<ResponseFormat>, request: &mut ChatRequest) {
        let model = self.roles.model(self.model.as_ref());
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
        request.tools = self.tools.iter().cloned().chain([tool]).collect();
        request.tool_choice = ToolChoice::Auto;
        let system = format!(
            "{}\n\nGive your final answer by calling the tool `{name}`, once, when you have all that it takes.",
            self.prompt
        );
        request.system = Some(system.trim_start().into());
    }

    async fn prepare(&self, call: &ModelCall) -> Result<Context, ProviderError> {
        let (context, session) = (&self.roles.context, self.events.session());
        let mut request = window_request(&self.roles, &self.settings, self.model.as_ref());
        request.preamble = self.preamble_tokens(call);
        request.force = call.shrink;
        let prepared = match contain(context.prepare(session, &request)).await {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(error)) => {
                let kind = ProviderErrorKind::ContextTooLong;
                return Err(ProviderError::new(kind, "context", error.to_string()));
            }
            Err(panicked) => {
                self.events
                    .emit(TurnEventKind::notice("context", panicked.to_string()))
                    .await;
                Prepared::new(context.context(session), None)
            }
        };
        if let Some(report) = prepared.compaction {
            self.tell(report).await;
        }
        Ok(prepared.context)
    }

    async fn tell(&self, report: CompactionReport) {
        if let Some(reason) = &report.fallback {
            self.events
                .emit(TurnEventKind::notice("context", reason))
                .await;
        }
        let compacted = ContextCompacted {
            strategy: report.strategy,
            messages_before: report.messages_before,
            messages_after: report.messages_after,
            tokens_before: report.tokens_before,
            tokens_after: report.tokens_after,
            extra: Extra::default(),
        };
        self.events.emit(compacted).await;
    }

    fn scope(&self) -> ToolScope {
        let mut scope = ToolScope::new(self.events.session().clone(), self.turn);
        scope.timeout = Some(Duration::from_secs(self.settings.tool_calling_timeout));
        scope
    }

    fn opened(&self, open: &SuspendedTurn) -> Result<TurnChange, BoxError> {
        let state = serde_json::to_string(open)?;
        let session = self.events.session().clone();
        Ok(TurnChange::Open(OpenTurn::new(session, self.turn, state)))
    }

    async fn store(&self, messages: &[Arc<Message>], journal: TurnChange) -> Result<(), BoxError> {
        let Some(lease) = self.lease() else {
            return Err("the turn no longer holds its session".into());
        };
        let committed = self
            .roles
            .session
            .commit(&lease, self.turn, messages, journal);
        if let Err(error) = committed.await {
            self.seen.forget(lease.session());
            return Err(error.into());
        }
        self.seen.wrote(lease.session(), messages.len());
        self.roles.context.append(lease.session(), messages);
        Ok(())
    }

    fn lease(&self) -> Option<Arc<TurnLease>> {
        self.lease
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl TurnPorts for SessionPorts {
    async fn call_model(&self, call: &ModelCall) -> Result<CompletionStream, ProviderError> {
        let mut context = self.prepare(call).await?;
        if let Some(note) = &call.note {
            context.push(Message::note(note));
        }
        // Without a name, the router takes its current model together with its current provider.
        let model = self.model.clone().unwrap_or_else(|| ModelId::from(""));
        let mut request = ChatRequest::new(model, context);
        request.system = (!self.prompt.is_empty()).then(|| self.prompt.clone());
        // The tools stay in the request when they may not be called: providers demand them where the history has
        // calls, and their prompt caches begin with them.
        request.tools = self.tools.clone();
        request.tool_choice = if call.tools {
            ToolChoice::Auto
        } else {
            ToolChoice::None
        };
        if let Some(contract) = &call.output {
            self.ask_for(&contract.format, &mut request);
        }
        request.max_output_tokens = self.settings.max_output_tokens;
        request.temperature = self.settings.temperature;
        request.session = Some(self.events.session().clone());
        Ok(self.roles.provider.stream_chat(request))
    }

    async fn review_tools(&self, calls: &[ToolCall], approvals: &[GivenApproval]) -> Vec<Verdict> {
        let mut scope = self.scope();
        scope.approvals = approvals.to_vec();
        match contain(self.roles.tool.review_tool_calls(calls, &scope)).await {
            Ok(verdicts) => verdicts,
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
        open: Option<&SuspendedTurn>,
    ) -> Result<(), BoxError> {
        let journal = match open {
            Some(open) => self.opened(open)?,
            None if self.journals() => TurnChange::Close,
            None => TurnChange::Keep,
        };
        self.store(messages, journal).await
    }

    fn journals(&self) -> bool {
        self.roles.session.journals()
    }

    async fn journal(&self, open: &SuspendedTurn) -> Result<(), BoxError> {
        self.store(&[], self.opened(open)?).await
    }

    fn abandon(&self, messages: Vec<Arc<Message>>) {
        let lease = self
            .lease
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Nobody else holds the lease: a commit that did was dropped with the turn.
        let Some(lease) = lease.and_then(Arc::into_inner) else {
            return;
        };
        // A commit that was dropped may have written some of them already, so they are counted at the next turn.
        self.seen.forget(lease.session());
        self.roles.context.append(lease.session(), &messages);
        self.roles
            .session
            .record_abandoned(lease, self.turn, messages);
    }
}
