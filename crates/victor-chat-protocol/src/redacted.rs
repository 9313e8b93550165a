//! The part of an event that may be logged.

use serde::ser::{Serialize, SerializeMap, Serializer};
use victor_core::{ToolCall, ToolResult, TurnId, Usage};
use victor_provider_protocol::NanoDollars;

use crate::{
    ToolCallFinished, ToolCallProgressed, ToolCallStarted, TurnEvent, TurnEventKind, TurnFinished,
    TurnOutcome,
};

impl TurnEvent {
    /// Returns the part of the event that may be logged or counted: what was done, how long it took and what it cost,
    /// with the turn, but no text of a person, a model or a tool. It serializes as one JSON object.
    #[must_use]
    pub fn redacted(&self) -> impl Serialize + '_ {
        Redacted(self.turn, &self.kind)
    }

    /// Returns the same part by itself, to be written later. It is small, and nothing is written yet.
    #[must_use]
    pub fn to_redacted(&self) -> RedactedEvent {
        let turn = self.turn;
        let full = |kept| RedactedEvent::Full(RedactedFull(turn, kept));
        match &self.kind {
            TurnEventKind::TurnStarted(_)
            | TurnEventKind::ModelCallStarted(_)
            | TurnEventKind::TextDelta(_)
            | TurnEventKind::ThinkingDelta(_)
            | TurnEventKind::Unknown(_) => {
                RedactedEvent::Brief(RedactedBrief::of(turn, &self.kind))
            }
            TurnEventKind::TurnFinished(finished) => full(Kept::Finished(Finished::of(finished))),
            TurnEventKind::ApprovalRequested(requested) => {
                let asked = requested.approvals.iter();
                full(Kept::Asked(
                    asked.map(|asked| asked.call.name.clone()).collect(),
                ))
            }
            TurnEventKind::ToolCallStarted(started) => {
                let call = &started.call;
                let call = ToolCall::new(call.id.clone(), call.name.as_str(), "");
                full(Kept::kind(ToolCallStarted::new(call)))
            }
            TurnEventKind::ToolCallProgressed(progressed) => {
                let progressed = ToolCallProgressed::new(progressed.call.clone(), String::new());
                full(Kept::kind(progressed))
            }
            TurnEventKind::ToolCallFinished(finished) => {
                let result = &finished.result;
                let call = ToolCall::new(result.call_id.clone(), result.name.as_str(), "");
                let mut result = ToolResult::new(&call, result.outcome.clone(), "");
                result.content = Vec::new();
                let finished = ToolCallFinished::new(result).with_elapsed_us(finished.elapsed_us);
                full(Kept::kind(finished))
            }
            kind => full(Kept::Kind(kind.clone())),
        }
    }
}

/// The part of an event that may be logged, as [`TurnEvent::to_redacted`] returns it: in one of two sizes, since many
/// are held and half of them say next to nothing.
#[derive(Debug, Clone)]
pub enum RedactedEvent {
    /// An event that says a number at most.
    Brief(RedactedBrief),
    /// Any other event.
    Full(RedactedFull),
}

/// The part of a brief event that may be logged. It serializes as one JSON object.
#[derive(Debug, Clone)]
pub struct RedactedBrief {
    turn: TurnId,
    number: Option<u32>,
    resumed: Option<bool>,
}

impl RedactedBrief {
    fn of(turn: TurnId, kind: &TurnEventKind) -> Self {
        let (number, resumed) = match kind {
            TurnEventKind::TurnStarted(started) => (None, Some(started.resumed)),
            TurnEventKind::ModelCallStarted(started) => (Some(started.number), None),
            _ => (None, None),
        };
        Self {
            turn,
            number,
            resumed,
        }
    }
}

impl Serialize for RedactedBrief {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("turn", &self.turn)?;
        if let Some(number) = self.number {
            fields.serialize_entry("number", &number)?;
        }
        if let Some(resumed) = self.resumed {
            fields.serialize_entry("resumed", &resumed)?;
        }
        fields.end()
    }
}

/// The part of an event that may be logged. It serializes as one JSON object.
#[derive(Debug, Clone)]
pub struct RedactedFull(TurnId, Kept);

