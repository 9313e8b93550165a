//! Chunks of an answer, and whole answers, which are read as one chunk.

use std::borrow::Cow;
use std::mem;

use serde::{Deserialize, de};
use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::{ModelId, Part, StopReason, Thinking, Usage};
use victor_http::TextTemplate;
use victor_model_api::lenient::{self, Content, Finish, HalfPairs, Piece};
use victor_model_api::{AnswerLimits, AnswerMeter, Pieces};
use victor_provider_protocol::{Completion, CompletionEvent, ProviderError, ProviderErrorKind};

use super::calls::{Calls, Fragment};
use crate::own::{self, Read};
use crate::{error, usage};

/// A chunk, or a whole answer, whose `message` has the fields of a `delta`.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default, deserialize_with = "lenient::text_borrowed")]
    object: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::text_borrowed")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::text_borrowed")]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    x_groq: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Value>,
    /// Error in the form of MiniMax.
    #[serde(default)]
    base_resp: Option<BaseResp>,
}

#[derive(Deserialize)]
struct BaseResp {
    #[serde(default, deserialize_with = "lenient::integer")]
    status_code: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    status_msg: Option<String>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, deserialize_with = "lenient::integer")]
    index: Option<i64>,
    #[serde(borrow, default)]
    delta: Option<Read<'a, Delta<'a>>>,
    /// Of a whole answer; beside a `delta` it repeats what came before.
    #[serde(borrow, default)]
    message: Option<Read<'a, Delta<'a>>>,
    #[serde(default, deserialize_with = "lenient::text")]
    finish_reason: Option<String>,
    /// Usage, where Kimi puts it in a stream.
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    content: Option<Content>,
    #[serde(deserialize_with = "lenient::text")]
    refusal: Option<String>,
    /// Thoughts, as DeepSeek, z.ai, Kimi and llama.cpp name them.
    #[serde(deserialize_with = "lenient::text")]
    reasoning_content: Option<String>,
    /// Thoughts, as Groq, OpenRouter, vLLM and Ollama name them.
    #[serde(deserialize_with = "lenient::text")]
    reasoning: Option<String>,
    /// Thoughts, as Ollama's native API names them.
    #[serde(deserialize_with = "lenient::text")]
    thinking: Option<String>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Read<'a, Fragment<'a>>>>,
}

/// The fields of a message that do not go back to the server that sent them, because they are read, because they are no
/// part of what the model said, or because servers that send them refuse them. All others do.
const NOT_SENT_BACK: [&str; 25] = [
    "annotations",
    "audio",
    "channel", // Groq
    "citations",
    "content",
    "content_filter_results",
    "executed_tools", // Groq
    "function_call",
    "hidden_states", // SGLang
    "images",
    "index",
    "logprobs",
    "matched_stop", // SGLang
    "obfuscation",
    "prompt_token_ids", // vLLM
    "reasoning",
    "reasoning_content",
    "refusal",
    "role",
    "search_results",
    "stop_reason", // vLLM
    "thinking",
    "token_ids", // vLLM
    "tool_calls",
    "type",
];

impl Chunk<'_> {
    /// The text of a chunk that says nothing else, or nothing that matters when it is said again.
    fn only_text(&self) -> Option<&str> {
        let [choice] = self.choices.as_deref()? else {
            return None;
        };
        let delta = choice.delta.as_ref()?;
        let mut unknown = Pieces::default();
        own::take_unknown(delta.raw, &NOT_SENT_BACK, &mut unknown);
        let delta = &delta.value;
        let has_more = choice.index.unwrap_or(0) != 0
            || choice.message.is_some()
            || self.error.is_some()
            || delta.refusal.is_some()
            || delta.reasoning_content.is_some()
            || delta.reasoning.is_some()
            || delta.thinking.is_some()
            || delta.tool_calls.is_some()
            || unknown.values().next().is_some();
        match &delta.content {
            Some(Content::Text(text)) if !has_more => Some(text),
            _ => None,
        }
    }
}

/// The usage that Groq sends in a field of its own.
fn of_groq(raw: &RawValue) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Groq<'a> {
        #[serde(borrow, default)]
        usage: Option<&'a RawValue>,
    }
    serde_json::from_str::<Groq<'_>>(raw.get()).ok()?.usage
}

/// Reads the chunks of one answer.
#[derive(Debug)]
pub(crate) struct Decoder {
    provider: String,
    id: Option<String>,
    model: Option<ModelId>,
    parts: Vec<Part>,
    calls: Calls,
    /// Other fields of the message, to be sent back.
    others: Pieces,
    finish: Option<String>,
    refused: bool,
    usage: Option<Usage>,
    /// Whether the server said that the stream ends.
    done: bool,
    /// Whether the answer came whole, and so needs no other sign of its end.
    whole: bool,
    template: TextTemplate,
    halves: HalfPairs,
    meter: AnswerMeter,
}

