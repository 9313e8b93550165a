//! The fields of an answer besides its blocks, and its conversion into a completion.

use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::{JsonMap, ModelId, Opaque, Part, StopReason, Usage};
use victor_model_api::lenient::{self, Finish, text};
use victor_model_api::{AnswerMeter, LimitExceeded, RawFields as Fields};
use victor_provider_protocol::{Completion, ProviderError, ProviderErrorKind};

use crate::block::{Block, namespaced};
use crate::{CONTAINER, DIALECT};

/// An answer as far as it has come.
#[derive(Debug)]
pub(crate) struct Message {
    model: ModelId,
    id: Option<String>,
    pub(crate) blocks: Vec<Block>,
    stop_reason: Option<String>,
    /// The provider's counts: the last that it named of each, since they count from the beginning of the answer.
    counts: JsonMap,
    /// Other fields, for those who know this dialect.
    own: JsonMap,
}

impl Message {
    /// An answer of `model`, unless it says otherwise.
    pub(crate) fn new(model: ModelId) -> Self {
        Self {
            model,
            id: None,
            blocks: Vec::new(),
            stop_reason: None,
            counts: JsonMap::new(),
            own: JsonMap::new(),
        }
    }

    /// Reads a message object that is whole.
    pub(crate) fn whole(json: &str, model: ModelId) -> serde_json::Result<Self> {
        let fields = Fields::parse(json)?;
        let mut message = Self::new(model);
        message.begin(&fields)?;
        for raw in fields.read::<Vec<&RawValue>>("content")? {
            let mut block = Block::start(raw)?;
            block.closed = true;
            message.blocks.push(block);
        }
        // Whether the last call was finished when the limit was reached cannot be seen here.
        if message.is_cut()
            && let Some(last) = message.blocks.last_mut()
        {
            last.closed = !last.is_tool_use();
        }
        Ok(message)
    }

    /// Takes what the answer begins with.
    pub(crate) fn begin(&mut self, fields: &Fields<'_>) -> serde_json::Result<()> {
        if let Some(id) = fields.get("id") {
            self.id = text(&mut serde_json::Deserializer::from_str(id.get()))?;
        }
        if let Some(model) = fields
            .read::<Option<String>>("model")?
            .filter(|model| !model.is_empty())
        {
            self.model = ModelId::from(model);
        }
        self.count(fields)?;
        self.note(fields, &["role", "content", "id", "model", "usage"])
    }

    /// Takes the counts in `usage`.
    pub(crate) fn count(&mut self, fields: &Fields<'_>) -> serde_json::Result<()> {
        let counts: JsonMap = fields.read("usage")?;
        for (name, value) in counts.into_iter().filter(|(_, value)| !value.is_null()) {
            // Some servers count the request at the beginning, and say none at the end.
            let is_kept = name.contains("input") && value == 0;
            if !(is_kept && self.counts.contains_key(&name)) {
                self.counts.insert(name, value);
            }
        }
        Ok(())
    }

    /// Takes the reason to stop, and what is not among the fields named.
    pub(crate) fn note(&mut self, fields: &Fields<'_>, known: &[&str]) -> serde_json::Result<()> {
        if let Some(reason) = fields.read("stop_reason")? {
            self.stop_reason = reason;
        }
        let mut others = fields.others(known)?;
        others.remove("stop_reason");
        self.own.extend(others);
        Ok(())
    }

    fn stop_reason(&self) -> Option<StopReason> {
        match Finish::of(self.stop_reason.as_deref()?) {
            Finish::Stopped(reason) => Some(reason),
            Finish::Failed(_) => None,
        }
    }

    /// Whether it is known why the answer ended, which is the end of it but for formalities.
    pub(crate) fn has_ended(&self) -> bool {
        self.stop_reason.is_some()
    }

    /// Counts what a whole answer brings.
    pub(crate) fn measure(&self, meter: &mut AnswerMeter) -> Result<(), LimitExceeded> {
        let calls = self.blocks.iter().filter(|block| block.is_tool_use());
        meter.calls(calls.count())?;
        self.blocks
            .iter()
            .try_for_each(|block| block.measure(meter))
    }

