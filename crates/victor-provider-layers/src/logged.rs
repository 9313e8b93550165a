//! A line for each request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use futures_core::Stream;
use tokio::time::Instant;
use victor_core::ModelId;
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};

/// Writes a line for each request that ends, by `tracing` at the level `info`, or `warn` for one that fails: provider,
/// model, session, time and tokens. The content of requests and answers is never written, and a request that is let go
/// of is written as `cancelled`.
#[derive(Debug)]
pub struct Logged<P> {
    inner: P,
}

impl<P: ChatProvider> Logged<P> {
    /// Logs the requests to `inner`.
    pub fn new(inner: P) -> Self {
        Self { inner }
    }
}

/// The line of a request, which is written when it ends.
struct Line {
    provider: Arc<str>,
    model: Option<ModelId>,
    session: Option<victor_core::SessionId>,
    start: Instant,
    written: bool,
}

impl Line {
    fn end(&mut self, outcome: Result<&Completion, &ProviderError>) {
        self.written = true;
        let Self {
            provider,
            model,
            session,
            start,
            ..
        } = self;
        let (milliseconds, model) = (
            start.elapsed().as_millis(),
            model.as_ref().map(ModelId::as_str),
        );
        let session = session.as_ref().map(victor_core::SessionId::as_str);
        match outcome {
            Ok(Completion {
                usage, stop_reason, ..
            }) => tracing::info!(
                %provider, model, session, milliseconds, input = usage.input_tokens(), output = usage.output,
                cache_read = usage.cache_read, %stop_reason, "model answered"
            ),
            Err(error) => tracing::warn!(
                %provider, model, session, milliseconds, kind = %error.kind, status = error.status, "model call failed"
            ),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.written {
            let (provider, milliseconds) = (&self.provider, self.start.elapsed().as_millis());
            tracing::info!(%provider, milliseconds, "model call cancelled");
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: ChatProvider> ChatProvider for Logged<P> {
    victor_core::forward! {
        inner =>
        fn name(&self) -> &str;
        fn default_model(&self) -> Option<ModelId>;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }

    fn description(&self) -> String {
        format!("logged, {}", self.inner.description())
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let mut line = Line {
            provider: self.inner.name().into(),
            model: request.model.clone(),
            session: request.session.clone(),
            start: Instant::now(),
            written: false,
        };
        match self.inner.stream_chat(request).await {
            Ok(stream) => Ok(CompletionStream::new(Told { stream, line })),
            Err(error) => {
                line.end(Err(&error));
                Err(error)
            }
        }
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        self.stream_chat(request).await?.completion().await
    }
}

struct Told {
    stream: CompletionStream,
    line: Line,
}

impl Stream for Told {
    type Item = Result<CompletionEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(Pin::new(&mut self.stream).poll_next(cx));
        match &event {
            Some(Ok(CompletionEvent::Finished(completion))) => self.line.end(Ok(completion)),
            Some(Err(error)) => self.line.end(Err(error)),
            _ => {}
        }
        Poll::Ready(event)
    }
}
