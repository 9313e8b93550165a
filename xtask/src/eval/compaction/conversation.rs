//! Conversations, and questions of which is known what messages they need.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use victor_context::protocol::TokenCounter;
use victor_core::{Message, MessageId, Part, Role, ToolCall, ToolOutcome, ToolResult};

/// A conversation and what is asked of it.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) source: String,
    pub(crate) messages: Vec<Arc<Message>>,
    pub(crate) questions: Vec<Question>,
}

/// A question, and the messages that its answer needs.
#[derive(Debug)]
pub(crate) struct Question {
    /// The number of messages before it is asked.
    pub(crate) at: usize,
    pub(crate) text: String,
    /// The places of the messages that are needed.
    pub(crate) evidence: Vec<usize>,
    /// Texts that are needed.
    pub(crate) needles: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    source: String,
    messages: Vec<RawMessage>,
    questions: Vec<RawQuestion>,
}

#[derive(Deserialize)]
struct RawMessage {
    id: String,
    role: Role,
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<RawCall>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
struct RawCall {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct RawQuestion {
    at: usize,
    text: String,
    evidence: Vec<String>,
    #[serde(default)]
    needles: BTreeMap<String, Vec<String>>,
}

impl Conversation {
    /// Reads conversations from lines of JSON, in the form of OpenAI's messages.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>> {
        let lines = text.lines().enumerate();
        lines
            .map(|(number, line)| {
                let line = serde_json::from_str(line)?;
                Self::of(line).with_context(|| format!("in line {}", number + 1))
            })
            .collect()
    }

    fn of(line: Line) -> Result<Self> {
        let mut calls = HashMap::new();
        let mut messages = Vec::new();
        let mut places = HashMap::new();
        for (place, raw) in line.messages.into_iter().enumerate() {
            let mut parts = Vec::new();
            let text = raw.content.unwrap_or_default();
            if let Some(id) = &raw.tool_call_id {
                let call = calls.get(id).with_context(|| format!("no call {id}"))?;
                parts.push(ToolResult::new(call, ToolOutcome::Success, text).into());
            } else if !text.is_empty() {
                parts.push(Part::text(text));
            }
            for raw in raw.tool_calls {
                let call = ToolCall::new(raw.id.clone(), raw.function.name, raw.function.arguments);
                calls.insert(raw.id, call.clone());
                parts.push(call.into());
            }
            places.insert(raw.id, place);
            let id = MessageId::from_u128(place as u128 + 1);
            messages.push(Arc::new(Message::with_id(id, raw.role, parts)));
        }
        let question = |raw: RawQuestion| {
            let evidence: Option<Vec<usize>> = raw
                .evidence
                .iter()
                .map(|id| places.get(id).copied())
                .collect();
            ensure!(raw.at <= messages.len(), "a question behind the end");
            Ok(Question {
                at: raw.at,
                text: raw.text,
                evidence: evidence.context("evidence that is not there")?,
                needles: raw.needles.into_keys().collect(),
            })
        };
        Ok(Self {
            source: line.source,
            questions: line
                .questions
                .into_iter()
                .map(question)
                .collect::<Result<_>>()?,
            messages,
        })
    }
}

/// A token for four characters of what is said, called and returned. System messages are kept anyway and count
/// nothing.
#[derive(Debug)]
pub(crate) struct Characters;

impl TokenCounter for Characters {
    fn name(&self) -> &str {
        "characters"
    }

    fn count_text(&self, text: &str) -> u32 {
        u32::try_from(text.chars().count().div_ceil(4)).unwrap_or(u32::MAX)
    }

    fn count_message(&self, message: &Message) -> u32 {
        if *message.role() == Role::System {
            return 0;
        }
        self.count_text(&texts(message))
    }
}

/// Returns the text of a message with its calls and results.
pub(crate) fn texts(message: &Message) -> String {
    let mut texts = message.text().into_owned();
    for call in message.tool_calls() {
        texts.push_str(&call.name);
        texts.push_str(&call.arguments);
    }
    texts.extend(message.tool_results().map(ToolResult::text));
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"source": "s", "messages": [
        {"id": "a", "role": "user", "content": "read it"},
        {"id": "b", "role": "assistant", "content": null,
         "tool_calls": [{"id": "1", "function": {"name": "read", "arguments": "{}"}}]},
        {"id": "c", "role": "tool", "tool_call_id": "1", "content": "12345678"}],
        "questions": [{"at": 3, "text": "?", "evidence": ["c"], "needles": {"345": ["c"]}}]}"#;

    #[test]
    fn a_conversation_is_read_with_what_its_questions_need() {
        let all = Conversation::parse_all(&LINE.replace('\n', "")).expect("one line");
        let [one] = &all[..] else { panic!("{all:?}") };
        let question = &one.questions[0];
        assert_eq!((question.at, &question.evidence[..]), (3, &[2][..]));
        assert_eq!(question.needles, ["345"]);
        let tokens = one
            .messages
            .iter()
            .map(|message| Characters.count_message(message));
        assert_eq!(tokens.collect::<Vec<_>>(), [2, 2, 2]);
        assert_eq!(texts(&one.messages[1]), "read{}");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let check = |from: &str, to: &str, expected: &str| {
            let line = LINE.replace('\n', "").replace(from, to);
            let error = Conversation::parse_all(&line).expect_err(to);
            assert_eq!(format!("{error:#}"), format!("in line 1: {expected}"));
        };
        check(
            r#""tool_call_id": "1""#,
            r#""tool_call_id": "2""#,
            "no call 2",
        );
        check(
            r#"["c"], "needles""#,
            r#"["x"], "needles""#,
            "evidence that is not there",
        );
        check(r#""at": 3"#, r#""at": 4"#, "a question behind the end");
    }
}
