//! Decodes the events of a streamed answer, without I/O.

use std::collections::HashMap;

use serde::Deserialize;
use victor_core::ModelId;
use victor_http::SseDecoder;
use victor_http::TextTemplate;
use victor_model_api::lenient::{HalfPairs, count, repaired};
use victor_model_api::{AnswerLimits, AnswerMeter, LimitExceeded, RawFields as Fields};
use victor_provider_protocol::{Completion, CompletionEvent, ProviderError, ProviderErrorKind};

use crate::DIALECT;
use crate::block::{Block, Shown};
use crate::error;
use crate::message::Message;

/// Decodes the events of a streamed answer of the Messages API, without I/O.
///
/// It is what [`AnthropicProvider`](crate::AnthropicProvider) decodes streams with, for those who receive the events
/// in another way, for example through a cloud's own client.
///
/// Events of kinds that it does not know are skipped, and blocks of kinds that it does not know are kept as
/// [`Part::Opaque`](victor_core::Part::Opaque), put together from their pieces, so that they can be sent back.
///
/// ```
/// use victor_anthropic::MessageDecoder;
/// use victor_provider_protocol::CompletionEvent;
///
/// let mut decoder = MessageDecoder::new("claude-sonnet-5-5");
/// decoder.event("message_start", r#"{"type":"message_start","message":{"usage":{"input_tokens":9}}}"#)?;
/// decoder.event("", r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#)?;
/// let data = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
/// let event = decoder.event("", data)?;
/// assert_eq!(event, CompletionEvent::TextDelta("Hi".into()));
/// decoder.event("", r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#)?;
/// let CompletionEvent::Finished(completion) = decoder.event("", r#"{"type":"message_stop"}"#)? else { panic!() };
/// assert_eq!(completion.usage.total_tokens(), 11);
/// # Ok::<(), victor_provider_protocol::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct MessageDecoder {
    model: ModelId,
    message: Message,
    /// The block that grows under an index. An index that begins anew is a new block.
    growing: HashMap<u64, usize>,
    /// The block of text that the last event was a piece of, if it was one.
    writing: Option<usize>,
    template: TextTemplate,
    halves: HalfPairs,
    meter: AnswerMeter,
    /// Number of tool calls that have begun.
    calls: usize,
}

impl MessageDecoder {
    /// A decoder for an answer of `model`, the name that stands where the answer names none.
    pub fn new(model: impl Into<ModelId>) -> Self {
        let model = model.into();
        Self {
            message: Message::new(model.clone()),
            model,
            growing: HashMap::new(),
            writing: None,
            template: TextTemplate::new("\"text\""),
            halves: HalfPairs::default(),
            meter: AnswerMeter::default(),
            calls: 0,
        }
    }

    /// Sets how much the answer may say.
    #[must_use]
    pub fn with_limits(mut self, limits: AnswerLimits) -> Self {
        self.meter = AnswerMeter::new(limits);
        self
    }

