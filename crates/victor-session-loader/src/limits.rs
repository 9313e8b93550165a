//! The limits of a turn, in its session.

use victor_chat_protocol::TurnLimits;
use victor_core::SessionId;

use crate::{SessionLoader, SessionRecord};

impl SessionLoader {
    /// Returns the limits of a turn, narrowed by the mode of its session, and by the tool calls that the session has
    /// left of those that it may make altogether.
    #[must_use]
    pub fn limit(
        &self,
        session: &SessionId,
        mut limits: TurnLimits,
        most_tool_calls: Option<u32>,
    ) -> TurnLimits {
        self.modes.read(session, |mode| {
            let mode = &mode.limits;
            limits.max_tool_iterations = mode.tool_iterations(limits.max_tool_iterations);
            limits.max_tool_calls = mode.max_tool_calls.or(limits.max_tool_calls);
            limits.max_tokens = mode.max_tokens.or(limits.max_tokens);
        });
        if let Some(most) = most_tool_calls {
            let called = self.registry.read(session, SessionRecord::tool_calls);
            let left = most.saturating_sub(called);
            let limit = limits.max_tool_calls.map_or(left, |limit| limit.min(left));
            limits.max_tool_calls = Some(limit);
        }
        limits
    }
}
