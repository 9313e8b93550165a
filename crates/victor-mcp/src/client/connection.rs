//! One connection to a server, from the handshake to its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use rmcp::ServiceError;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotification,
    CancelledNotificationParam, ClientRequest, JsonObject, ListToolsRequest,
    PaginatedRequestParams, ProtocolVersion, RequestMetaObject, ServerResult, SubscriptionFilter,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, Peer, PeerRequestOptions,
    RequestHandle, RoleClient, RunningService,
};
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use victor_core::TraceContext;
use victor_process::Secrets;
use victor_tool_protocol::ToolContext;

use super::call_error::CallError;
use super::failure::connect_error;
use super::handler::{Calls, Handler};
use super::signals::Signals;
use super::{http, stdio::Process};
use crate::config::Transport;
use crate::{McpError, McpServerConfig};

/// The most tools, bytes and pages of a list; the rest is not requested.
const MAX_LISTED: usize = 2_000;
const MAX_LISTED_BYTES: usize = 32 << 20;
const MAX_PAGES: usize = 100;

/// The time after which progress no longer counts as a sign of life: a server must not report progress forever.
const LONGEST_CALL: Duration = Duration::from_secs(3_600);

/// A connection that was made. Dropping it ends it, and the server if that is a child process.
#[derive(Debug)]
pub(super) struct Connection {
    service: RunningService<RoleClient, Handler>,
    process: Option<Process>,
    calls: Arc<Calls>,
    /// The subscription to changes of the tools, where the server needs one.
    listener: Option<AbortHandle>,
}

impl Connection {
    pub(super) async fn open(
        config: &McpServerConfig,
        secrets: &Secrets,
        signals: &Arc<Signals>,
    ) -> Result<Self, McpError> {
        // Servers that know only older revisions are found out by asking for the newest.
        let newest = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: None,
        };
        match Self::greeted(config, secrets, signals, newest).await {
            // Some end when they are asked what they do not know.
            Err(McpError::Ended { .. }) => {
                let older = ClientLifecycleMode::Initialize;
                Self::greeted(config, secrets, signals, older).await
            }
            opened => opened,
        }
    }

    async fn greeted(
        config: &McpServerConfig,
        secrets: &Secrets,
        signals: &Arc<Signals>,
        lifecycle: ClientLifecycleMode,
    ) -> Result<Self, McpError> {
        let calls = Arc::new(Calls::default());
        let handler = Handler {
            signals: Arc::clone(signals),
            calls: Arc::clone(&calls),
            secrets: secrets.clone(),
        };
        let server = || config.name.clone();
        let (process, service) = match &config.transport {
            Transport::Stdio(program) => {
                let (process, transport) =
                    Process::start(program, config, Arc::clone(&signals.wake)).map_err(
                        |reason| McpError::Start {
                            server: server(),
                            reason,
                        },
                    )?;
                let service = handler.serve_with_lifecycle(transport, lifecycle);
                let service = within(config, Some(&process), service).await?;
                (Some(process), service)
            }
            Transport::Http { url, headers } => {
                let transport = http::transport(url, headers, config).map_err(|error| {
                    let reason = error.to_string();
                    McpError::Unreachable {
                        server: server(),
                        reason,
                    }
                })?;
                let service = handler.serve_with_lifecycle(transport, lifecycle);
                (None, within(config, None, service).await?)
            }
        };
        let listener = listen(&service, signals);
        Ok(Self {
            service,
            process,
            calls,
            listener,
        })
    }

    /// Whether calls can be sent.
    pub(super) fn is_open(&self) -> bool {
        let has_ended = self.process.as_ref().is_some_and(Process::has_ended);
        !self.service.is_transport_closed() && !has_ended
    }

    /// Lists the tools, as the server sends them.
    pub(super) async fn list(&self) -> Result<Vec<Value>, ServiceError> {
        let info = self.service.peer_info();
        if info.is_some_and(|info| info.capabilities.tools.is_none()) {
            return Ok(Vec::new());
        }
        let (mut listed, mut bytes) = (Vec::new(), 0);
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let request = ClientRequest::ListToolsRequest(ListToolsRequest::with_param(page));
            // A list with a malformed tool in it is still a list, so it is not read as one yet.
            let page = self.service.send_request(request).await?;
            let mut page = serde_json::to_value(page).unwrap_or_default();
            bytes += page.to_string().len();
            let tools = page.get_mut("tools").map(Value::take);
            let Some(Value::Array(tools)) = tools else {
                return Err(ServiceError::UnexpectedResponse);
            };
            listed.extend(tools);
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() || listed.len() > MAX_LISTED || bytes > MAX_LISTED_BYTES {
                break;
            }
        }
        Ok(listed)
    }

    /// Calls a tool. Dropping the call cancels it at the server.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: JsonObject,
        cx: &ToolContext,
    ) -> Result<CallToolResult, CallError> {
        let mut params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        params.meta = cx.trace.as_ref().map(trace_meta);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = PeerRequestOptions::no_options();
        let handle = self
            .service
            .send_cancellable_request(request, options)
            .await
            .map_err(|_| CallError::NotSent)?;
        let mut progress = self.calls.subscribe(handle.progress_token.clone());
        let mut waiting = Waiting(Some(handle));
        let begin = Instant::now();
        let result = loop {
            tokio::select! {
                result = waiting.result() => break result,
                message = progress.next() => {
                    if begin.elapsed() > LONGEST_CALL {
                        continue;
                    }
                    match message {
                        Some(message) => cx.progress(&message),
                        None => cx.heartbeat(),
                    }
                }
            }
        };
        waiting.0 = None;
        match result.map_err(CallError::Service)? {
            ServerResult::CallToolResult(result) => Ok(result),
            ServerResult::InputRequiredResult(_) => Err(CallError::Unsupported("asks for input")),
            ServerResult::CreateTaskResult(_) => {
                Err(CallError::Unsupported("turns the call into a task"))
            }
            other => odd_result(&other).ok_or(CallError::Service(ServiceError::UnexpectedResponse)),
        }
    }

    /// Returns why the connection has ended.
    pub(super) async fn exit_reason(&self) -> String {
        match &self.process {
            Some(process) => process.exit_reason().await,
            None => "the connection is closed".to_owned(),
        }
    }

    /// Closes the connection, and lets the server end.
    pub(super) async fn close(&self) {
        self.service.cancellation_token().cancel();
        if let Some(process) = &self.process {
            process.end().await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

/// A call that waits for its result. Dropping it before cancels it at the server.
struct Waiting(Option<RequestHandle<RoleClient>>);

impl Waiting {
    async fn result(&mut self) -> Result<ServerResult, ServiceError> {
        let Some(handle) = &mut self.0 else {
            return Err(ServiceError::TransportClosed);
        };
        let result = (&mut handle.rx).await;
        result.unwrap_or(Err(ServiceError::TransportClosed))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(handle) = self.0.take() else { return };
        let reason = Some("the call was dropped".to_owned());
        let params = CancelledNotificationParam::new(Some(handle.id.clone()), reason);
        let notification = CancelledNotification::new(params);
        // The first poll puts it into the queue, unless that is full, and there is no time for a second one.
        let send = handle.peer.send_notification(notification.into());
        let _ = tokio::task::unconstrained(send).now_or_never();
    }
}

/// Waits for a handshake within the time limit.
async fn within(
    config: &McpServerConfig,
    process: Option<&Process>,
    handshake: impl Future<Output = Result<RunningService<RoleClient, Handler>, ClientInitializeError>>,
) -> Result<RunningService<RoleClient, Handler>, McpError> {
    let limit = config.startup_timeout;
    match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(service)) => Ok(service),
        Ok(Err(error)) => Err(connect_error(config, &error, process).await),
        Err(_) => Err(McpError::Timeout {
            server: config.name.clone(),
            limit,
            output: process.map(Process::stray_output).unwrap_or_default(),
        }),
    }
}