#[derive(Debug, Clone)]
enum Kept {
    /// An event without its texts.
    Kind(TurnEventKind),
    Finished(Finished),
    /// Names of the tools about which a person must decide.
    Asked(Vec<String>),
}

impl Kept {
    fn kind(kind: impl Into<TurnEventKind>) -> Self {
        Self::Kind(kind.into())
    }
}

impl Serialize for RedactedFull {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = match &self.1 {
            Kept::Kind(kind) => return Redacted(self.0, kind).serialize(serializer),
            _ => serializer.serialize_map(None)?,
        };
        fields.serialize_entry("turn", &self.0)?;
        match &self.1 {
            Kept::Finished(finished) => finished.write(&mut fields)?,
            Kept::Asked(tools) => fields.serialize_entry("tools", tools)?,
            Kept::Kind(_) => {}
        }
        fields.end()
    }
}

impl Serialize for RedactedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Brief(brief) => brief.serialize(serializer),
            Self::Full(full) => full.serialize(serializer),
        }
    }
}

/// The part of the end of a turn that may be logged.
#[derive(Debug, Clone)]
struct Finished {
    outcome: TurnOutcome,
    model_calls: u32,
    usage: Usage,
    cost: Option<NanoDollars>,
    elapsed_us: u64,
}

impl Finished {
    fn of(finished: &TurnFinished) -> Self {
        let response = &finished.response;
        Self {
            outcome: response.outcome.clone(),
            model_calls: response.model_calls,
            usage: response.usage.clone(),
            cost: response.cost,
            elapsed_us: finished.elapsed_us,
        }
    }

    fn write<M: SerializeMap>(&self, fields: &mut M) -> Result<(), M::Error> {
        fields.serialize_entry("outcome", &self.outcome)?;
        fields.serialize_entry("model_calls", &self.model_calls)?;
        fields.serialize_entry("usage", &self.usage)?;
        if let Some(cost) = &self.cost {
            fields.serialize_entry("cost", cost)?;
        }
        fields.serialize_entry("elapsed_us", &self.elapsed_us)
    }
}

struct Redacted<'a>(TurnId, &'a TurnEventKind);