impl Decoder {
    pub(crate) fn new(provider: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            id: None,
            model: None,
            parts: Vec::new(),
            calls: Calls::default(),
            others: Pieces::default(),
            finish: None,
            refused: false,
            usage: None,
            done: false,
            whole: false,
            template: TextTemplate::new("\"content\""),
            halves: HalfPairs::default(),
            meter: AnswerMeter::default(),
        }
    }

    /// Whether nothing can follow.
    pub(crate) fn is_done(&self) -> bool {
        self.done || self.whole
    }

    /// Returns the known usage so far.
    pub(crate) fn usage(&self) -> Usage {
        self.usage.clone().unwrap_or_default()
    }

    pub(crate) fn set_limits(&mut self, limits: AnswerLimits) {
        self.meter = AnswerMeter::new(limits);
    }

    /// A number that grows with what is said.
    pub(crate) fn progress(&self) -> u64 {
        self.meter.progress()
    }

    /// Takes the data of one event, and says what there is to show of it.
    pub(crate) fn event(
        &mut self,
        data: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        let data = data.trim();
        if self.halves.is_lost(data) {
            self.again(char::REPLACEMENT_CHARACTER, show)?;
        }
        if let Some(text) = self.template.read(data) {
            return self.show_text(text.into_owned(), show);
        }
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        if !data.starts_with('{') {
            // A list would be taken for the fields in their order.
            return Err(self.unreadable(&de::Error::custom("no JSON object")));
        }
        match serde_json::from_str(data) {
            Ok(chunk) => self.parsed(chunk, data, show),
            Err(error) => match self.halves.repair(data) {
                Some(whole) => self.parsed(self.parse(&whole)?, &whole, show),
                None => Err(self.unreadable(&error)),
            },
        }
    }

    fn parse<'a, T: Deserialize<'a>>(&self, data: &'a str) -> Result<T, ProviderError> {
        serde_json::from_str(data).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &serde_json::Error) -> ProviderError {
        let what = "a part of the answer could not be read";
        error::malformed(&self.provider, what, error)
    }

    /// Takes a chunk that was read from `data`.
    fn parsed(
        &mut self,
        chunk: Chunk<'_>,
        data: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        if chunk.object.as_deref() == Some("error") {
            // Old versions of vLLM send the fields of an error without an object around them.
            let error = serde_json::from_str(data).unwrap_or_default();
            return Err(error::of_event(&self.provider, &error));
        }
        if let Some(text) = chunk.only_text() {
            self.template.learn(data, text);
        }
        self.chunk(chunk, show)
    }

    fn chunk(
        &mut self,
        chunk: Chunk<'_>,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        // The counts run up from chunk to chunk where more than one has them, so the last ones hold.
        let of_choice = || {
            chunk
                .choices
                .iter()
                .flatten()
                .find_map(|choice| choice.usage)
        };
        let counts = chunk
            .usage
            .or_else(|| chunk.x_groq.and_then(of_groq))
            .or_else(of_choice);
        if let Some(counts) = counts.and_then(usage::parse) {
            self.usage = Some(counts);
        }
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(error::of_event(&self.provider, &error));
        }
        if let Some(BaseResp {
            status_code: Some(code @ 1..),
            status_msg,
        }) = chunk.base_resp
        {
            let message = status_msg.unwrap_or_default();
            return Err(error::of_minimax(&self.provider, code, &message));
        }
        if self.id.is_none() {
            let id = chunk.id.filter(|id| !id.is_empty());
            self.id = id.map(Cow::into_owned);
        }
        if self.model.is_none() {
            let model = chunk.model.filter(|model| !model.is_empty());
            self.model = model.map(|model| ModelId::from(&*model));
        }
        for choice in chunk.choices.into_iter().flatten() {
            // Who asks for several answers is given the first.
            if choice.index.unwrap_or(0) == 0 {
                self.choice(choice, show)?;
            }
        }
        Ok(())
    }

    fn choice(
        &mut self,
        choice: Choice<'_>,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        self.whole |= choice.message.is_some() && choice.delta.is_none();
        let delta = match choice.delta.or(choice.message) {
            Some(delta) => {
                own::take_unknown(delta.raw, &NOT_SENT_BACK, &mut self.others);
                if !self.others.is_empty() {
                    let counted = self.meter.opaque(delta.raw.get().len());
                    counted.map_err(|limit| error::too_large(&self.provider, limit))?;
                }
                delta.value
            }
            None => Delta::default(),
        };
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        // A server that says the same under two names means it once.
        let named = |field, thoughts| some(thoughts).map(|thoughts| (field, thoughts));
        let thoughts = named("reasoning_content", delta.reasoning_content)
            .or_else(|| named("reasoning", delta.reasoning))
            .or_else(|| named("thinking", delta.thinking));
        if let Some((field, thoughts)) = thoughts {
            self.show_thoughts(field, thoughts, show)?;
        }
        if let Some(refusal) = some(delta.refusal) {
            self.show_refusal(refusal, show)?;
        }
        match delta.content {
            None => {}
            Some(Content::Text(text)) => self.show_text(text, show)?,
            Some(Content::Pieces(pieces)) => {
                for piece in pieces {
                    match piece {
                        Piece::Thinking(thoughts) => {
                            self.show_thoughts("content", thoughts, show)?;
                        }
                        Piece::Refusal(refusal) => self.show_refusal(refusal, show)?,
                        Piece::Text(text) => self.show_text(text, show)?,
                        _ => {}
                    }
                }
            }
        }
        for fragment in delta.tool_calls.into_iter().flatten() {
            let grown = self.calls.add(fragment).map_err(|source| {
                error::malformed(&self.provider, "a tool call could not be read", &source)
            })?;
            let arguments = self.meter.arguments(grown.more, grown.all);
            let calls = self.meter.calls(self.calls.len());
            arguments
                .and(calls)
                .map_err(|limit| error::too_large(&self.provider, limit))?;
        }
        if let Some(reason) = some(choice.finish_reason) {
            self.meter.note(1);
            // It is said again by some servers. What was said first was said where the answer ended.
            self.finish.get_or_insert(reason);
        }
        Ok(())
    }

    fn show_text(
        &mut self,
        text: String,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        if !text.is_empty() {
            self.count(text.len())?;
            self.say(&text);
            show.extend([CompletionEvent::TextDelta(text)]);
        }
        Ok(())
    }

    fn show_thoughts(
        &mut self,
        field: &str,
        thoughts: String,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        if !thoughts.is_empty() {
            self.count(thoughts.len())?;
            self.think(field, &thoughts);
            show.extend([CompletionEvent::ThinkingDelta(thoughts)]);
        }
        Ok(())
    }

    fn show_refusal(
        &mut self,
        refusal: String,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        self.refused |= !refusal.is_empty();
        self.show_text(refusal, show)
    }

    fn count(&mut self, bytes: usize) -> Result<(), ProviderError> {
        let counted = self.meter.text(bytes);
        counted.map_err(|limit| error::too_large(&self.provider, limit))
    }

    /// Goes on with what was said last.
    fn again(
        &mut self,
        more: char,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        match self.parts.last() {
            Some(Part::Thinking(_)) => self.show_thoughts("", more.into(), show),
            _ => self.show_text(more.into(), show),
        }
    }

    fn say(&mut self, more: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.text.push_str(more),
            _ => self.parts.push(Part::text(more)),
        }
    }

    /// Takes thoughts, and remembers in which field they stood: they go back in the same.
    fn think(&mut self, field: &str, more: &str) {
        match self.parts.last_mut() {
            Some(Part::Thinking(thinking)) => thinking.text.push_str(more),
            _ => {
                let mut thinking = Thinking::new(more).with_provider(self.provider.clone());
                own::stood_in(&mut thinking.extra, field);
                self.parts.push(Part::Thinking(thinking));
            }
        }
    }

    /// The whole answer. `asked` is the model that was asked, for a server that does not say which one answered.
    pub(crate) fn finish(&mut self, asked: &ModelId) -> Result<Completion, ProviderError> {
        if self.halves.is_lost("") {
            self.again(char::REPLACEMENT_CHARACTER, &mut Vec::new())?;
        }
        let has_content = !self.parts.is_empty() || !self.calls.is_empty();
        let (stop_reason, cut) = match self.finish.take().map(|reason| Finish::of(&reason)) {
            Some(Finish::Failed(kind)) => return Err(self.broken_off(kind)),
            Some(Finish::Stopped(reason)) => {
                use StopReason::{ContextFull, MaxTokens, Refusal};
                let cut = matches!(reason, MaxTokens | ContextFull | Refusal);
                (reason, cut)
            }
            None if mem::take(&mut self.whole) => (StopReason::EndTurn, false),
            // The end of the stream is one of the answer, but who forgets the reason may forget more.
            None if self.done && has_content => (StopReason::EndTurn, true),
            None => return Err(error::truncated(&self.provider)),
        };
        let mut parts = mem::take(&mut self.parts);
        parts.extend(own::parts(&self.others, &self.provider));
        let (text, called) = (parts.len(), !self.calls.is_empty());
        let released = mem::take(&mut self.calls).release(cut, &self.provider);
        parts.extend(released.map(Part::ToolCall));
        let calls = parts.len() > text;
        let is_limited = matches!(
            stop_reason,
            StopReason::MaxTokens | StopReason::ContextFull | StopReason::Refusal
        );
        if called && !calls && !is_limited {
            let message = "the model called a tool, but no call came whole";
            return Err(ProviderError::new(
                ProviderErrorKind::Truncated,
                &*self.provider,
                message,
            ));
        }
        let stop_reason = match stop_reason {
            _ if self.refused => StopReason::Refusal,
            limit if is_limited => limit,
            // Some say `stop` after a call, and others speak of calls and make none.
            _ if calls => StopReason::ToolUse,
            StopReason::ToolUse => StopReason::EndTurn,
            other => other,
        };
        let model = self.model.take().unwrap_or_else(|| asked.clone());
        let mut completion =
            Completion::new(model, parts, self.usage()).with_stop_reason(stop_reason);
        completion.id = self.id.take();
        Ok(completion)
    }

    fn broken_off(&self, kind: ProviderErrorKind) -> ProviderError {
        ProviderError::new(kind, &self.provider, "the server broke the answer off")
    }
}