/// Subscribes to changes of the tools, where that is needed: since revision 2026-07-28.
fn listen(
    service: &RunningService<RoleClient, Handler>,
    signals: &Arc<Signals>,
) -> Option<AbortHandle> {
    let info = service.peer_info()?;
    let tools = info.capabilities.tools.as_ref()?;
    if info.protocol_version.has_initialize() || tools.list_changed != Some(true) {
        return None;
    }
    let (peer, signals) = (service.peer().clone(), Arc::clone(signals));
    Some(tokio::spawn(hear_changes(peer, signals)).abort_handle())
}

async fn hear_changes(peer: Peer<RoleClient>, signals: Arc<Signals>) {
    let mut pause = Duration::from_secs(1);
    while !peer.is_transport_closed() {
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        match peer.listen(filter).await {
            Ok(mut subscription) => {
                pause = Duration::from_secs(1);
                while let Ok(Some(_)) = subscription.next().await {
                    signals.list_changed();
                }
            }
            Err(ServiceError::McpError(_)) => return, // it will not tell
            Err(_) => {}
        }
        // What happened in between was not heard.
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(60));
        signals.list_changed();
    }
}

/// Converts a result without content, which rmcp does not recognize, and keeps all that it has.
fn odd_result(result: &ServerResult) -> Option<CallToolResult> {
    let Ok(Value::Object(mut result)) = serde_json::to_value(result) else {
        return None;
    };
    result.retain(|key, _| key != "_meta" && key != "resultType");
    let structured = result.remove("structuredContent");
    let mut odd = CallToolResult::success(Vec::new());
    odd.is_error = result.remove("isError").and_then(|value| value.as_bool());
    odd.structured_content = structured.or_else(|| (!result.is_empty()).then(|| result.into()));
    Some(odd)
}

/// Returns the trace context as the fields of `_meta` that
/// [SEP-414](https://modelcontextprotocol.io/seps/414-request-meta) reserves for it.
fn trace_meta(trace: &TraceContext) -> RequestMetaObject {
    let mut meta = RequestMetaObject::new();
    meta.set_traceparent(trace.to_string());
    if let Some(state) = trace.state() {
        meta.set_tracestate(state);
    }
    meta
}
