//! An agent as a tool of another one.

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_chat_protocol::{ChatInput, ChatResponse, TurnEventKind, TurnOutcome};
use victor_core::{Effect, SessionId, ToolSpec};
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

use crate::NestedAgent;

/// An agent as a tool of another one. Each call is a separate conversation, named by the turn and the call's
/// place in it; the call's identifier would not do, since the model chooses it and may use it again.
///
/// The two share their modes: the conversation is nested in that of the caller, so what is denied there is denied here,
/// and the tool has no effect beyond those of the tools that the agent calls. Without modes nothing restricts these, so
/// the tool declares the gravest effect.
#[derive(Debug)]
pub struct AgentTool<A> {
    spec: ToolSpec,
    agent: A,
}

impl<A: NestedAgent> AgentTool<A> {
    /// Makes a tool of an agent, under this name and with this description.
    #[must_use]
    pub fn new(name: &str, description: &str, agent: A) -> Self {
        let task = "what the agent is to do, with all that it needs to know: it sees nothing of this conversation";
        let schema = json!({
            "type": "object",
            "properties": { "task": { "type": "string", "minLength": 1, "description": task } },
            "required": ["task"],
            "additionalProperties": false,
        });
        let effect = match agent.has_modes() {
            true => Effect::ReadOnly,
            false => Effect::Destructive,
        };
        let spec = ToolSpec::new(name, description, schema).with_effect(effect);
        Self { spec, agent }
    }

    async fn work(
        &self,
        session: &SessionId,
        cx: &ToolContext,
        task: &str,
    ) -> Result<ChatResponse, ToolError> {
        let input = ChatInput::from(task).with_trace(cx.trace.clone());
        let mut turn = self.agent.send(session, input);
        while let Some(event) = turn.next().await {
            let event = event.map_err(|error| {
                ToolError::failed(format!("agent `{}`", self.spec.name)).with_source(error)
            })?;
            match event.kind {
                TurnEventKind::ToolCallStarted(started) => cx.progress(&started.call.name),
                TurnEventKind::TurnFinished(finished) => return Ok(*finished.response),
                _ => cx.heartbeat(),
            }
        }
        Err(ToolError::failed("the agent's turn did not end"))
    }
}

#[async_trait]
impl<A: NestedAgent> Tool for AgentTool<A> {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let task = arguments["task"].as_str().unwrap_or_default();
        let (name, call) = (&self.spec.name, &cx.idempotency_key);
        let session = SessionId::new(format!("{}/{name}/{call}", cx.session));
        self.agent.nest(&cx.session, &session);
        let nested = Conversation {
            agent: &self.agent,
            session,
        };
        let response = self.work(&nested.session, cx, task).await?;
        self.agent.end(&nested.session).await;
        match &response.outcome {
            TurnOutcome::AwaitingApproval => {
                let calls = response.suspended.iter().flat_map(|turn| &turn.approvals);
                let tools: Vec<_> = calls
                    .map(|asked| format!("`{}`", asked.call.name))
                    .collect();
                Err(ToolError::NotPermitted(format!(
                    "the agent may not call {} without a person's approval, and nobody is asked on its behalf: do that \
                     part yourself",
                    tools.join(", ")
                )))
            }
            TurnOutcome::Completed => Ok(response.content().into_owned().into()),
            outcome => Ok(format!(
                "{}\n[the agent's turn ended as {outcome}, so this may not be all]",
                response.content()
            )
            .trim_start()
            .into()),
        }
    }
}

/// A conversation of which nothing stays in memory when this is dropped.
struct Conversation<'a, A: NestedAgent> {
    agent: &'a A,
    session: SessionId,
}

impl<A: NestedAgent> Drop for Conversation<'_, A> {
    fn drop(&mut self) {
        self.agent.forget(&self.session);
    }
}
