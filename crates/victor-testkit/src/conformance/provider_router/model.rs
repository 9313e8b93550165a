//! A model that plays a script.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use tokio::time::sleep;
use victor_core::{Lock, ModelId, Part, Usage};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError, ProviderErrorKind,
};

pub(super) const MODEL: &str = "suite-model";

/// Longer than any router waits before another attempt.
pub(super) const LONG: Duration = Duration::from_secs(24 * 3_600);

/// One step of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Text(&'static str),
    Thought(&'static str),
    Working,
    /// A second passes.
    Pause,
    /// Nothing comes any more.
    Silence,
    /// The call fails if it is the first step, and otherwise its stream. The provider may ask for a wait.
    Fails(ProviderErrorKind, Option<Duration>),
    /// The call fails, and the provider says that it will fail again.
    FailsForGood(ProviderErrorKind),
    /// The call fails: the request is too long for the window of so many tokens.
    Overflows(u64),
    /// The call panics if it is the first step, and otherwise its stream.
    Panics,
    /// The stream ends, and its answer is not whole.
    Ends,
    Finished,
}

/// Plays one script for each attempt, and then answers well. Every attempt that begins to answer or fails uses one
/// token of input.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    scripts: Lock<VecDeque<Vec<Step>>>,
    asked: Lock<Vec<String>>,
    /// The last request.
    request: Lock<Option<ChatRequest>>,
    /// The number of calls and streams that were neither ended nor dropped.
    open: Arc<AtomicUsize>,
}

impl Model {
    pub(super) fn new(name: &'static str, scripts: Vec<Vec<Step>>) -> Arc<Self> {
        Arc::new(Self {
            name,
            scripts: Lock::new(scripts.into()),
            asked: Lock::default(),
            request: Lock::default(),
            open: Arc::default(),
        })
    }

    /// The models that were asked for, one for each attempt.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }

    /// The last request, as it came.
    pub(super) fn request(&self) -> Option<ChatRequest> {
        self.request.lock().clone()
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Answers well from now on.
    pub(super) fn forget_script(&self) {
        self.scripts().clear();
    }

    fn scripts(&self) -> MutexGuard<'_, VecDeque<Vec<Step>>> {
        self.scripts.lock()
    }
}

/// Counts for as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl ChatProvider for Model {
    fn name(&self) -> &str {
        self.name
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let open = Open::new(&self.open);
        let asked = request.model_or("");
        self.asked.lock().push(asked.to_string());
        *self.request.lock() = Some(request.clone());
        let script = self
            .scripts()
            .pop_front()
            .unwrap_or_else(|| vec![Step::Text("well"), Step::Finished]);
        tokio::task::yield_now().await;
        match script.first() {
            Some(Step::Fails(kind, wait)) => return Err(error(kind, *wait)),
            Some(Step::FailsForGood(kind)) => {
                return Err(error(kind, None).with_should_retry(false));
            }
            Some(Step::Overflows(window)) => {
                let error = error(&ProviderErrorKind::ContextTooLong, None);
                return Err(error.with_overflow(Some(*window), None));
            }
            Some(Step::Panics) => panic!("a provider of the suite panics"),
            _ => {}
        }
        let steps = (VecDeque::from(script), open);
        Ok(CompletionStream::new(stream::unfold(
            steps,
            move |(mut steps, open)| {
                let asked = asked.clone();
                async move {
                    loop {
                        let event = match steps.pop_front()? {
                            Step::Text(text) => Ok(CompletionEvent::TextDelta(text.into())),
                            Step::Thought(text) => Ok(CompletionEvent::ThinkingDelta(text.into())),
                            Step::Working => Ok(CompletionEvent::Working),
                            Step::Pause => {
                                sleep(Duration::from_secs(1)).await;
                                continue;
                            }
                            Step::Silence => std::future::pending().await,
                            Step::Fails(kind, wait) => Err(error(&kind, wait)),
                            Step::FailsForGood(kind) => {
                                Err(error(&kind, None).with_should_retry(false))
                            }
                            Step::Panics => panic!("a provider of the suite panics"),
                            Step::Ends | Step::Overflows(_) => return None,
                            Step::Finished => Ok(CompletionEvent::finished(Completion::new(
                                asked,
                                vec![Part::text("well")],
                                Usage::new(1, 1),
                            ))),
                        };
                        return Some((event, (steps, open)));
                    }
                }
            },
        )))
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.context_window = Some((self.name.len() * model.as_str().len()) as u64);
        capabilities.tools = self.name == "other";
        capabilities
    }
}

fn error(kind: &ProviderErrorKind, wait: Option<Duration>) -> ProviderError {
    let error = ProviderError::new(kind.clone(), "suite", "the provider of the suite fails")
        .with_usage(Usage::new(1, 0));
    match wait {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}