impl Serialize for Redacted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("turn", &self.0)?;
        // Without a wildcard, so that whoever adds an event decides about it.
        match self.1 {
            TurnEventKind::TurnStarted(started) => {
                fields.serialize_entry("resumed", &started.resumed)?;
            }
            TurnEventKind::PromptUsed(used) => {
                fields.serialize_entry("versions", &used.versions)?;
            }
            TurnEventKind::ContextCompacted(compacted) => {
                fields.serialize_entry("strategy", &compacted.strategy)?;
                fields.serialize_entry("messages_before", &compacted.messages_before)?;
                fields.serialize_entry("messages_after", &compacted.messages_after)?;
                fields.serialize_entry("tokens_before", &compacted.tokens_before)?;
                fields.serialize_entry("tokens_after", &compacted.tokens_after)?;
            }
            TurnEventKind::ModelCallStarted(started) => {
                fields.serialize_entry("number", &started.number)?;
            }
            TurnEventKind::ModelCallRetried(notice) => {
                fields.serialize_entry("attempt", &notice.attempt)?;
                fields.serialize_entry("error", &notice.kind)?;
                let delay = u64::try_from(notice.delay.as_millis()).unwrap_or(u64::MAX);
                fields.serialize_entry("delay_ms", &delay)?;
                if let Some(target) = &notice.target {
                    fields.serialize_entry("target", target)?;
                }
                if let Some(next) = &notice.next_target {
                    fields.serialize_entry("next_target", next)?;
                }
                if notice.withdrawn {
                    fields.serialize_entry("withdrawn", &true)?;
                }
            }
            TurnEventKind::ModelCallWaiting(notice) => {
                fields.serialize_entry("target", &notice.target)?;
                let expected = u64::try_from(notice.expected.as_millis()).unwrap_or(u64::MAX);
                fields.serialize_entry("expected_ms", &expected)?;
            }
            TurnEventKind::TextWithdrawn(withdrawn) => {
                fields.serialize_entry("number", &withdrawn.number)?;
            }
            TurnEventKind::ModelCallFinished(finished) => {
                fields.serialize_entry("number", &finished.number)?;
                fields.serialize_entry("model", &finished.model)?;
                fields.serialize_entry("stop_reason", &finished.stop_reason)?;
                fields.serialize_entry("usage", &finished.usage)?;
                fields.serialize_entry("elapsed_us", &finished.elapsed_us)?;
                if let Some(first) = &finished.first_token_us {
                    fields.serialize_entry("first_token_us", first)?;
                }
                if finished.queued_us > 0 {
                    fields.serialize_entry("queued_us", &finished.queued_us)?;
                }
            }
            TurnEventKind::ToolCallStarted(started) => {
                fields.serialize_entry("tool", &started.call.name)?;
                fields.serialize_entry("call", &started.call.id)?;
            }
            TurnEventKind::ToolCallProgressed(progressed) => {
                fields.serialize_entry("call", &progressed.call)?;
            }
            TurnEventKind::ModeSwitched(switched) => {
                fields.serialize_entry("from", &switched.from)?;
                fields.serialize_entry("to", &switched.to)?;
                fields.serialize_entry("by", &switched.by)?;
            }
            TurnEventKind::ToolCallFinished(finished) => {
                fields.serialize_entry("tool", &finished.result.name)?;
                fields.serialize_entry("call", &finished.result.call_id)?;
                fields.serialize_entry("outcome", &finished.result.outcome)?;
                fields.serialize_entry("elapsed_us", &finished.elapsed_us)?;
            }
            TurnEventKind::ApprovalRequested(requested) => {
                let asked = requested.approvals.iter().map(|asked| &asked.call.name);
                fields.serialize_entry("tools", &asked.collect::<Vec<_>>())?;
            }
            TurnEventKind::Notice(notice) => {
                fields.serialize_entry("part", &notice.component)?;
                fields.serialize_entry("message", &notice.message)?;
            }
            TurnEventKind::TurnFinished(finished) => {
                Finished::of(finished).write(&mut fields)?;
            }
            TurnEventKind::TurnFailed(failed) => {
                fields.serialize_entry("error", &failed.message)?;
                fields.serialize_entry("usage", &failed.usage)?;
                fields.serialize_entry("class", &failed.class)?;
                if !failed.coordinator.is_empty() {
                    fields.serialize_entry("coordinator", &failed.coordinator)?;
                }
                fields.serialize_entry("elapsed_us", &failed.elapsed_us)?;
            }
            TurnEventKind::TextDelta(_)
            | TurnEventKind::ThinkingDelta(_)
            | TurnEventKind::Unknown(_) => {}
        }
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use victor_core::{ToolCall, ToolOutcome, ToolResult};

    use super::*;
    use crate::{Delta, ToolCallFinished, ToolCallStarted};

    /// An event shows these fields beside its turn.
    #[track_caller]
    fn check(kind: impl Into<TurnEventKind>, fields: &Value) {
        let event = TurnEvent::new("s".into(), TurnId::from_u128(1), 0, kind);
        let mut shown = serde_json::to_value(event.redacted()).unwrap();
        let turn = shown.as_object_mut().unwrap().remove("turn");
        assert_eq!(turn, Some(json!(TurnId::from_u128(1))));
        assert_eq!(shown, *fields);
        // What is written later is the same.
        let mut later = serde_json::to_value(event.to_redacted()).unwrap();
        later.as_object_mut().unwrap().remove("turn");
        assert_eq!(later, *fields);
        assert!(!format!("{:?}", event.to_redacted()).contains("secret"));
    }

    #[test]
    fn what_was_said_is_not_shown() {
        let call = ToolCall::new("c", "read", r#"{"path":"secret.txt"}"#);
        let result = ToolResult::new(&call, ToolOutcome::Success, "the secret");
        check(Delta::new("a secret".into()), &json!({}));
        check(
            ToolCallStarted::new(call),
            &json!({"tool": "read", "call": "c"}),
        );
        check(
            ToolCallFinished::new(result).with_elapsed_us(7),
            &json!({"tool": "read", "call": "c", "outcome": "success", "elapsed_us": 7}),
        );
        check(
            TurnEventKind::Unknown(
                serde_json::from_value(json!({"event": "new", "text": "a secret"})).unwrap(),
            ),
            &json!({}),
        );
    }
}
