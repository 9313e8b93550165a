//! Decodes answers, without I/O.

use victor_core::ModelId;
use victor_http::SseDecoder;
use victor_model_api::AnswerLimits;
use victor_provider_protocol::{Completion, CompletionEvent, ProviderError, ProviderErrorKind};

use crate::{Dialect, chat, responses};

/// Decodes the events of a streamed answer, without I/O.
///
/// It is what [`OpenAiProvider`](crate::OpenAiProvider) decodes streams with, for those who receive the events in
/// another way. Events of kinds that it does not know are skipped.
///
/// ```
/// use victor_openai::{Dialect, StreamDecoder};
/// use victor_provider_protocol::CompletionEvent;
///
/// let mut decoder = StreamDecoder::new(Dialect::ChatCompletions, "openai", "gpt-4o");
/// let mut shown = Vec::new();
/// decoder.event(r#"{"choices":[{"delta":{"content":"Hi"}}]}"#, &mut shown)?;
/// decoder.event(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, &mut shown)?;
/// decoder.event("[DONE]", &mut shown)?;
/// assert_eq!(shown, [CompletionEvent::TextDelta("Hi".into())]);
/// assert!(decoder.is_done());
/// assert_eq!(decoder.finish()?.parts.len(), 1);
/// # Ok::<(), victor_provider_protocol::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct StreamDecoder {
    asked: ModelId,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Chat(chat::Decoder),
    Responses(responses::Decoder),
}

impl StreamDecoder {
    /// A decoder for one answer of a provider. `asked` is the model that stands where the answer names none.
    pub fn new(dialect: Dialect, provider: &str, asked: impl Into<ModelId>) -> Self {
        let inner = match dialect {
            Dialect::ChatCompletions => Inner::Chat(chat::Decoder::new(provider)),
            Dialect::Responses => Inner::Responses(responses::Decoder::new(provider)),
        };
        Self {
            asked: asked.into(),
            inner,
        }
    }

    /// Sets how much the answer may say.
    #[must_use]
    pub fn with_limits(mut self, limits: AnswerLimits) -> Self {
        match &mut self.inner {
            Inner::Chat(decoder) => decoder.set_limits(limits),
            Inner::Responses(decoder) => decoder.set_limits(limits),
        }
        self
    }

    /// Takes the data of the next event. What there is to show of it goes to `show`: text and thoughts.
    ///
    /// # Errors
    ///
    /// The event is an error of the provider, in the class that it names, or it is not what the provider's
    /// documentation says ([`Malformed`](victor_provider_protocol::ProviderErrorKind::Malformed)). Nothing that follows
    /// is worth decoding.
    pub fn event(
        &mut self,
        data: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        let taken = match &mut self.inner {
            Inner::Chat(decoder) => decoder.event(data, show),
            Inner::Responses(decoder) => decoder.event(data, show),
        };
        taken.map_err(|error| self.with_usage(error))
    }

    /// Takes an answer that came whole: one document, or the events of a stream.
    pub(crate) fn whole(
        &mut self,
        body: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        if !SseDecoder::is_stream(body) {
            let taken = match &mut self.inner {
                Inner::Chat(decoder) => decoder.event(body, show),
                Inner::Responses(decoder) => decoder.whole(body, show),
            };
            return taken.map_err(|error| self.with_usage(error));
        }
        let mut events = SseDecoder::new(body.len());
        events.push(body.as_bytes());
        // The whole body is UTF-8, and no event in it is larger.
        while let Ok(Some(event)) = events.finish() {
            match self.event(event.data, show) {
                Err(error) if !event.complete && error.kind == ProviderErrorKind::Malformed => {}
                taken => taken?,
            }
        }
        Ok(())
    }

    /// Whether the answer has ended, so that nothing needs to be waited for.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match &self.inner {
            Inner::Chat(decoder) => decoder.is_done(),
            Inner::Responses(decoder) => decoder.is_done(),
        }
    }

    /// A number that grows with what the answer says. An event that leaves it as it is was a sign of life and no more.
    #[must_use]
    pub fn progress(&self) -> u64 {
        match &self.inner {
            Inner::Chat(decoder) => decoder.progress(),
            Inner::Responses(decoder) => decoder.progress(),
        }
    }

    /// The whole answer, once all events of the stream have been taken. Asked again, it finds none.
    ///
    /// # Errors
    ///
    /// [`Truncated`](victor_provider_protocol::ProviderErrorKind::Truncated): the answer is not whole. Or its end says
    /// that the server broke it off.
    pub fn finish(&mut self) -> Result<Completion, ProviderError> {
        let finished = match &mut self.inner {
            Inner::Chat(decoder) => decoder.finish(&self.asked),
            Inner::Responses(decoder) => decoder.finish(&self.asked),
        };
        finished.map_err(|error| self.with_usage(error))
    }

    /// The same error with what the answer has used so far.
    pub(crate) fn with_usage(&self, error: ProviderError) -> ProviderError {
        error.with_usage(match &self.inner {
            Inner::Chat(decoder) => decoder.usage(),
            Inner::Responses(decoder) => decoder.usage(),
        })
    }
}