    fn is_cut(&self) -> bool {
        matches!(
            self.stop_reason(),
            Some(StopReason::MaxTokens | StopReason::ContextFull)
        )
    }

    /// Returns the usage so far.
    pub(crate) fn usage(&self) -> Usage {
        let found = |name: &str| self.counts.get(name).and_then(number);
        let count = |name: &str| found(name).unwrap_or(0);
        // The other names are those of Chat Completions, which some servers use here too.
        let input = found("input_tokens").or_else(|| found("prompt_tokens"));
        let output = found("output_tokens").or_else(|| found("completion_tokens"));
        let mut usage = Usage::new(input.unwrap_or(0), output.unwrap_or(0));
        usage.cache_read = count("cache_read_input_tokens");
        usage.cache_write = count("cache_creation_input_tokens");
        let thinking = self
            .counts
            .get("output_tokens_details")
            .and_then(|details| details.get("thinking_tokens"));
        usage.reasoning = thinking.and_then(number).unwrap_or(0);
        for (name, value) in &self.counts {
            if !matches!(
                name.as_str(),
                "input_tokens"
                    | "output_tokens"
                    | "cache_read_input_tokens"
                    | "cache_creation_input_tokens"
                    | "prompt_tokens"
                    | "completion_tokens"
                    | "total_tokens"
            ) {
                count_all(&mut usage, name, value);
            }
        }
        usage
    }

    /// Number of tokens that the model read in the last of several rounds on the provider's side, of which the counts
    /// are the sum: <https://platform.claude.com/docs/en/build-with-claude/compaction>.
    fn context_tokens(&self) -> Option<u64> {
        let rounds = self.counts.get("iterations")?.as_array()?;
        let is_message = |round: &&Value| round.get("type").is_some_and(|kind| kind == "message");
        let last = rounds.iter().rev().find(is_message)?;
        let count = |name: &str| last.get(name).and_then(number).unwrap_or(0);
        let read = count("input_tokens")
            .saturating_add(count("cache_read_input_tokens"))
            .saturating_add(count("cache_creation_input_tokens"));
        (rounds.len() > 1 && read > 0).then_some(read)
    }

    /// The answer, when nothing more comes.
    ///
    /// # Errors
    ///
    /// The server broke the answer off, or the model stopped to have a tool called, and no call came whole.
    pub(crate) fn finish(mut self) -> Result<Completion, ProviderError> {
        if let Some(Finish::Failed(kind)) = self.stop_reason.as_deref().map(Finish::of) {
            let message = "the server broke the answer off";
            return Err(ProviderError::new(kind, DIALECT, message).with_usage(self.usage()));
        }
        let context_tokens = self.context_tokens();
        let (cut, stop_reason, usage) = (self.is_cut(), self.stop_reason(), self.usage());
        let mut parts: Vec<Part> = self
            .blocks
            .into_iter()
            .enumerate()
            .filter_map(|(n, block)| block.into_part(cut, n))
            .collect();
        parts.extend(container(&self.own, &parts));
        if stop_reason == Some(StopReason::ToolUse)
            && !parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
        {
            let message = "the model stopped for a tool call, but none came whole";
            return Err(
                ProviderError::new(ProviderErrorKind::Truncated, DIALECT, message)
                    .with_usage(usage),
            );
        }
        for (name, value) in self.counts {
            if value.is_string() {
                self.own.insert(name, value);
            }
        }
        let mut completion = Completion::new(self.model, parts, usage);
        if let Some(stop_reason) = stop_reason {
            completion.stop_reason = stop_reason;
        }
        completion.id = self.id;
        completion.context_tokens = context_tokens;
        completion.extra = namespaced(self.own);
        Ok(completion)
    }
}

