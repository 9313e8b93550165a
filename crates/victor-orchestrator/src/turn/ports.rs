//! The ports of a turn, where coordinators meet that know nothing of each other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::IgnoredAny;
use victor_chat_protocol::{
    ChatError, ChatResponse, CheckOutput, ContextCompacted, ModelCall, ModelCallError,
    OutputContract, SuspendedTurn, TurnPorts, TurnStart, model_call_trace,
};
use victor_context_protocol::CompactionReport;
use victor_core::{BoxError, Context, Effect, JsonMap, Message, ToolCall, ToolSpec, contain};
use victor_provider_protocol::{ChatRequest, CompletionStream, ResponseFormat, ToolChoice};
use victor_rewind::TurnCheckpoints;
use victor_session_loader::TurnWriter;
use victor_session_protocol::{SessionManagerExt as _, TurnLease};
use victor_tool_protocol::{GivenApproval, ToolResults, ToolScope, Verdict};

use super::preamble::{Preamble, PreambleSource};
use super::scope::TurnScope;
use super::window::fit_context;

/// The ports of one turn.
#[derive(Debug)]
pub(super) struct SessionPorts {
    scope: TurnScope,
    preambles: PreambleSource,
    writer: TurnWriter,
    checkpoints: TurnCheckpoints,
    check: Option<Arc<dyn CheckOutput>>,
}

impl SessionPorts {
    pub(super) fn new(
        scope: TurnScope,
        preambles: PreambleSource,
        lease: Arc<TurnLease>,
        facts: Option<JsonMap>,
        check: Option<Arc<dyn CheckOutput>>,
    ) -> Self {
        let (parts, events) = (&scope.parts, &scope.events);
        Self {
            writer: TurnWriter::new(parts.sessions.clone(), lease, events.turn(), facts),
            checkpoints: TurnCheckpoints::new(parts.checkpoints.clone(), events.clone())
                .enabled(scope.config.settings.enable_checkpoints),
            scope,
            preambles,
            check,
        }
    }

    /// Has the chat engine run a turn through these ports.
    pub(super) async fn run(self, start: TurnStart) -> Result<ChatResponse, ChatError> {
        let (chat, events) = (self.scope.roles().chat.clone(), self.scope.events.clone());
        chat.run_turn(start, Arc::new(self), &events).await
    }

    /// Returns the context of the next model call, and the tokens of the whole request if they are counted.
    async fn context(
        &self,
        call: &ModelCall,
        preamble: &Preamble,
    ) -> Result<(Context, Option<u64>), ModelCallError> {
        // Snapshots share their messages, so this copies some pointers.
        let roles = self.scope.roles();
        let before = roles
            .checkpoint
            .is_some()
            .then(|| roles.context.context(self.scope.session()));
        let prepared = fit_context(&self.scope, call, preamble).await?;
        if let Some(report) = prepared.compaction {
            if let Some(before) = before {
                self.checkpoints.before_compaction(before).await;
            }
            self.report_compaction(report).await;
        }
        let mut context = prepared.context;
        if let Some(note) = &call.note {
            context.push(Message::note(note));
        }
        let tokens = prepared
            .tokens
            .map(|tokens| tokens.saturating_add(preamble.tokens));
        Ok((context, tokens))
    }

    async fn report_compaction(&self, report: CompactionReport) {
        if let Some(reason) = &report.fallback {
            self.scope.notice("context", reason).await;
        }
        let compacted = ContextCompacted::new(
            report.strategy,
            report.messages_before,
            report.messages_after,
            report.tokens_before,
            report.tokens_after,
        );
        self.scope.events.emit(compacted).await;
    }

    /// Asks for an answer of a form: natively where the provider can hold the model to it, and otherwise by a tool that
    /// takes the answer. The model is not forced to call it, since some models refuse that, and an answer in plain text
    /// is understood too.
    fn request_format(
        &self,
        format: &Arc<ResponseFormat>,
        preamble: &Preamble,
        request: &mut ChatRequest,
    ) {
        let roles = self.scope.roles();
        let session = self.scope.session();
        let model = roles.model(session, preamble.model.as_ref());
        let capabilities = roles.provider.session_capabilities(session, &model);
        if format.strict && capabilities.structured_output {
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

    fn tool_scope(&self) -> ToolScope {
        let config = &self.scope.config;
        let mut scope = ToolScope::new(self.scope.session().clone(), self.scope.turn());
        scope.timeout = config
            .is_set("tool_calling_timeout")
            .then(|| Duration::from_secs(config.settings.tool_calling_timeout));
        scope.trace.clone_from(&self.scope.trace);
        scope
    }

    async fn write(
        &self,
        messages: &[Arc<Message>],
        open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        let written = self.writer.write(messages, open.as_ref());
        written.await?;
        self.checkpoints.note_open(open);
        Ok(())
    }
}

#[async_trait]
impl TurnPorts for SessionPorts {
    async fn call_model(&self, call: &ModelCall) -> Result<CompletionStream, ModelCallError> {
        let preamble = self.preambles.next(&self.scope, call).await;
        let (context, tokens) = self.context(call, &preamble).await?;
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
            self.request_format(&contract.format, &preamble, &mut request);
        }
        let settings = &self.scope.config.settings;
        request.max_output_tokens = settings.max_output_tokens;
        request.temperature = settings.temperature;
        request.session = Some(self.scope.session().clone());
        request.turn = Some(self.scope.turn());
        request.tags.clone_from(&self.scope.tags);
        request.input_tokens = tokens;
        let turn = self.scope.trace.as_ref();
        request.trace = turn.map(|turn| model_call_trace(turn, call.number));
        Ok(self.scope.roles().provider.stream_chat(request))
    }

    async fn review_tools(&self, calls: &[ToolCall], approvals: &[GivenApproval]) -> Vec<Verdict> {
        let mut scope = self.tool_scope();
        scope.approvals = approvals.to_vec();
        let tools = &self.scope.roles().tool;
        match contain(tools.review_tool_calls(calls, &scope)).await {
            Ok(verdicts) => {
                self.checkpoints
                    .before_calls(|| tools.specs(), calls, &verdicts)
                    .await;
                verdicts
            }
            Err(panicked) => {
                let reason = format!("the tool executor {panicked}");
                vec![Verdict::Deny { reason }; calls.len()]
            }
        }
    }

    fn run_tools(&self, calls: Vec<ToolCall>) -> ToolResults {
        let tools = &self.scope.roles().tool;
        tools.run_tool_calls(calls, &self.tool_scope())
    }

    fn check_output(&self, _: &OutputContract, text: &str) -> Result<(), String> {
        match &self.check {
            Some(check) => check.check(text),
            // The turn was resumed by somebody who did not say what the answer is read as.
            None => serde_json::from_str::<IgnoredAny>(text)
                .map(drop)
                .map_err(|error| format!("it is not JSON ({error})")),
        }
    }

    async fn commit(
        &self,
        messages: &[Arc<Message>],
        open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        self.write(messages, open).await?;
        self.checkpoints.after_calls(messages).await;
        Ok(())
    }

    fn persists_turns(&self) -> bool {
        let roles = self.scope.roles();
        roles.session.persists_turns() || roles.checkpoint.is_some()
    }

    async fn journal(&self, open: &SuspendedTurn) -> Result<(), BoxError> {
        self.write(&[], Some(open.clone())).await
    }

    fn abandon(&self, messages: Vec<Arc<Message>>) {
        self.writer.abandon(messages);
    }
}
