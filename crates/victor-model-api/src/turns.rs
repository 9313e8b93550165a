//! Neighbours of one side, which many servers want in one message.

use std::borrow::Cow;
use std::ops::Range;

use victor_core::{Message, Messages, Part, Role, ToolCall, ToolResult};

/// The text sent for a message or a result in which nothing can be sent.
pub const EMPTY: &str = "(empty)";

/// The text sent for the user where a history begins with an answer.
pub const LEFT_OUT: &str = "(Earlier messages were left out.)";

/// The text sent for the model where the user speaks right after the results of tools, to servers that require an
/// answer between them.
pub const BRIDGE: &str = "(no answer yet)";

/// A side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The user, and the tools, whose results answer the model.
    User,
    /// The model.
    Assistant,
}

impl Side {
    /// Returns the side of a message; none for those that may be left out of a request: the system's, whose place is
    /// elsewhere, and the model's that neither say nor call anything.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        let is_kept = |part: &Part| match part {
            Part::Text(text) => !text.text.trim().is_empty(),
            part => matches!(part, Part::ToolCall(_)),
        };
        match message.role() {
            Role::System => None,
            Role::Assistant => message
                .parts()
                .iter()
                .any(is_kept)
                .then_some(Self::Assistant),
            _ => Some(Self::User),
        }
    }
}

/// Neighbouring messages of one side.
#[derive(Debug)]
pub struct Turn<'a> {
    /// Whose turn it is.
    pub side: Side,
    /// The messages, at least one.
    pub messages: Vec<&'a Message>,
    /// The calls of the turn before.
    asked: Vec<&'a ToolCall>,
}

/// A result, or what takes its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer<'a> {
    /// The result of a call.
    Result(&'a ToolResult),
    /// A call whose result is missing.
    Lost(&'a ToolCall),
    /// A result that answers no call of the turn before, which no server takes as a result.
    Stray(&'a ToolResult),
}

/// Returns the turns of a range of messages, which alternate. A message for which `side` returns none is left out.
///
/// The range must begin where a turn does.
///
/// ```
/// use victor_core::{Message, Messages};
/// use victor_model_api::{Side, turns};
///
/// let messages: Messages = [Message::user("a"), Message::user("b"), Message::assistant(" "), Message::user("c")]
///     .into_iter()
///     .collect();
/// let turns = turns(&messages, 0..4, Side::of);
/// assert_eq!((turns.len(), turns[0].messages.len()), (1, 3));
/// ```
pub fn turns<'a>(
    messages: &'a Messages,
    range: Range<usize>,
    side: impl Fn(&Message) -> Option<Side>,
) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for message in messages.iter().skip(range.start).take(range.len()) {
        let Some(side) = side(message) else { continue };
        match turns.last_mut() {
            Some(turn) if turn.side == side => turn.messages.push(message),
            _ => turns.push(Turn {
                side,
                messages: vec![message],
                asked: Vec::new(),
            }),
        }
    }
    let before = (0..range.start)
        .rev()
        .filter_map(|index| messages.get(index))
        .take_while(|message| side(message) != Some(Side::User));
    let mut asked: Vec<&ToolCall> = match turns.first() {
        Some(turn) if turn.side == Side::User => {
            let mut messages: Vec<&Message> = before.map(|message| &**message).collect();
            messages.reverse();
            messages.into_iter().flat_map(Message::tool_calls).collect()
        }
        _ => Vec::new(),
    };
    for turn in &mut turns {
        if turn.side == Side::User {
            turn.asked = std::mem::take(&mut asked);
        } else {
            let calls = turn
                .messages
                .iter()
                .flat_map(|message| message.tool_calls());
            asked = calls.collect();
        }
    }
    turns
}

impl<'a> Turn<'a> {
    /// Pairs the results of the turn with the calls of the turn before: the results in their order, and then the calls
    /// that have none.
    #[must_use]
    pub fn answers(&self) -> Vec<Answer<'a>> {
        let mut open = self.asked.clone();
        let results = self
            .messages
            .iter()
            .flat_map(|message| message.tool_results());
        let mut answers: Vec<Answer<'a>> = Vec::with_capacity(open.len());
        answers.extend(results.map(|result| {
            match open.iter().position(|call| call.id == result.call_id) {
                Some(place) => {
                    open.remove(place);
                    Answer::Result(result)
                }
                None => Answer::Stray(result),
            }
        }));
        answers.extend(open.into_iter().map(Answer::Lost));
        answers
    }
}

impl<'a> Answer<'a> {
    /// Returns the text that the model is told. That of a stray result says what it is, since the user says it.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Result(result) => result.text(),
            Self::Lost(_) => {
                "The result of this call was lost. The call may have had its effect.".into()
            }
            Self::Stray(result) => {
                let (name, text) = (&result.name, result.text());
                format!("Result of an earlier tool call `{name}`: {text}").into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use victor_core::ToolOutcome;

    use super::*;

    fn call(id: &str) -> ToolCall {
        ToolCall::new(id, "t", "{}")
    }

    fn calls(ids: &[&str]) -> Message {
        let calls = ids.iter().map(|id| call(id).into());
        Message::new(Role::Assistant, calls.collect())
    }

    fn results(ids: &[&str]) -> Message {
        let result = |id: &&str| ToolResult::new(&call(id), ToolOutcome::Success, *id);
        Message::tool_results_of(ids.iter().map(result))
    }

    /// The turns behind the first messages, in short.
    fn check(messages: impl IntoIterator<Item = Message>, from: usize, expected: &[&str]) {
        let messages: Messages = messages.into_iter().collect();
        let turns = turns(&messages, from..messages.len(), Side::of);
        let shown = |turn: &Turn<'_>| {
            let texts: String = turn.messages.iter().map(|message| message.text()).collect();
            let answers = turn.answers().into_iter().map(|answer| match answer {
                Answer::Result(result) => format!(" {}", result.call_id),
                Answer::Lost(call) => format!(" lost {}", call.id),
                Answer::Stray(result) => format!(" stray {}", result.call_id),
            });
            format!("{:?} {texts}{}", turn.side, answers.collect::<String>())
        };
        let shown: Vec<String> = turns.iter().map(shown).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn neighbours_of_one_side_are_one_turn() {
        check(
            [
                Message::system("s"),
                Message::user("a"),
                Message::user("b"),
                Message::assistant("\n"),
                Message::user("c"),
                Message::assistant("d"),
                Message::system("s"),
                Message::assistant("e"),
            ],
            0,
            &["User abc", "Assistant de"],
        );
    }

    #[test]
    fn results_are_paired_with_the_calls_before_them() {
        let history = || {
            [
                Message::user("a"),
                Message::assistant("b"),
                calls(&["1", "2", "3"]),
                results(&["3"]),
                results(&["1", "4", "1"]),
                Message::user("c"),
                results(&["2"]),
                calls(&["1"]),
            ]
        };
        let user = "User c 3 1 stray 4 stray 1 2";
        check(history(), 0, &["User a", "Assistant b", user, "Assistant "]);
        check(history(), 3, &[user, "Assistant "]);
        let lost = [Message::user("a"), calls(&["1", "2"]), results(&["2"])];
        check(lost.clone(), 2, &["User  2 lost 1"]);
        check(lost, 0, &["User a", "Assistant ", "User  2 lost 1"]);
        check([results(&["1"])], 0, &["User  stray 1"]);
    }
}
