//! One request and its attempts.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use tokio::time::{Instant, sleep, timeout_at};
use victor_core::{Usage, contain, contain_sync};
use victor_provider_protocol::{
    ChatRequest, CompletionEvent, CompletionStream, ProviderError, ProviderErrorKind, RetryNotice,
};

use crate::ProviderOptions;
use crate::coordinator::Target;

/// One request and its attempts.
pub(crate) struct Attempts {
    target: Arc<Target>,
    request: ChatRequest,
    options: ProviderOptions,
    stage: Stage,
    /// The number of the attempt that runs, from 1.
    attempt: u32,
    /// Whether something has been shown, after which there is no further attempt.
    shown: bool,
    /// What the attempts that failed have used.
    lost: Usage,
}

/// What comes next.
enum Stage {
    /// An attempt, after a wait.
    Begin(Option<Duration>),
    /// An event of the answer, the first until the deadline if there is one.
    Read(CompletionStream, Option<Instant>),
    /// Nothing.
    End,
}

impl Attempts {
    pub(crate) fn new(
        target: Arc<Target>,
        mut request: ChatRequest,
        options: ProviderOptions,
    ) -> Self {
        if request.model.as_str().is_empty() {
            request.model = target.model.clone();
        }
        Self {
            target,
            request,
            options,
            stage: Stage::Begin(None),
            attempt: 0,
            shown: false,
            lost: Usage::default(),
        }
    }

    pub(crate) fn into_stream(self) -> CompletionStream {
        CompletionStream::new(stream::unfold(self, |mut attempts| async {
            let item = attempts.next().await?;
            Some((item, attempts))
        }))
    }

    async fn next(&mut self) -> Option<Result<CompletionEvent, ProviderError>> {
        loop {
            let event = match &mut self.stage {
                Stage::Begin(wait) => {
                    if let Some(wait) = wait.take() {
                        sleep(wait).await;
                    }
                    self.attempt += 1;
                    let deadline = deadline(self.options.first_event_timeout);
                    let open = async { self.target.provider.stream_chat(&self.request).await };
                    match before(deadline, open).await {
                        Ok(stream) => {
                            self.stage = Stage::Read(stream, deadline);
                            continue;
                        }
                        Err(error) => Err(error),
                    }
                }
                Stage::Read(stream, first) => {
                    let deadline = first.take().or_else(|| deadline(self.options.idle_timeout));
                    let read = async { stream.next().await.transpose() };
                    before(deadline, read).await
                }
                Stage::End => return None,
            };
            match event {
                Ok(Some(event)) => {
                    if let Some(event) = self.pass(event) {
                        return Some(Ok(event));
                    }
                }
                // A stream ends in a completion or an error, so there is always an event here.
                Ok(None) => return None,
                Err(error) => return Some(self.fail(error)),
            }
        }
    }

    /// What becomes of an event: most are passed on, those that show nothing are not.
    fn pass(&mut self, mut event: CompletionEvent) -> Option<CompletionEvent> {
        match &mut event {
            CompletionEvent::TextDelta(text) | CompletionEvent::ThinkingDelta(text) => {
                if text.is_empty() {
                    return None;
                }
                self.shown = true;
            }
            CompletionEvent::Working => return None,
            CompletionEvent::Finished(completion) => {
                self.enter(Stage::End);
                let last = std::mem::take(&mut completion.usage);
                completion.usage = self.usage_with(&last);
                self.target.problems.clear(&self.target.name);
            }
            _ => {}
        }
        Some(event)
    }

    /// What becomes of an attempt that failed: a notice if another one follows, and otherwise the error.
    fn fail(&mut self, mut error: ProviderError) -> Result<CompletionEvent, ProviderError> {
        *error.usage = self.usage_with(&error.usage);
        error.provider.clone_from(&self.target.name);
        let Target { name, problems, .. } = &*self.target;
        if !is_fault_of_request(&error.kind) {
            problems.report(name, &error.message);
        }
        let delay = if self.shown {
            None
        } else {
            self.options.retry.delay(self.attempt, &error)
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

    /// What has been used when an attempt that used `last` has ended.
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

/// Whether the request is at fault and the provider works.
fn is_fault_of_request(kind: &ProviderErrorKind) -> bool {
    use ProviderErrorKind::{ContextTooLong, InvalidHistory, InvalidRequest};
    matches!(kind, ContextTooLong | InvalidHistory | InvalidRequest)
}

/// The end of a time that begins now; none if there is no such instant.
fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(timeout?)
}

/// Runs a call of the provider until the deadline. A panic and a missed deadline become errors.
async fn before<T>(
    deadline: Option<Instant>,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let call = contain(call);
    let outcome = match deadline {
        Some(deadline) => timeout_at(deadline, call).await,
        None => Ok(call.await),
    };
    // The name of the provider is filled in where the error is passed on.
    let error = |kind, message: String| ProviderError::new(kind, "", message);
    match outcome {
        Ok(Ok(result)) => result,
        Ok(Err(panicked)) => Err(error(ProviderErrorKind::Panicked, panicked.to_string())),
        Err(_) => Err(error(
            ProviderErrorKind::Timeout,
            "nothing came in time".to_owned(),
        )),
    }
}
