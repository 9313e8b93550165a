//! A provider that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep};
use victor_core::{Context, Message, ModelId, Part, Usage};
use victor_provider::{ProviderCoordinator, ProviderOptions};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError, ProviderErrorKind, ProviderRouter,
};

/// One step of an attempt. Each attempt has one token of input per failure, so that totals can be told apart.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// The call itself fails.
    Refuse(ProviderErrorKind),
    /// The call itself fails, since the model's window has so many tokens.
    TooLong(u64),
    /// The same as `Refuse`, with a time to wait in seconds.
    RefuseFor(ProviderErrorKind, u64),
    /// The call itself panics.
    PanicAtOnce,
    /// The call itself takes this many seconds.
    OpenAfter(u64),
    Text(&'static str),
    Thinking(&'static str),
    Working,
    /// This many seconds pass.
    Pause(u64),
    Fail(ProviderErrorKind),
    Panic,
    Hang,
    Finish,
}

/// Plays one script for each attempt, and the last one again and again.
#[derive(Debug)]
pub(crate) struct Scripted {
    name: &'static str,
    scripts: Mutex<VecDeque<Vec<Step>>>,
    pub(crate) attempts: AtomicUsize,
    pub(crate) models: Mutex<Vec<ModelId>>,
    /// How many of its streams have not been dropped yet.
    pub(crate) open: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) fn new(name: &'static str, scripts: Vec<Vec<Step>>) -> Arc<Self> {
        Arc::new(Self {
            name,
            scripts: Mutex::new(scripts.into()),
            attempts: AtomicUsize::new(0),
            models: Mutex::default(),
            open: Arc::default(),
        })
    }

    pub(crate) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ChatProvider for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        self.models.lock().unwrap().push(request.model_or(""));
        let script = {
            let mut scripts = self.scripts.lock().unwrap();
            if scripts.len() > 1 {
                scripts.pop_front()
            } else {
                scripts.front().cloned()
            }
            .unwrap()
        };
        match script.first() {
            Some(Step::Refuse(kind)) => return Err(failure(kind)),
            Some(Step::TooLong(window)) => {
                let kind = ProviderErrorKind::ContextTooLong;
                return Err(failure(&kind).with_overflow(Some(*window), None));
            }
            Some(Step::RefuseFor(kind, seconds)) => {
                return Err(failure(kind).with_retry_after(Duration::from_secs(*seconds)));
            }
            Some(Step::PanicAtOnce) => panic!("no script"),
            Some(Step::OpenAfter(seconds)) => sleep(Duration::from_secs(*seconds)).await,
            _ => {}
        }
        let steps = stream::iter(script).filter_map(|step| async {
            match step {
                Step::Text(text) => Some(Ok(CompletionEvent::TextDelta(text.into()))),
                Step::Thinking(text) => Some(Ok(CompletionEvent::ThinkingDelta(text.into()))),
                Step::Working => Some(Ok(CompletionEvent::Working)),
                Step::Pause(seconds) => {
                    sleep(Duration::from_secs(seconds)).await;
                    None
                }
                Step::Fail(kind) => Some(Err(failure(&kind))),
                Step::Panic => panic!("lost the thread"),
                Step::Hang => std::future::pending().await,
                Step::Finish => Some(Ok(CompletionEvent::finished(Completion::new(
                    "m".into(),
                    vec![Part::text("x")],
                    Usage::new(10, 5),
                )))),
                _ => None,
            }
        });
        self.open.fetch_add(1, Ordering::SeqCst);
        Ok(CompletionStream::new(Counted(
            Box::pin(steps),
            Arc::clone(&self.open),
        )))
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        assert_ne!(model.as_str(), "cursed", "never ask for this one");
        let mut capabilities = Capabilities::default();
        capabilities.tools = true;
        capabilities
    }
}

fn failure(kind: &ProviderErrorKind) -> ProviderError {
    ProviderError::new(kind.clone(), "somebody", "no luck").with_usage(Usage::new(1, 0))
}

/// Tells when it is dropped.
struct Counted<S>(Pin<Box<S>>, Arc<AtomicUsize>);

impl<S: Stream> Stream for Counted<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl<S> Drop for Counted<S> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) fn request() -> ChatRequest {
    ChatRequest::new("m", Context::from_iter([Message::user("Hello?")]))
}

pub(crate) fn router(provider: &Arc<Scripted>) -> ProviderCoordinator {
    ProviderCoordinator::new(Arc::clone(provider) as _, "m")
}

/// Everything that came of a request, in one line: `text hi`, `retry 1 server`, `done 12`, `error server 3`; the
/// numbers at the end are input tokens.
pub(crate) async fn tell(provider: &Arc<Scripted>) -> (String, Duration) {
    tell_with(provider, ProviderOptions::default()).await
}

/// The same with other options.
pub(crate) async fn tell_with(
    provider: &Arc<Scripted>,
    options: ProviderOptions,
) -> (String, Duration) {
    let begin = Instant::now();
    let router = router(provider).with_options(options);
    let mut stream = router.stream_chat(request());
    let mut story = Vec::new();
    while let Some(event) = stream.next().await {
        story.push(match event {
            Ok(CompletionEvent::TextDelta(text)) => format!("text {text}"),
            Ok(CompletionEvent::ThinkingDelta(text)) => format!("thinking {text}"),
            Ok(CompletionEvent::Withdrawn) => "withdrawn".to_owned(),
            Ok(CompletionEvent::Retrying(notice)) => {
                format!("retry {} {}", notice.attempt, notice.kind)
            }
            Ok(CompletionEvent::Finished(completion)) => format!("done {}", completion.usage.input),
            Ok(other) => format!("{other:?}"),
            Err(error) => {
                assert_eq!(
                    &*error.provider, provider.name,
                    "an error bears the name of the provider"
                );
                format!("error {} {}", error.kind, error.usage.input)
            }
        });
    }
    (story.join(", "), begin.elapsed())
}
