//! The requests of clients.

use std::pin::pin;
use std::slice;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
    Implementation, JsonObject, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    RequestMetaObject, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use tokio::sync::mpsc;
use victor_chat_protocol::{ChatInput, TurnEventKind};
use victor_core::{ToolCall, TraceContext, TurnId, contain};
use victor_tool_protocol::{ToolExecutor, ToolScope, ToolUpdate, Verdict};

use super::chat::{self, CHAT};
use super::{Chat, McpServer, listing};

/// The interval of progress notifications while a tool reports nothing.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The most progress messages of a call that wait to be sent; more are dropped.
const MAX_WAITING: usize = 16;

pub(super) struct Handler(pub(super) McpServer);

impl Handler {
    fn list(&self) -> Vec<rmcp::model::Tool> {
        let chat = chat::spec(&self.0);
        let specs = self.0.executor.as_ref().map(|executor| executor.specs());
        let is_hidden = |name: &str| chat.is_some() && name == CHAT;
        let specs = specs.iter().flat_map(|specs| &**specs);
        let tools = specs
            .filter(|spec| !is_hidden(&spec.name))
            .map(listing::tool)
            .collect::<Vec<_>>();
        chat.iter().map(listing::tool).chain(tools).collect()
    }

    async fn call(
        &self,
        name: String,
        arguments: JsonObject,
        progress: Progress,
        trace: Option<TraceContext>,
    ) -> Result<CallToolResult, ErrorData> {
        if name == CHAT && !matches!(self.0.chat, Chat::None) {
            let (agent, message) = chat::arguments(&self.0.chat, &self.0.session, arguments)?;
            let turn = agent
                .stream_chat(ChatInput::from(message).with_trace(trace))
                .with_observer(move |event| {
                    if let TurnEventKind::ToolCallProgressed(progressed) = &event.kind {
                        progress.report(&progressed.message);
                    }
                });
            return Ok(match turn.response().await {
                Ok(response) => chat::result(&response),
                Err(error) => CallToolResult::error(vec![ContentBlock::text(error.report())]),
            });
        }
        let unknown = || ErrorData::invalid_params(format!("there is no tool `{name}`"), None);
        let executor = self.0.executor.as_ref().ok_or_else(unknown)?;
        // The specification demands a protocol error; the executor would return a result.
        if !executor.specs().iter().any(|spec| spec.name == name) {
            return Err(unknown());
        }
        let turn = TurnId::generate();
        let id = turn.to_string();
        let mut call = ToolCall::new(&*id, name, serde_json::Value::Object(arguments).to_string());
        call.idempotency_key = id;
        let mut scope = ToolScope::new(self.0.session.clone(), turn);
        scope.trace = trace;
        let verdicts = executor.review_tool_calls(slice::from_ref(&call), &scope);
        let verdict = verdicts.await.pop().unwrap_or_else(Verdict::undecided);
        match verdict.refusal(&call) {
            Some(refused) => Ok(listing::result(refused)),
            None => run(&**executor, call, &scope, &progress).await,
        }
    }
}

/// Returns the caller's place in a distributed trace, from the fields of `_meta` that
/// [SEP-414](https://modelcontextprotocol.io/seps/414-request-meta) reserves for it.
fn trace_context(meta: &RequestMetaObject) -> Option<TraceContext> {
    let trace = TraceContext::parse(meta.get_traceparent()?)?;
    Some(trace.with_state(meta.get_tracestate().unwrap_or_default()))
}

/// Runs a call that the review has permitted.
async fn run(
    executor: &dyn ToolExecutor,
    call: ToolCall,
    scope: &ToolScope,
    progress: &Progress,
) -> Result<CallToolResult, ErrorData> {
    let mut updates = executor.run_tool_calls(vec![call], scope);
    while let Some(update) = updates.next().await {
        match update {
            ToolUpdate::Finished(result) => return Ok(listing::result(result)),
            ToolUpdate::Progress { message, .. } => progress.report(&message),
            _ => {}
        }
    }
    Err(ErrorData::internal_error(
        "the tool returned no result",
        None,
    ))
}

/// The receiver of a call's progress.
#[derive(Clone)]
struct Progress(mpsc::Sender<String>);

impl Progress {
    /// Reports progress, unless too many messages wait.
    fn report(&self, message: &str) {
        let _ = self.0.try_send(message.to_owned());
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let us = Implementation::new(self.0.name.clone(), env!("CARGO_PKG_VERSION"));
        let mut config = ServerConfig::new(capabilities).with_server_info(us);
        config.instructions = self.0.instructions.clone();
        config
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.list()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (sender, mut messages) = mpsc::channel(MAX_WAITING);
        let progress = Progress(sender);
        let work = async {
            let _permit = self.0.calls.acquire().await;
            let arguments = request.arguments.unwrap_or_default();
            let trace = trace_context(&context.meta);
            let call = self.call(request.name.into_owned(), arguments, progress, trace);
            let result = contain(call).await;
            result.unwrap_or_else(|panicked| {
                Err(ErrorData::internal_error(panicked.to_string(), None))
            })
        };
        let mut work = pin!(work);
        let token = context.meta.get_progress_token();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.reset();
        let mut count = 0.0;
        loop {
            let message = tokio::select! {
                biased; // messages from before the end are sent before it
                Some(message) = messages.recv(), if token.is_some() => Some(message),
                result = &mut work => return result.map(Into::into),
                () = context.ct.cancelled() => {
                    let cancelled = "the call was cancelled";
                    return Err(ErrorData::new(ErrorCode::INTERNAL_ERROR, cancelled, None));
                }
                _ = heartbeat.tick(), if token.is_some() => None,
            };
            if let Some(token) = token.clone() {
                count += 1.0;
                let mut notification = ProgressNotificationParam::new(token, count);
                notification.message = message;
                let _ = context.peer.notify_progress(notification).await; // the client may have gone
                heartbeat.reset();
            }
        }
    }
}
