//! Demands of every provider on a history.

use std::sync::Arc;

use crate::{Message, MessageId, Part, Role, ToolCallId};

/// A rule that a history breaks, so that some provider would refuse it.
///
/// The rules are those of the Anthropic Messages API and of OpenAI Chat Completions together: what both accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHistory {
    /// A tool call has no result before the next message that is not a result.
    #[error("message {message}: tool call `{call}` has no result")]
    MissingResult {
        /// The message that has the call.
        message: MessageId,
        /// The call.
        call: ToolCallId,
    },
    /// A tool result answers no open call of the assistant message before it.
    #[error("message {message}: tool result for `{call}` answers no open call")]
    OrphanResult {
        /// The message that has the result.
        message: MessageId,
        /// The call that it names.
        call: ToolCallId,
    },
    /// Two calls of one message bear one identifier.
    #[error("message {message}: tool call `{call}` occurs twice")]
    DuplicateCall {
        /// The message that has the calls.
        message: MessageId,
        /// The identifier.
        call: ToolCallId,
    },
    /// A message says nothing: no part, or only empty text.
    #[error("message {message} is empty")]
    Empty {
        /// The message.
        message: MessageId,
    },
    /// A part stands in a message of a role that may not have it.
    #[error("message {message}: a {role} message may not have a part of type `{part}`")]
    Misplaced {
        /// The message.
        message: MessageId,
        /// Its role.
        role: Role,
        /// The type of the part.
        part: String,
    },
    /// The first message that is not the system's is not the user's.
    #[error("message {message}: a history begins with a user message, not with one of role {role}")]
    Beginning {
        /// The message.
        message: MessageId,
        /// Its role.
        role: Role,
    },
}

pub(crate) fn validate<'a>(
    messages: impl Iterator<Item = &'a Arc<Message>>,
) -> Result<(), InvalidHistory> {
    let mut open: Vec<&ToolCallId> = Vec::new();
    let mut asked_in = MessageId::from_u128(0);
    let mut begun = false;
    for message in messages {
        let id = message.id();
        let role = message.role();
        if message.parts().iter().all(is_empty) {
            return Err(InvalidHistory::Empty { message: id });
        }
        if let Some(part) = message.parts().iter().find(|part| !may_have(role, part)) {
            return Err(InvalidHistory::Misplaced {
                message: id,
                role: role.clone(),
                part: part.kind().to_owned(),
            });
        }
        if !begun && *role != Role::System {
            if *role != Role::User {
                return Err(InvalidHistory::Beginning {
                    message: id,
                    role: role.clone(),
                });
            }
            begun = true;
        }
        if *role != Role::Tool
            && let Some(call) = open.first()
        {
            return Err(InvalidHistory::MissingResult {
                message: asked_in,
                call: (*call).clone(),
            });
        }
        for part in message.parts() {
            match part {
                Part::ToolCall(call) if open.contains(&&call.id) => {
                    return Err(InvalidHistory::DuplicateCall {
                        message: id,
                        call: call.id.clone(),
                    });
                }
                Part::ToolCall(call) => {
                    asked_in = id;
                    open.push(&call.id);
                }
                Part::ToolResult(result) => {
                    match open.iter().position(|call| **call == result.call_id) {
                        Some(index) => drop(open.remove(index)),
                        None => {
                            return Err(InvalidHistory::OrphanResult {
                                message: id,
                                call: result.call_id.clone(),
                            });
                        }
                    }
                }
                _ => {}
            }
        }
    }
    match open.first() {
        Some(call) => Err(InvalidHistory::MissingResult {
            message: asked_in,
            call: (*call).clone(),
        }),
        None => Ok(()),
    }
}

fn is_empty(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.text.is_empty())
}

fn may_have(role: &Role, part: &Part) -> bool {
    match part {
        Part::ToolCall(_) | Part::Thinking(_) => *role == Role::Assistant,
        Part::ToolResult(_) => *role == Role::Tool,
        Part::Text(_) => *role != Role::Tool,
        Part::Image(_) | Part::Document(_) => !matches!(role, Role::Tool | Role::System),
        Part::Opaque(_) | Part::Unknown(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Messages, Thinking, ToolCall, ToolOutcome, ToolResult};

    fn call(id: &str) -> Part {
        Part::ToolCall(ToolCall::new(id, "t", "{}"))
    }

    fn result(id: &str) -> Part {
        Part::ToolResult(ToolResult::new(
            &ToolCall::new(id, "t", "{}"),
            ToolOutcome::Success,
            "ok",
        ))
    }

    #[track_caller]
    fn check(messages: &[(Role, Vec<Part>)], expected: &str) {
        let list: Messages = messages
            .iter()
            .enumerate()
            .map(|(n, (role, parts))| {
                Message::with_id(MessageId::from_u128(n as u128), role.clone(), parts.clone())
            })
            .collect();
        let found = list
            .validate()
            .map_or_else(|error| error.to_string(), |()| "valid".to_owned());
        assert_eq!(
            found.replace("00000000-0000-0000-0000-00000000000", ""),
            expected
        );
    }

    #[test]
    fn each_rule() {
        use Role::{Assistant, System, Tool, User};
        let user = (User, vec![Part::text("u")]);
        let thinking = Part::Thinking(Thinking::default());
        check(&[], "valid");
        check(&[user.clone(), user.clone()], "valid");
        check(
            &[
                (System, vec![Part::text("s")]),
                user.clone(),
                (Assistant, vec![thinking.clone()]),
            ],
            "valid",
        );
        let asked = (Assistant, vec![Part::text("a"), call("1"), call("2")]);
        check(
            &[
                user.clone(),
                asked.clone(),
                (Tool, vec![result("2"), result("1")]),
            ],
            "valid",
        );
        check(
            &[
                user.clone(),
                asked.clone(),
                (Tool, vec![result("1")]),
                (Tool, vec![result("2")]),
            ],
            "valid",
        );
        check(
            &[user.clone(), asked.clone()],
            "message 1: tool call `1` has no result",
        );
        check(
            &[
                user.clone(),
                asked.clone(),
                (Tool, vec![result("1")]),
                user.clone(),
            ],
            "message 1: tool call `2` has no result",
        );
        check(
            &[user.clone(), (Tool, vec![result("1")])],
            "message 1: tool result for `1` answers no open call",
        );
        check(
            &[user.clone(), asked, (Tool, vec![result("1"), result("1")])],
            "message 2: tool result for `1` answers no open call",
        );
        check(
            &[user.clone(), (Assistant, vec![call("1"), call("1")])],
            "message 1: tool call `1` occurs twice",
        );
        check(&[(User, vec![])], "message 0 is empty");
        check(&[(User, vec![Part::text("")])], "message 0 is empty");
        check(
            &[(User, vec![call("1")])],
            "message 0: a user message may not have a part of type `tool_call`",
        );
        check(
            &[(User, vec![thinking])],
            "message 0: a user message may not have a part of type `thinking`",
        );
        check(
            &[(Tool, vec![Part::text("x")])],
            "message 0: a tool message may not have a part of type `text`",
        );
        check(
            &[(Assistant, vec![Part::text("a")])],
            "message 0: a history begins with a user message, not with one of role assistant",
        );
    }
}