    /// A number that grows with what the answer says. An event that leaves it as it is was a sign of life and no more.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.meter.progress()
    }

    /// Takes the next event, with its name, which may be empty, and its data.
    ///
    /// It makes one event of each; [`CompletionEvent::Working`] where there is nothing to show. What follows after
    /// [`CompletionEvent::Finished`] is the next answer.
    ///
    /// # Errors
    ///
    /// The event is an error of the provider, in the class that it names. Or it is not what the provider's
    /// documentation says ([`Malformed`](ProviderErrorKind::Malformed)). Nothing that follows is worth decoding.
    pub fn event(&mut self, name: &str, data: &str) -> Result<CompletionEvent, ProviderError> {
        let is_lost = self.halves.is_lost(data);
        if is_lost && let Some(block) = self.message.blocks.last_mut() {
            block.again(char::REPLACEMENT_CHARACTER);
        }
        let event = match self.try_event(name, data) {
            Err(error) if error.kind == ProviderErrorKind::Malformed => {
                // Only a piece of a text can go on in the next event.
                let whole = if data.contains("content_block_delta") {
                    self.halves.repair(data)
                } else {
                    repaired(data)
                };
                match whole {
                    Some(whole) => self.try_event(name, &whole)?,
                    None => return Err(error),
                }
            }
            event => event?,
        };
        Ok(match event {
            CompletionEvent::TextDelta(text) if is_lost => {
                CompletionEvent::TextDelta(format!("\u{fffd}{text}"))
            }
            CompletionEvent::ThinkingDelta(text) if is_lost => {
                CompletionEvent::ThinkingDelta(format!("\u{fffd}{text}"))
            }
            event => event,
        })
    }

    /// Takes the next event. One that cannot be read changes nothing.
    fn try_event(&mut self, name: &str, data: &str) -> Result<CompletionEvent, ProviderError> {
        if let Some(block) = self.writing
            && let Some(text) = self.template.read(data)
        {
            let counted = self.meter.text(text.len());
            counted.map_err(|limit| self.too_large(limit))?;
            self.message.blocks[block].write(&text);
            return Ok(shown(Shown::Text(text.into_owned())));
        }
        self.writing = None;
        if data.trim() == "[DONE]" {
            return self.end();
        }
        let fields = match Fields::parse(data) {
            Ok(fields) => fields,
            Err(_) if !is_known(name) && !name.is_empty() => return Ok(CompletionEvent::Working),
            Err(error) => return Err(self.malformed(name, &error)),
        };
        let kind = fields.kind();
        let kind = if kind.is_empty() { name } else { &kind };
        match kind {
            "error" => {
                Err(error::of_body(None, None, data.as_bytes()).with_usage(self.message.usage()))
            }
            "" if fields.get("error").is_some() => {
                Err(error::of_body(None, None, data.as_bytes()).with_usage(self.message.usage()))
            }
            "message_stop" => self.finish(),
            // A whole answer that came instead of events.
            "message" => {
                let message = Message::whole(data, self.model.clone());
                self.message = message.map_err(|error| self.malformed(kind, &error))?;
                let counted = self.message.measure(&mut self.meter);
                counted.map_err(|limit| self.too_large(limit))?;
                self.finish()
            }
            _ => {
                let piece = self
                    .take(kind, &fields)
                    .map_err(|error| self.malformed(kind, &error))?;
                self.measure(kind, &fields, &piece)
                    .map_err(|limit| self.too_large(limit))?;
                if let Shown::Text(text) = &piece
                    && self.writing.is_some()
                {
                    self.template.learn(data, text);
                }
                Ok(shown(piece))
            }
        }
    }

    /// Counts what an event brought.
    fn measure(
        &mut self,
        kind: &str,
        fields: &Fields<'_>,
        piece: &Shown,
    ) -> Result<(), LimitExceeded> {
        match piece {
            Shown::Text(text) | Shown::Thinking(text) => self.meter.text(text.len())?,
            Shown::Nothing => {}
        }
        match kind {
            "content_block_start" => {
                self.meter.note(1);
                let Some(block) = self.message.blocks.last() else {
                    return Ok(());
                };
                self.calls += usize::from(block.is_tool_use());
                self.meter.calls(self.calls)?;
                match piece {
                    Shown::Nothing => block.measure(&mut self.meter),
                    _ => Ok(()),
                }
            }
            "content_block_delta" if *piece == Shown::Nothing => {
                let delta = fields.get("delta").map_or(0, |delta| delta.get().len());
                match self.growing(fields) {
                    Ok(Some(block)) => {
                        self.message.blocks[block].measure_piece(delta, &mut self.meter)
                    }
                    _ => Ok(()),
                }
            }
            "message_start" | "content_block_stop" | "message_delta" => {
                self.meter.note(1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes it that the stream has ended. It is the end of the answer, too, once it was said why that ends: not every
    /// server says it twice.
    ///
    /// # Errors
    ///
    /// [`Truncated`](ProviderErrorKind::Truncated): the answer is not whole.
    pub fn end(&mut self) -> Result<CompletionEvent, ProviderError> {
        if self.message.has_ended() {
            self.finish()
        } else {
            Err(self.truncated())
        }
    }

    /// Takes a body that came whole: one document, or the events of a stream.
    pub(crate) fn whole(&mut self, body: &[u8]) -> Result<Completion, ProviderError> {
        let text = str::from_utf8(body).map_err(|_| malformed("the answer is not UTF-8"))?;
        let mut events = SseDecoder::new(body.len());
        if SseDecoder::is_stream(text) {
            events.push(body);
        } else {
            Fields::parse(text)
                .map_err(|error| malformed(format!("the answer cannot be read: {error}")))?;
            return match self.event("", text)? {
                CompletionEvent::Finished(completion) => Ok(*completion),
                _ => Err(malformed("the answer is not a message")),
            };
        }
        // The whole body is UTF-8, and no event in it is larger.
        while let Ok(Some(event)) = events.finish() {
            if let CompletionEvent::Finished(completion) = self.event(event.event, event.data)? {
                return Ok(*completion);
            }
        }
        match self.end()? {
            CompletionEvent::Finished(completion) => Ok(*completion),
            _ => Err(self.truncated()),
        }
    }

    fn too_large(&self, limit: LimitExceeded) -> ProviderError {
        let kind = ProviderErrorKind::AnswerTooLarge;
        self.failed(ProviderError::new(kind, DIALECT, limit.to_string()))
    }

    /// The error of a stream that ends here, before its answer is whole.
    #[must_use]
    pub fn truncated(&self) -> ProviderError {
        let message = "the stream ended before the answer was whole";
        ProviderError::new(ProviderErrorKind::Truncated, DIALECT, message)
            .with_usage(self.message.usage())
    }

    /// An error beneath the events, with what the answer has used so far.
    pub(crate) fn failed(&self, error: ProviderError) -> ProviderError {
        error.with_usage(self.message.usage())
    }

    fn take(&mut self, kind: &str, fields: &Fields<'_>) -> serde_json::Result<Shown> {
        match kind {
            "message_start" => {
                if let Some(message) = fields.get("message") {
                    self.message.begin(&Fields::parse(message.get())?)?;
                }
            }
            "content_block_start" => {
                if let Some(raw) = fields.get("content_block") {
                    let block = Block::start(raw)?;
                    let shown = block.shown();
                    if let Some(index) = index(fields)? {
                        self.growing.insert(index, self.message.blocks.len());
                    }
                    self.message.blocks.push(block);
                    return Ok(shown);
                }
            }
            "content_block_delta" => {
                if let (Some(growing), Some(delta)) = (self.growing(fields)?, fields.get("delta")) {
                    let piece = self.message.blocks[growing].grow(delta)?;
                    self.writing = matches!(piece, Shown::Text(_)).then_some(growing);
                    return Ok(piece);
                }
            }
            "content_block_stop" => {
                if let Some(growing) = self.growing(fields)? {
                    self.message.blocks[growing].closed = true;
                }
            }
            "message_delta" => {
                self.message.count(fields)?;
                self.message.note(fields, &["delta", "usage"])?;
                if let Some(delta) = fields.get("delta") {
                    self.message.note(&Fields::parse(delta.get())?, &[])?;
                }
            }
            _ => {}
        }
        Ok(Shown::Nothing)
    }

    /// The block that an event is about: the last that began under its index, or the last of all if it names none.
    /// None if that is closed.
    fn growing(&self, fields: &Fields<'_>) -> serde_json::Result<Option<usize>> {
        let index = match index(fields)? {
            Some(index) => self.growing.get(&index).copied(),
            None => self.message.blocks.len().checked_sub(1),
        };
        let is_open = |index: &usize| {
            let block = self.message.blocks.get(*index);
            block.is_some_and(|block| !block.closed)
        };
        Ok(index.filter(is_open))
    }

    fn finish(&mut self) -> Result<CompletionEvent, ProviderError> {
        self.growing.clear();
        let message = std::mem::replace(&mut self.message, Message::new(self.model.clone()));
        message.finish().map(CompletionEvent::finished)
    }

    fn malformed(&self, event: &str, error: &serde_json::Error) -> ProviderError {
        self.failed(malformed(format!(
            "an event `{event}` of the stream cannot be read: {error}"
        )))
    }
}

/// The place of a block, which some servers send as a text.
fn index(fields: &Fields<'_>) -> serde_json::Result<Option<u64>> {
    let Some(index) = fields.get("index") else {
        return Ok(None);
    };
    count(&mut serde_json::Deserializer::from_str(index.get()))
}

/// Returns the displayable part of a piece.
fn shown(piece: Shown) -> CompletionEvent {
    match piece {
        Shown::Text(text) if !text.is_empty() => CompletionEvent::TextDelta(text),
        Shown::Thinking(text) if !text.is_empty() => CompletionEvent::ThinkingDelta(text),
        _ => CompletionEvent::Working,
    }
}

/// Whether an event of this name means something here.
fn is_known(name: &str) -> bool {
    matches!(
        name,
        "message_start"
            | "content_block_start"
            | "content_block_delta"
            | "content_block_stop"
            | "message_delta"
            | "message_stop"
            | "error"
    )
}

/// Reads the count of tokens in an answer.
///
/// # Errors
///
/// There is none.
pub(crate) fn token_count(body: &[u8]) -> Result<u64, ProviderError> {
    let text = str::from_utf8(body).unwrap_or_default();
    let count = Fields::parse(text).and_then(|fields| fields.read::<Option<u64>>("input_tokens"));
    count
        .ok()
        .flatten()
        .ok_or_else(|| malformed("the answer has no count of tokens"))
}

/// The names in a list of models.
pub(crate) fn models(body: &[u8]) -> Result<Vec<ModelId>, ProviderError> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: ModelId,
    }
    let list: List = serde_json::from_slice(body)
        .map_err(|error| malformed(format!("the list of models cannot be read: {error}")))?;
    Ok(list.data.into_iter().map(|model| model.id).collect())
}

/// The text of the error is in the message, and not beneath it, so that the provider sees whether a secret is in it.
fn malformed(message: impl Into<String>) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Malformed, DIALECT, message)
}