/// The container in which the model's code waits for the results of the calls that it made. Other calls need none.
fn container(own: &JsonMap, parts: &[Part]) -> Option<Part> {
    let container = own
        .get(CONTAINER)
        .filter(|container| container.is_object())?;
    let is_of_code = |part: &Part| match part {
        Part::ToolCall(call) => {
            let own = call.extra.get(DIALECT);
            own.is_some_and(|own| own.get("caller").is_some())
        }
        _ => false,
    };
    let opaque = Opaque::new(DIALECT, CONTAINER, container.to_string());
    parts.iter().any(is_of_code).then_some(opaque.into())
}

/// A count, which some servers send as a text or with a point.
fn number(value: &Value) -> Option<u64> {
    lenient::count(value).ok()?
}

/// Adds what else was counted under its path, for example `server_tool_use.web_search_requests`.
fn count_all(usage: &mut Usage, path: &str, value: &Value) {
    match value {
        Value::Number(number) => {
            let before = usage.extra.get(path).and_then(Value::as_u64).unwrap_or(0);
            match number.as_u64() {
                Some(0) => {}
                Some(count) => usage.extra.insert(path, before.saturating_add(count)),
                None => usage.extra.insert(path, number.clone()),
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                count_all(usage, &format!("{path}.{name}"), value);
            }
        }
        // Rounds on the provider's side. Those of kind `message` are what the other counts are made of.
        Value::Array(rounds) => {
            for round in rounds {
                let kind = round.get("type").and_then(Value::as_str).unwrap_or("other");
                if kind != "message" {
                    count_all(usage, &format!("{path}.{kind}"), round);
                }
            }
        }
        Value::String(_) | Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(json: &str) -> Result<Completion, ProviderError> {
        Message::whole(json, ModelId::from("asked"))
            .unwrap()
            .finish()
    }

    #[test]
    fn everything_that_is_counted_is_kept_once() {
        let usage = whole(
            r#"{"usage":{"input_tokens":3,"output_tokens":4,"cache_read_input_tokens":5,"cache_creation_input_tokens":6,
            "cache_creation":{"ephemeral_1h_input_tokens":6,"ephemeral_5m_input_tokens":0},"service_tier":"priority",
            "server_tool_use":{"web_search_requests":2},"output_tokens_details":{"thinking_tokens":1},
            "iterations":[{"type":"compaction","input_tokens":10},{"type":"compaction","input_tokens":1},
            {"type":"message","input_tokens":3}]}}"#,
        )
        .unwrap()
        .usage;
        assert_eq!(
            (
                usage.input,
                usage.output,
                usage.cache_read,
                usage.cache_write,
                usage.reasoning
            ),
            (3, 4, 5, 6, 1)
        );
        let extra: Vec<String> = usage
            .extra
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            extra,
            [
                "cache_creation.ephemeral_1h_input_tokens=6",
                "iterations.compaction.input_tokens=11",
                "output_tokens_details.thinking_tokens=1",
                "server_tool_use.web_search_requests=2"
            ]
        );
    }

    #[test]
    fn the_last_of_several_rounds_says_how_much_was_read() {
        let read = |iterations: &str| {
            let usage = format!(r#"{{"input_tokens":2411,"iterations":{iterations}}}"#);
            whole(&format!(r#"{{"usage":{usage}}}"#))
                .unwrap()
                .context_tokens
        };
        let first = r#"{"type":"message","input_tokens":1128}"#;
        let last = r#"{"type":"message","input_tokens":1000,"cache_read_input_tokens":283}"#;
        assert_eq!(read(&format!("[{first},{last}]")), Some(1283));
        let compaction = r#"{"type":"compaction","input_tokens":9000}"#;
        assert_eq!(read(&format!("[{compaction},{first}]")), Some(1128));
        assert_eq!((read(&format!("[{first}]")), read("null")), (None, None));
    }

    #[test]
    fn counts_come_in_other_forms_too() {
        let usage = whole(r#"{"usage":{"prompt_tokens":"9","completion_tokens":4.0}}"#)
            .unwrap()
            .usage;
        assert_eq!((usage.input, usage.output), (9, 4));
        let mut message = Message::new(ModelId::from("m"));
        for counts in [
            r#"{"usage":{"input_tokens":9,"output_tokens":1}}"#,
            r#"{"usage":{"input_tokens":0,"output_tokens":4}}"#,
        ] {
            message.count(&Fields::parse(counts).unwrap()).unwrap();
        }
        assert_eq!((message.usage().input, message.usage().output), (9, 4));
    }

    #[test]
    fn an_answer_that_the_server_broke_off_is_none() {
        let error =
            whole(r#"{"stop_reason":"network_error","usage":{"input_tokens":1}}"#).unwrap_err();
        assert_eq!(
            (error.kind, error.usage.input),
            (ProviderErrorKind::Server, 1)
        );
    }

    #[test]
    fn stop_reasons_are_translated() {
        let check = |reason: &str, expected: StopReason| {
            let completion = whole(&format!(r#"{{"stop_reason":{reason}}}"#)).unwrap();
            assert_eq!(completion.stop_reason, expected, "{reason}");
        };
        check("null", StopReason::EndTurn);
        check("\"end_turn\"", StopReason::EndTurn);
        check("\"max_tokens\"", StopReason::MaxTokens);
        check("\"stop_sequence\"", StopReason::StopSequence);
        check("\"refusal\"", StopReason::Refusal);
        check("\"pause_turn\"", StopReason::PauseTurn);
        check("\"compaction\"", StopReason::PauseTurn);
        check("\"model_context_window_exceeded\"", StopReason::ContextFull);
        check("\"length\"", StopReason::MaxTokens);
        check("\"sensitive\"", StopReason::Refusal);
        check("\"bored\"", StopReason::Other("bored".into()));
    }

    #[test]
    fn what_else_is_said_is_kept_under_the_name_of_the_dialect() {
        let completion = whole(
            r#"{"type":"message","role":"assistant","id":"m","model":"",
            "stop_sequence":"x","stop_details":null,"container":{"id":"c"},
            "usage":{"service_tier":"batch"}}"#,
        )
        .unwrap();
        assert_eq!(
            (completion.id.as_deref(), completion.model.as_str()),
            (Some("m"), "asked")
        );
        let own = completion.extra.get(DIALECT).unwrap();
        assert_eq!(
            own,
            &serde_json::json!({"stop_sequence": "x", "container": {"id": "c"}, "service_tier": "batch"})
        );
    }

    #[test]
    fn the_container_of_a_call_that_code_made_is_kept() {
        let kinds = |caller: &str| {
            let call = format!(
                r#"{{"type":"tool_use","id":"1","name":"n","input":{{}},"caller":{{"type":"{caller}"}}}}"#
            );
            let completion = whole(&format!(
                r#"{{"content":[{call}],"stop_reason":"tool_use","container":{{"id":"c","expires_at":"later"}}}}"#
            ));
            let parts = completion.unwrap().parts;
            match parts.last() {
                Some(Part::Opaque(opaque)) => format!("{} {}", opaque.kind, opaque.data),
                _ => String::new(),
            }
        };
        assert_eq!(
            kinds("code_execution_20260120"),
            r#"container {"expires_at":"later","id":"c"}"#
        );
        assert_eq!(kinds("direct"), "");
    }

    #[test]
    fn a_call_at_the_end_of_an_answer_that_was_cut_is_not_made() {
        let call = r#"{"type":"tool_use","id":"1","name":"n","input":{}}"#;
        let calls = |stop: &str| {
            whole(&format!(
                r#"{{"content":[{call},{call}],"stop_reason":"{stop}"}}"#
            ))
            .unwrap()
            .tool_calls()
            .count()
        };
        assert_eq!((calls("tool_use"), calls("max_tokens")), (2, 1));
    }

    #[test]
    fn a_stop_for_no_call_is_an_error() {
        let error = whole(r#"{"stop_reason":"tool_use","usage":{"input_tokens":1}}"#).unwrap_err();
        assert_eq!(
            (error.kind, error.usage.input),
            (ProviderErrorKind::Truncated, 1)
        );
    }
}
