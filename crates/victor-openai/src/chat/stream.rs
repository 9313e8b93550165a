//! Chunks of an answer, and whole answers, which are read as one chunk.

use std::borrow::Cow;
use std::mem;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::{ModelId, Part, StopReason, Thinking, Usage};
use victor_http::TextTemplate;
use victor_model_api::Pieces;
use victor_provider_protocol::{Completion, CompletionEvent, ProviderError, ProviderErrorKind};

use super::calls::{Calls, Fragment};
use crate::own::{self, Read};
use crate::{error, usage};

/// A chunk, or a whole answer, whose `message` has the fields of a `delta`.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    object: Option<Text<'a>>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    x_groq: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Read<'a, Delta<'a>>>,
    /// Of a whole answer; beside a `delta` it repeats what came before.
    #[serde(borrow, default)]
    message: Option<Read<'a, Delta<'a>>>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    content: Option<String>,
    refusal: Option<String>,
    /// What DeepSeek, z.ai, vLLM and llama.cpp call the thoughts.
    #[serde(deserialize_with = "text_if_any")]
    reasoning_content: Option<String>,
    /// What Groq, OpenRouter and Ollama call them.
    #[serde(deserialize_with = "text_if_any")]
    reasoning: Option<String>,
    /// What Ollama's own API calls them.
    #[serde(deserialize_with = "text_if_any")]
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
        delta.content.as_deref().filter(|_| !has_more)
    }
}

/// A text that is borrowed from the chunk, unless something in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The usage that Groq sends in a field of its own.
fn of_groq(raw: &RawValue) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Groq<'a> {
        #[serde(borrow, default)]
        usage: Option<&'a RawValue>,
    }
    serde_json::from_str::<Groq<'_>>(raw.get()).ok()?.usage
}

/// Fields that no standard knows may be text, or anything.
fn text_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Lenient {
        Text(String),
        Other(IgnoredAny),
    }
    Ok(match Lenient::deserialize(deserializer)? {
        Lenient::Text(text) => Some(text),
        Lenient::Other(_) => None,
    })
}

/// How servers say that an answer is whole.
const SAID_ALL: &[&str] = &["stop", "tool_calls", "function_call", "tool_use", "eos"];

/// Reads the chunks of one answer.
#[derive(Debug)]
pub(crate) struct Decoder {
    provider: String,
    id: Option<String>,
    model: Option<ModelId>,
    parts: Vec<Part>,
    calls: Calls,
    /// What else the message says, to be sent back.
    others: Pieces,
    finish: Option<String>,
    refused: bool,
    usage: Option<Usage>,
    done: bool,
    template: TextTemplate,
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
            template: TextTemplate::new("\"content\""),
        }
    }

    /// Whether nothing can follow.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// What is known to have been used so far.
    pub(crate) fn usage(&self) -> Usage {
        self.usage.clone().unwrap_or_default()
    }

    /// Takes the data of one event, and says what there is to show of it.
    pub(crate) fn event(
        &mut self,
        data: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        let data = data.trim();
        if let Some(text) = self.template.read(data) {
            self.show_text(text.into_owned(), show);
            return Ok(());
        }
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        let chunk: Chunk<'_> = serde_json::from_str(data).map_err(|source| {
            error::malformed(
                &self.provider,
                "a part of the answer could not be read",
                &source,
            )
        })?;
        if matches!(&chunk.object, Some(Text(object)) if object == "error") {
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
        let counts = chunk.usage.or_else(|| chunk.x_groq.and_then(of_groq));
        if let Some(counts) = counts.and_then(usage::parse) {
            self.usage = Some(counts);
        }
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(error::of_event(&self.provider, &error));
        }
        if self.id.is_none() {
            let id = chunk.id.filter(|id| !id.0.is_empty());
            self.id = id.map(|id| id.0.into_owned());
        }
        if self.model.is_none() {
            let model = chunk.model.filter(|model| !model.0.is_empty());
            self.model = model.map(|model| ModelId::from(&*model.0));
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
        let delta = match choice.delta.or(choice.message) {
            Some(delta) => {
                own::take_unknown(delta.raw, &NOT_SENT_BACK, &mut self.others);
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
            self.think(field, &thoughts);
            show.extend([CompletionEvent::ThinkingDelta(thoughts)]);
        }
        if let Some(refusal) = some(delta.refusal) {
            self.refused = true;
            self.say(&refusal);
            show.extend([CompletionEvent::TextDelta(refusal)]);
        }
        if let Some(text) = some(delta.content) {
            self.show_text(text, show);
        }
        for fragment in delta.tool_calls.into_iter().flatten() {
            self.calls.add(fragment).map_err(|source| {
                error::malformed(&self.provider, "a tool call could not be read", &source)
            })?;
        }
        // It is said again by some servers. What was said first was said where the answer ended.
        self.finish = self.finish.take().or(some(choice.finish_reason));
        Ok(())
    }

    fn show_text(&mut self, text: String, show: &mut impl Extend<CompletionEvent>) {
        if !text.is_empty() {
            self.say(&text);
            show.extend([CompletionEvent::TextDelta(text)]);
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
                let mut thinking = Thinking {
                    text: more.to_owned(),
                    provider: Some(self.provider.clone()),
                    ..Thinking::default()
                };
                own::stood_in(&mut thinking.extra, field);
                self.parts.push(Part::Thinking(thinking));
            }
        }
    }

    /// The whole answer. `asked` is the model that was asked, for a server that does not say which one answered.
    pub(crate) fn finish(&mut self, asked: &ModelId) -> Result<Completion, ProviderError> {
        let finish = self
            .finish
            .take()
            .ok_or_else(|| error::truncated(&self.provider))?;
        let cut = match &*finish {
            "length" | "content_filter" => true,
            "insufficient_system_resource" => {
                return Err(self.broken_off(ProviderErrorKind::Overloaded));
            }
            "error" => return Err(self.broken_off(ProviderErrorKind::Server)),
            _ => false,
        };
        let mut parts = mem::take(&mut self.parts);
        parts.extend(own::parts(&self.others, &self.provider));
        let (text, called) = (parts.len(), !self.calls.is_empty());
        let released = mem::take(&mut self.calls).release(cut, &self.provider);
        parts.extend(released.map(Part::ToolCall));
        let calls = parts.len() > text;
        if called && !calls && !cut {
            let message = "the model called a tool, but no call came whole";
            return Err(ProviderError::new(
                ProviderErrorKind::Truncated,
                &self.provider,
                message,
            ));
        }
        let stop_reason = match finish {
            _ if self.refused => StopReason::Refusal,
            finish if finish == "length" => StopReason::MaxTokens,
            finish if finish == "content_filter" => StopReason::Refusal,
            // Some say `stop` after a call, and others speak of calls and make none.
            _ if calls => StopReason::ToolUse,
            finish if SAID_ALL.contains(&&*finish) => StopReason::EndTurn,
            other => StopReason::from(&*other),
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
