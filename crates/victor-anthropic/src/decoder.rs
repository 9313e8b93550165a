//! Decodes the events of a streamed answer, without I/O.

use std::collections::HashMap;

use serde::Deserialize;
use victor_core::ModelId;
use victor_http::TextTemplate;
use victor_model_api::RawFields as Fields;
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
/// let event = decoder.event("", r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#)?;
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
    /// Which block grows under an index. An index that begins anew is a new block.
    growing: HashMap<u64, usize>,
    /// The block of text that the last event was a piece of, if it was one.
    writing: Option<usize>,
    template: TextTemplate,
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
        }
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
        if let Some(block) = self.writing
            && let Some(text) = self.template.read(data)
        {
            self.message.blocks[block].write(&text);
            return Ok(shown(Shown::Text(text.into_owned())));
        }
        self.writing = None;
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
            "message_stop" => self.finish(),
            _ => {
                let piece = self
                    .take(kind, &fields)
                    .map_err(|error| self.malformed(kind, &error))?;
                if let Shown::Text(text) = &piece
                    && self.writing.is_some()
                {
                    self.template.learn(data, text);
                }
                Ok(shown(piece))
            }
        }
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
                    if let Some(index) = fields.read::<Option<u64>>("index")? {
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
        let index = match fields.read::<Option<u64>>("index")? {
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

/// What is to be shown of a piece.
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

/// Reads an answer that came whole.
///
/// # Errors
///
/// It is an error of the provider, or not a message.
pub(crate) fn whole(body: &[u8], model: &ModelId) -> Result<Completion, ProviderError> {
    let unreadable =
        |error: serde_json::Error| malformed(format!("the answer cannot be read: {error}"));
    let text = str::from_utf8(body).map_err(|_| malformed("the answer is not UTF-8"))?;
    match Fields::parse(text).map_err(unreadable)?.kind().as_str() {
        "error" => Err(error::of_body(None, None, body)),
        "message" => Message::whole(text, model.clone())
            .map_err(unreadable)?
            .finish(),
        _ => Err(malformed("the answer is not a message")),
    }
}

/// Reads the count of tokens in an answer.
///
/// # Errors
///
/// There is none.
pub(crate) fn count(body: &[u8]) -> Result<u64, ProviderError> {
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
