//! One request and its attempts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Instant, sleep, timeout_at};
use victor_core::{ModelId, Usage, contain, contain_sync};
use victor_provider_protocol::{
    ChatRequest, CompletionEvent, CompletionStream, ProviderError, ProviderErrorKind, RetryNotice,
};

use crate::ProviderOptions;
use crate::retry::Failures;
use crate::silence::Silence;
use crate::target::Target;

/// One request and its attempts, as the stream of what comes of them.
pub(crate) struct Attempts {
    target: Arc<Target>,
    request: Arc<ChatRequest>,
    /// The model that is asked.
    model: ModelId,
    options: ProviderOptions,
    stage: Stage,
    /// The number of the attempt that runs, from 1.
    attempt: u32,
    failures: Failures,
    /// Whether something has been shown, after which there is no further attempt.
    shown: bool,
    /// Usage of the failed attempts.
    lost: Usage,
}

type Opening = Pin<Box<dyn Future<Output = Opened> + Send>>;
type Opened = Result<(CompletionStream, Option<Instant>), ProviderError>;

/// The next step of a request.
enum Stage {
    /// An attempt, after a wait.
    Begin(Option<Duration>),
    /// The beginning of an answer.
    Open(Opening),
    /// An event of the answer.
    Read(CompletionStream, Silence),
    /// Nothing.
    End,
}

impl Attempts {
    pub(crate) fn new(
        target: Arc<Target>,
        mut request: ChatRequest,
        options: ProviderOptions,
    ) -> Self {
        let model = request.model_or(target.model.clone());
        request.model = Some(model.clone());
        Self {
            target,
            model,
            request: Arc::new(request),
            options,
            stage: Stage::Begin(None),
            attempt: 0,
            failures: Failures::default(),
            shown: false,
            lost: Usage::default(),
        }
    }

    /// Asks the provider, after a wait.
    fn open(&self, wait: Option<Duration>) -> Opening {
        let (target, request) = (Arc::clone(&self.target), Arc::clone(&self.request));
        let first = self.options.first_event_timeout;
        Box::pin(async move {
            if let Some(wait) = wait {
                sleep(wait).await;
            }
            let deadline = deadline(first);
            let call = contain(async { target.provider.stream_chat(&request).await });
            let outcome = match deadline {
                Some(deadline) => timeout_at(deadline, call).await,
                None => Ok(call.await),
            };
            match outcome {
                Ok(Ok(opened)) => Ok((opened?, deadline)),
                Ok(Err(panicked)) => Err(panic_error(panicked.to_string())),
                Err(_) => Err(silent()),
            }
        })
    }

    /// Handles an event of the answer, and returns it unless it shows nothing.
    fn pass(&mut self, mut event: CompletionEvent) -> Option<CompletionEvent> {
        match &mut event {
            CompletionEvent::TextDelta(text) | CompletionEvent::ThinkingDelta(text)
                if text.is_empty() =>
            {
                return None;
            }
            CompletionEvent::TextDelta(_) => self.shown = true,
            CompletionEvent::ThinkingDelta(_) => self.shown |= self.options.shows_thoughts,
            CompletionEvent::Working => return None,
            CompletionEvent::Finished(completion) => {
                self.enter(Stage::End);
                let last = std::mem::take(&mut completion.usage);
                let read = completion.context_tokens;
                let read = read.unwrap_or_else(|| last.input_tokens());
                self.target.windows.refute(&self.model, read);
                completion.usage = self.usage_with(&last);
                self.target.problems.clear(&self.target.name);
            }
            _ => {}
        }
        Some(event)
    }

    /// Handles a failed attempt: returns a notice if another attempt follows, and otherwise the error.
    fn fail(&mut self, mut error: ProviderError) -> Result<CompletionEvent, ProviderError> {
        *error.usage = self.usage_with(&error.usage);
        error.provider = self.target.name.as_str().into();
        let Target { name, problems, .. } = &*self.target;
        if !is_fault_of_request(&error.kind) {
            problems.report(name, &error.message);
        }
        if let Some(window) = error.context_window() {
            self.target.windows.learn(&self.model, window);
        }
        let delay = match self.shown {
            true => None,
            false => self.failures.next_delay(&self.options.retry, &error),
        };
        let Some(delay) = delay else {
            tracing::warn!(provider = name, kind = %error.kind, attempt = self.attempt, "model call failed: {}", error.message);
            self.enter(Stage::End);
            return Err(error);
        };
        tracing::debug!(provider = name, kind = %error.kind, attempt = self.attempt, ?delay, "retrying: {}", error.message);
        let notice = RetryNotice::new(self.attempt, error.kind, error.message, delay);
        self.lost = *error.usage;
        self.enter(Stage::Begin(Some(delay)));
        Ok(CompletionEvent::Retrying(notice))
    }

    /// Returns the usage of all attempts, of which the last one used `last`.
    fn usage_with(&mut self, last: &Usage) -> Usage {
        let mut usage = std::mem::take(&mut self.lost);
        usage += last;
        usage
    }

    /// Goes on, and lets go of the provider's stream, so that no connection stays open during a wait.
    fn enter(&mut self, stage: Stage) {
        let left = std::mem::replace(&mut self.stage, stage);
        if let Err(panicked) = contain_sync(|| drop(left)) {
            tracing::warn!(
                provider = self.target.name,
                "{panicked} while its stream was dropped"
            );
        }
    }
}

impl Stream for Attempts {
    type Item = Result<CompletionEvent, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let event = match &mut this.stage {
                Stage::Begin(wait) => {
                    let wait = wait.take();
                    this.attempt += 1;
                    this.stage = Stage::Open(this.open(wait));
                    continue;
                }
                Stage::Open(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok((stream, first)) => {
                        let silence = Silence::new(first, this.options.idle_timeout);
                        this.enter(Stage::Read(stream, silence));
                        continue;
                    }
                    Err(error) => Err(error),
                },
                Stage::Read(stream, silence) => {
                    match contain_sync(|| Pin::new(stream).poll_next(cx)) {
                        Ok(Poll::Ready(event)) => {
                            silence.end();
                            // A stream ends in a completion or an error, so there is always an event here.
                            event.transpose()
                        }
                        Ok(Poll::Pending) => {
                            ready!(silence.poll(cx));
                            Err(silent())
                        }
                        Err(panicked) => Err(panic_error(panicked.to_string())),
                    }
                }
                Stage::End => return Poll::Ready(None),
            };
            match event {
                Ok(Some(event)) => {
                    if let Some(event) = this.pass(event) {
                        return Poll::Ready(Some(Ok(event)));
                    }
                }
                Ok(None) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(this.fail(error))),
            }
        }
    }
}

/// Whether the request is at fault and the provider works.
fn is_fault_of_request(kind: &ProviderErrorKind) -> bool {
    use ProviderErrorKind::{ContextTooLong, InvalidHistory, InvalidRequest};
    matches!(kind, ContextTooLong | InvalidHistory | InvalidRequest)
}

/// The end of a time that begins now; none if there is no such instant.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(timeout?)
}

// The name of the provider is filled in where the error is passed on.

fn panic_error(message: String) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Panicked, "", message)
}

fn silent() -> ProviderError {
    ProviderError::new(ProviderErrorKind::Timeout, "", "nothing came in time")
}
