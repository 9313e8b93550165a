//! Answers from memory.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::Stream;
use tokio::time::Instant;
use victor_core::{Lock, ModelId, Part, StopReason, Usage};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};

victor_core::options! {
    /// Limits of a cache.
    #[derive(PartialEq, Eq)]
    pub struct CacheOptions {
        /// Time for which an answer is used. Defaults to one hour.
        pub lifetime, with_lifetime: Duration = Duration::from_secs(3600);
        /// Most answers that are kept; the oldest goes first. Defaults to 1,000.
        pub entries, with_entries: usize = 1000;
    }
}

/// Answers a request from memory where the very same one was answered before.
///
/// Requests are the same if their model, system prompt, messages, tools and parameters are; the session, the turn and
/// the identifiers of messages do not count. Only whole answers are kept, and none that calls tools or was declined. An
/// answer from memory is marked as [`cached`](Completion::cached) and has used no tokens. It comes in one piece.
#[derive(Debug)]
pub struct Cached<P> {
    inner: P,
    cache: Arc<Cache>,
}

#[derive(Debug)]
struct Cache {
    options: CacheOptions,
    hasher: RandomState,
    answers: Lock<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    /// By the hash of the request; the text of the request tells two with the same hash apart.
    by_hash: HashMap<u64, Answer>,
    order: VecDeque<u64>,
}

#[derive(Debug)]
struct Answer {
    request: String,
    completion: Completion,
    since: Instant,
}

impl<P: ChatProvider> Cached<P> {
    /// Puts a cache with the default limits before `inner`.
    pub fn new(inner: P) -> Self {
        Self::with_options(inner, CacheOptions::default())
    }

    /// Puts a cache before `inner`.
    pub fn with_options(inner: P, options: CacheOptions) -> Self {
        let cache = Arc::new(Cache {
            options,
            hasher: RandomState::new(),
            answers: Lock::default(),
        });
        Self { inner, cache }
    }
}

impl Cache {
    fn get(&self, request: &str) -> Option<Completion> {
        let answers = self.answers.lock();
        let answer = answers.by_hash.get(&self.hasher.hash_one(request))?;
        let is_fresh = answer.since.elapsed() < self.options.lifetime;
        if !is_fresh || answer.request != request {
            return None;
        }
        let mut completion = answer.completion.clone();
        completion.cached = true;
        completion.usage = Usage::default();
        completion.lost.clear();
        Some(completion)
    }

    fn put(&self, request: String, completion: &Completion) {
        let calls = completion.tool_calls().next().is_some();
        if calls || completion.stop_reason != StopReason::EndTurn || self.options.entries == 0 {
            return;
        }
        let hash = self.hasher.hash_one(&request);
        let answer = Answer {
            request,
            completion: completion.clone(),
            since: Instant::now(),
        };
        let mut answers = self.answers.lock();
        if answers.by_hash.insert(hash, answer).is_none() {
            answers.order.push_back(hash);
        }
        while answers.order.len() > self.options.entries {
            if let Some(oldest) = answers.order.pop_front() {
                answers.by_hash.remove(&oldest);
            }
        }
    }
}

/// All of a request that decides about its answer, as text.
fn key(request: &ChatRequest) -> Option<String> {
    let messages: Vec<_> = request
        .context
        .messages()
        .iter()
        .map(|message| (message.role(), message.parts().to_vec()))
        .collect();
    let tool_choice = format!("{:?}", request.tool_choice);
    serde_json::to_string(&(
        (&request.model, &request.system, messages, &*request.tools),
        (
            tool_choice,
            &request.response_format,
            request.max_output_tokens,
        ),
        (request.temperature, &request.stop_sequences, &request.extra),
    ))
    .ok()
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: ChatProvider> ChatProvider for Cached<P> {
    victor_core::forward! {
        inner =>
        fn name(&self) -> &str;
        fn default_model(&self) -> Option<ModelId>;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }

    fn description(&self) -> String {
        format!("cached, {}", self.inner.description())
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        // What cannot be written as text is not kept.
        let Some(key) = key(request) else {
            return self.inner.stream_chat(request).await;
        };
        if let Some(completion) = self.cache.get(&key) {
            let text = completion.parts.iter().filter_map(|part| match part {
                Part::Text(text) => Some(CompletionEvent::TextDelta(text.text.clone())),
                Part::Thinking(thinking) => {
                    Some(CompletionEvent::ThinkingDelta(thinking.text.clone()))
                }
                _ => None,
            });
            let mut events: Vec<_> = text.map(Ok).collect();
            events.push(Ok(CompletionEvent::finished(completion)));
            return Ok(CompletionStream::from_events(events));
        }
        let stream = self.inner.stream_chat(request).await?;
        let cache = self.cache.clone();
        let request = Some(key);
        Ok(CompletionStream::new(Keeping {
            stream,
            cache,
            request,
        }))
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        self.stream_chat(request).await?.completion().await
    }
}

/// An answer that is kept when it is whole.
struct Keeping {
    stream: CompletionStream,
    cache: Arc<Cache>,
    request: Option<String>,
}

impl Stream for Keeping {
    type Item = Result<CompletionEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(Pin::new(&mut self.stream).poll_next(cx));
        if let Some(Ok(CompletionEvent::Finished(completion))) = &event
            && let Some(request) = self.request.take()
        {
            self.cache.put(request, completion);
        }
        Poll::Ready(event)
    }
}
