//! A second request where the first one does not begin.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::Stream;
use tokio::time::{Sleep, sleep};
use victor_core::{ModelId, Usage};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    LostAttempt, ProviderError,
};

/// Asks a second time when an answer does not begin within some time, and takes the answer that begins first.
///
/// It makes the slowest answers rarer, at the cost of the tokens of a second request; the loser is let go of and stands
/// in [`Completion::lost`], so that the ledger counts it. A request with tools is never sent twice: an answer that
/// calls a tool is too dear to be thrown away, and it is text for which somebody waits.
#[derive(Debug)]
pub struct Hedged<P> {
    inner: Arc<P>,
    delay: Duration,
}

impl<P: ChatProvider> Hedged<P> {
    /// Asks `inner` again after `delay` without an event.
    pub fn new(inner: P, delay: Duration) -> Self {
        let inner = Arc::new(inner);
        Self { inner, delay }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: ChatProvider> ChatProvider for Hedged<P> {
    victor_core::forward! {
        inner =>
        fn name(&self) -> &str;
        fn default_model(&self) -> Option<ModelId>;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }

    fn description(&self) -> String {
        format!("hedged, {}", self.inner.description())
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        if !request.tools.is_empty() {
            return self.inner.stream_chat(request).await;
        }
        let race = Race {
            first: Some(Runner::start(&self.inner, request)),
            second: None,
            timer: Some(Box::pin(sleep(self.delay))),
            lost: None,
            start: {
                let (inner, request) = (self.inner.clone(), request.clone());
                Box::new(move || Runner::start(&inner, &request))
            },
            loser: LostAttempt::new(
                self.inner.name(),
                request.model_or(""),
                Usage::new(request.input_tokens.unwrap_or(0), 0),
            ),
        };
        Ok(CompletionStream::new(race))
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        self.stream_chat(request).await?.completion().await
    }
}

type Event = Result<CompletionEvent, ProviderError>;

/// One of the two requests.
enum Runner {
    Opening(Pin<Box<dyn Future<Output = Result<CompletionStream, ProviderError>> + Send>>),
    Reading(CompletionStream),
}

impl Runner {
    fn start<P: ChatProvider>(inner: &Arc<P>, request: &ChatRequest) -> Self {
        let (inner, request) = (inner.clone(), request.clone());
        Self::Opening(Box::pin(async move { inner.stream_chat(&request).await }))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            match self {
                Self::Opening(opening) => match opening.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => *self = Self::Reading(stream),
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Pending => return Poll::Pending,
                },
                Self::Reading(stream) => return Pin::new(stream).poll_next(cx),
            }
        }
    }
}

/// Two requests, of which the one that brings something first is the answer.
struct Race {
    first: Option<Runner>,
    second: Option<Runner>,
    timer: Option<Pin<Box<Sleep>>>,
    /// The one that was let go of.
    lost: Option<LostAttempt>,
    start: Box<dyn Fn() -> Runner + Send>,
    loser: LostAttempt,
}

impl Race {
    /// Makes the request that has brought an event the only one.
    fn decide(&mut self, winner_is_second: bool) {
        if self.first.is_some() && self.second.is_some() {
            self.lost = Some(self.loser.clone());
        }
        match winner_is_second {
            true => self.first = self.second.take(),
            false => self.second = None,
        }
        self.timer = None;
    }

    fn poll_one(&mut self, is_second: bool, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let (one, other) = match is_second {
            false => (&mut self.first, &self.second),
            true => (&mut self.second, &self.first),
        };
        let Some(runner) = one else {
            return Poll::Pending;
        };
        match runner.poll(cx) {
            // The other one may still bring an answer.
            Poll::Ready(Some(Err(_))) if other.is_some() => {
                *one = None;
                Poll::Pending
            }
            event => event,
        }
    }
}

impl Stream for Race {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = &mut *self;
        for is_second in [false, true] {
            if let Poll::Ready(event) = this.poll_one(is_second, cx) {
                this.decide(is_second);
                return Poll::Ready(event.map(|event| {
                    event.map(|mut event| {
                        if let CompletionEvent::Finished(completion) = &mut event {
                            completion.lost.extend(this.lost.take());
                        }
                        event
                    })
                }));
            }
        }
        if let Some(timer) = &mut this.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            this.timer = None;
            this.second = Some((this.start)());
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
