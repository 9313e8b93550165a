use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use victor_core::{ModelId, Part, StopReason, Thinking, Usage};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError, ProviderErrorKind, RetryNotice,
};
use victor_testkit::conformance;
use victor_testkit::faults::{Faulty, ModelFault};

use super::{Bug, breaks};
use crate::request;

#[derive(Debug)]
struct Model(Arc<Bug>);

#[async_trait]
impl ChatProvider for Model {
    fn name(&self) -> &str {
        if self.0.is("nameless") { "" } else { "model" }
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let bug = &self.0;
        let wrong = bug.shows().await;
        if bug.is("fails") {
            return Err(ProviderError::new(
                ProviderErrorKind::Server,
                "model",
                "bug",
            ));
        }
        let thinking = Thinking::new("hm");
        let text = if wrong { "wrong" } else { "one two" };
        let model = if bug.is("no model") {
            ModelId::new("")
        } else {
            request.model_or("model")
        };
        let usage = if bug.is("no usage") {
            Usage::default()
        } else {
            Usage::new(1, 2)
        };
        let mut completion = Completion::new(model, vec![thinking.into(), Part::text(text)], usage);
        if bug.is("no calls") {
            completion = completion.with_stop_reason(StopReason::ToolUse);
        }
        let mut events = vec![
            CompletionEvent::ThinkingDelta("hm".into()),
            CompletionEvent::TextDelta(text.into()),
            CompletionEvent::finished(completion),
        ];
        match bug.name {
            "lost thought" => drop(events.remove(0)),
            "lost text" => drop(events.remove(1)),
            "truncated" => drop(events.remove(2)),
            "retries" => {
                let notice = RetryNotice::new(1, ProviderErrorKind::Server, "bug", Duration::ZERO);
                events.insert(0, CompletionEvent::Retrying(notice));
            }
            _ => {}
        }
        let stream_dropped = Unread(Arc::clone(bug), events.len());
        Ok(CompletionStream::new(stream::unfold(
            (events.into_iter(), stream_dropped),
            async |(mut events, mut unread)| {
                let event = events.next()?;
                unread.1 -= 1;
                Some((Ok(event), (events, unread)))
            },
        )))
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        let mut completion = self.stream_chat(request).await?.completion().await?;
        if self.0.is("chat differs") {
            completion.parts.pop();
        }
        Ok(completion)
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.tools =
            self.0.is("fickle") && self.0.calls.fetch_add(1, Ordering::Relaxed) > 0;
        capabilities
    }
}

/// Notes when a stream is dropped before it was read to its end.
struct Unread(Arc<Bug>, usize);

impl Drop for Unread {
    fn drop(&mut self) {
        if self.0.is("after a dropped stream") && self.1 > 0 {
            // From now on, no call gives the right answer.
            self.0.dropped.store(true, Ordering::Relaxed);
        }
    }
}

/// A model that is right until a stream of it is dropped.
#[derive(Debug)]
struct Sulking(Model);

#[async_trait]
impl ChatProvider for Sulking {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        if self.0.0.dropped.load(Ordering::Relaxed) {
            return Model(Arc::new(Bug::new("no usage")))
                .stream_chat(request)
                .await;
        }
        self.0.stream_chat(request).await
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.0.capabilities(model)
    }
}

fn model(bug: &'static str) -> Model {
    Model(Arc::new(Bug::new(bug)))
}

#[tokio::test]
async fn a_right_provider_passes() {
    conformance::chat_provider(&model("none"), &request("hello")).await;
    let dynamic: Arc<dyn ChatProvider> = Arc::new(model("none"));
    conformance::chat_provider(&*dynamic, &request("hello")).await;
    // A wrapper that does nothing is a right provider as well.
    let wrapped = Faulty::new(
        victor_testkit::Recorder::new(model("none")),
        ModelFault::Panic,
    )
    .first(0);
    conformance::chat_provider(&wrapped, &request("hello")).await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a provider has a name"),
        ("fickle", "capabilities are always the same"),
        ("fails", "a valid call succeeds"),
        ("panics", "no call panics"),
        ("truncated", "a stream ends with the completion"),
        ("retries", "a provider makes one attempt"),
        ("lost text", "text deltas add up to the text"),
        ("lost thought", "thinking deltas add up to the thoughts"),
        ("no usage", "usage is counted"),
        ("no model", "the model that answered is named"),
        ("no calls", "who stops to have tools called calls one"),
        ("chat differs", "chat equals the drained stream"),
        ("second call", "chat equals the drained stream"),
        ("side by side", "calls side by side are independent"),
        ("after a drop", "a dropped call leaves nothing behind"),
    ] {
        breaks(
            law,
            conformance::chat_provider(&model(bug), &request("hello")),
        )
        .await;
    }
    let sulking = Sulking(model("after a dropped stream"));
    breaks(
        "a dropped stream leaves nothing behind",
        conformance::chat_provider(&sulking, &request("hello")),
    )
    .await;
}
