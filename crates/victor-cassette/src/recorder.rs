//! Records what a model says.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use futures_core::Stream;
use victor_core::ModelId;
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};

use crate::CassetteError;
use crate::exchange::{Event, Exchange, FORMAT, Failure, Header, VERSION};
use crate::redactor::Redactor;
use crate::request::normalised;
use crate::tape::Tape;

/// A provider that passes everything on to another one, and writes down what is said.
///
/// What is written and what is left out is told in the [crate's documentation](crate). The line of an exchange is
/// written, in one piece, before its last event is handed out or its error is returned; a crash before loses that
/// exchange and no other. It is a short write by the thread that polls.
///
/// A failed write, for example because the disk is full, does not disturb the chat: the answer is there and paid for.
/// The recording ends with the exchange before it, and [`recorded`](Self::recorded) tells.
///
/// # Cancel safety
///
/// A call or stream that is dropped is passed on as such, and recorded up to there.
#[derive(Debug)]
pub struct CassetteRecorder {
    inner: Arc<dyn ChatProvider>,
    tape: Arc<Tape>,
    redactor: Arc<Redactor>,
}

impl CassetteRecorder {
    /// Records the calls of `inner` to a file, which must be new, empty, or a cassette on which nothing was recorded.
    ///
    /// # Errors
    ///
    /// [`CassetteError::Exists`] or [`CassetteError::Write`].
    pub fn new(
        inner: Arc<dyn ChatProvider>,
        path: impl AsRef<Path>,
    ) -> Result<Self, CassetteError> {
        let default_model = inner.default_model();
        let capabilities = default_model
            .iter()
            .map(|model| (model.clone(), inner.capabilities(model)));
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            created_by: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            provider: inner.name().to_owned(),
            capabilities: capabilities.collect(),
            default_model,
        };
        let tape = Arc::new(Tape::create(path.as_ref(), &header)?);
        Ok(Self {
            inner,
            tape,
            redactor: Arc::default(),
        })
    }

    /// Takes this text out of everything that is recorded, for example a key, a password or the name of a customer.
    ///
    /// Where it is part of requests, it must be handed to [`CassettePlayer::redact`](crate::CassettePlayer::redact)
    /// too.
    #[must_use]
    pub fn redact(mut self, text: impl AsRef<str>) -> Self {
        Arc::make_mut(&mut self.redactor).add(text.as_ref());
        self
    }

    /// Returns the number of recorded exchanges, if all that have ended could be written.
    ///
    /// # Errors
    ///
    /// [`CassetteError::Write`]: one could not be written, and none was after it.
    pub fn recorded(&self) -> Result<usize, CassetteError> {
        self.tape.written()
    }

    fn begin(&self, request: &ChatRequest) -> Recording {
        let model = request
            .model
            .clone()
            .or_else(|| self.inner.default_model())
            .unwrap_or_else(|| ModelId::from(""));
        let (number, is_new) = self.tape.begin(&model);
        Recording {
            exchange: Exchange {
                number,
                request: normalised(request, &self.redactor),
                capabilities: is_new.then(|| self.inner.capabilities(&model)),
                events: Vec::new(),
                error: None,
                dropped: true,
            },
            tape: Arc::clone(&self.tape),
            redactor: Arc::clone(&self.redactor),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ChatProvider for CassetteRecorder {
    victor_core::forward! {
        inner =>
        fn name(&self) -> &str;
        fn description(&self) -> String;
        fn default_model(&self) -> Option<ModelId>;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let recording = self.begin(request);
        match self.inner.stream_chat(request).await {
            Ok(events) => Ok(CompletionStream::new(RecordedStream {
                events,
                recording: Some(recording),
            })),
            Err(error) => Err(recording.fail(error)),
        }
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        let mut recording = self.begin(request);
        match self.inner.chat(request).await {
            Ok(completion) => {
                recording
                    .exchange
                    .events
                    .push(Event::Finished(Box::new(completion.clone())));
                recording.end();
                Ok(completion)
            }
            Err(error) => Err(recording.fail(error)),
        }
    }
}

/// An exchange that is not over. It is written when it ends, also when it is dropped.
struct Recording {
    exchange: Exchange,
    tape: Arc<Tape>,
    redactor: Arc<Redactor>,
}

impl Recording {
    fn fail(mut self, error: ProviderError) -> ProviderError {
        self.exchange.error = Some(Failure::of(&error));
        self.end();
        error
    }

    fn end(mut self) {
        self.exchange.dropped = false;
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.tape.write(&mut self.exchange, &self.redactor);
    }
}

/// A stream of which each event is noted.
struct RecordedStream {
    events: CompletionStream,
    recording: Option<Recording>,
}

impl Stream for RecordedStream {
    type Item = Result<CompletionEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(Pin::new(&mut self.events).poll_next(cx));
        if let (Some(event), Some(mut recording)) = (&event, self.recording.take()) {
            match Event::of(event) {
                Some(event) => recording.exchange.events.push(event),
                None => tracing::warn!(
                    ?event,
                    "an event of a kind that is not known here is not recorded"
                ),
            }
            match event {
                Err(_) | Ok(CompletionEvent::Finished(_)) => recording.end(),
                Ok(_) => self.recording = Some(recording),
            }
        }
        Poll::Ready(event)
    }
}
