//! What clients ask of us.

use std::pin::pin;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
    Implementation, JsonObject, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use victor_chat_protocol::ChatInput;
use victor_core::{ToolCall, TurnId, contain};
use victor_tool_protocol::ToolScope;

use super::chat::{self, CHAT};
use super::{Chat, McpServer, listing};

/// How often a client that asks for progress hears that a call goes on.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

pub(super) struct Handler(pub(super) McpServer);

impl Handler {
    fn list(&self) -> Vec<rmcp::model::Tool> {
        let chat = chat::spec(&self.0);
        let specs = self.0.executor.as_ref().map(|executor| executor.specs());
        let is_hidden = |name: &str| chat.is_some() && name == CHAT;
        let specs = specs.iter().flat_map(|specs| &**specs);
        let tools = specs
            .filter(|spec| !is_hidden(&spec.name))
            .map(listing::tool);
        let tools = tools.collect::<Vec<_>>();
        chat.iter().map(listing::tool).chain(tools).collect()
    }

    async fn call(&self, name: String, arguments: JsonObject) -> Result<CallToolResult, ErrorData> {
        if name == CHAT && !matches!(self.0.chat, Chat::Nobody) {
            let (agent, message) = chat::arguments(&self.0.chat, &self.0.session, arguments)?;
            return Ok(match agent.chat(ChatInput::from(message)).await {
                Ok(response) => chat::result(&response),
                Err(error) => CallToolResult::error(vec![ContentBlock::text(error.report())]),
            });
        }
        let Some(executor) = &self.0.executor else {
            return Err(ErrorData::invalid_params(
                format!("there is no tool `{name}`"),
                None,
            ));
        };
        let turn = TurnId::generate();
        let id = turn.to_string();
        let mut call = ToolCall::new(&*id, name, serde_json::Value::Object(arguments).to_string());
        call.idempotency_key = id;
        let scope = ToolScope::new(self.0.session.clone(), turn);
        let mut results = executor.execute_tool_calls(&[call], &scope).await;
        match results.pop() {
            Some(result) => Ok(listing::result(result)),
            None => Err(ErrorData::internal_error("the tool gave no result", None)),
        }
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
        let work = async {
            let _permit = self.0.calls.acquire().await;
            let arguments = request.arguments.unwrap_or_default();
            let result = contain(self.call(request.name.into_owned(), arguments)).await;
            result.unwrap_or_else(|panicked| {
                Err(ErrorData::internal_error(panicked.to_string(), None))
            })
        };
        let mut work = pin!(work);
        let token = context.meta.get_progress_token();
        let mut signs = tokio::time::interval(SIGN_OF_LIFE);
        signs.reset();
        let mut count = 0.0;
        loop {
            tokio::select! {
                result = &mut work => return result.map(Into::into),
                () = context.ct.cancelled() => {
                    let cancelled = "the call was cancelled";
                    return Err(ErrorData::new(ErrorCode::INTERNAL_ERROR, cancelled, None));
                }
                _ = signs.tick(), if token.is_some() => {
                    count += 1.0;
                    if let Some(token) = token.clone() {
                        let sign = ProgressNotificationParam::new(token, count);
                        let _ = context.peer.notify_progress(sign).await; // who has gone need not hear
                    }
                }
            }
        }
    }
}
