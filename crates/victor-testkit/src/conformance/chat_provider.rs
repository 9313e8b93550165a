//! The laws of model providers.

use futures_util::future::join_all;
use victor_core::Part;
use victor_provider_protocol::{ChatProvider, ChatRequest, Completion, CompletionEvent};

use super::{DROPS, SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// Checks a provider with a request that it can answer, which it is sent many times.
///
/// The answers must be the same each time, so what stands behind the provider should be a recording or a model
/// without chance.
///
/// # Panics
///
/// A law is broken.
pub async fn chat_provider<P: ChatProvider + ?Sized>(provider: &P, request: &ChatRequest) {
    law!(!provider.name().is_empty(), "a provider has a name");
    let model = request.model_or("any");
    law!(
        provider.capabilities(&model) == provider.capabilities(&model),
        "capabilities are always the same"
    );

    let answer = read(provider, request).await;
    answer.check();
    let whole = &answer.completion;

    let chat = succeed(calm(provider.chat(request)).await);
    law!(
        same(&chat, whole),
        "chat equals the drained stream",
        "{chat:?} and {whole:?}"
    );

    for other in join_all((0..SIDE_BY_SIDE).map(|_| read(provider, request))).await {
        let other = other.completion;
        law!(
            same(&other, whole),
            "calls side by side are independent",
            "{other:?} and {whole:?}"
        );
    }

    for taken in 0..answer.events.min(DROPS) {
        let mut stream = succeed(calm(provider.stream_chat(request)).await);
        for _ in 0..taken {
            calm(stream.next()).await;
        }
        drop(stream);
        let next = read(provider, request).await.completion;
        law!(
            same(&next, whole),
            "a dropped stream leaves nothing behind",
            "after {taken} events"
        );
    }
    drop_at_polls(
        async || read(provider, request).await,
        async |polls| {
            let next = read(provider, request).await.completion;
            law!(
                same(&next, whole),
                "a dropped call leaves nothing behind",
                "after {polls} polls"
            );
        },
    )
    .await;
}

struct Answer {
    text: String,
    thoughts: String,
    events: usize,
    completion: Completion,
}

async fn read<P: ChatProvider + ?Sized>(provider: &P, request: &ChatRequest) -> Answer {
    let mut stream = succeed(calm(provider.stream_chat(request)).await);
    let (mut text, mut thoughts, mut events) = (String::new(), String::new(), 0);
    let completion = loop {
        events += 1;
        match calm(stream.next()).await {
            Some(Ok(CompletionEvent::TextDelta(delta))) => text.push_str(&delta),
            Some(Ok(CompletionEvent::ThinkingDelta(delta))) => thoughts.push_str(&delta),
            Some(Ok(CompletionEvent::Working)) => {}
            Some(Ok(CompletionEvent::Finished(completion))) => break completion,
            event => {
                law!(
                    !matches!(event, Some(Ok(_))),
                    "a provider makes one attempt",
                    "it sent {event:?}"
                );
                law!(
                    false,
                    "a stream ends with the completion",
                    "it ended with {event:?}"
                );
            }
        }
    };
    Answer {
        text,
        thoughts,
        events,
        completion: *completion,
    }
}

impl Answer {
    fn check(&self) {
        let completion = &self.completion;
        let (mut text, mut thoughts) = (String::new(), String::new());
        for part in &completion.parts {
            match part {
                Part::Text(part) => text.push_str(&part.text),
                Part::Thinking(part) => thoughts.push_str(&part.text),
                _ => {}
            }
        }
        law!(
            self.text == text,
            "text deltas add up to the text",
            "{:?} and {text:?}",
            self.text
        );
        law!(
            self.thoughts == thoughts,
            "thinking deltas add up to the thoughts",
            "{:?} and {thoughts:?}",
            self.thoughts
        );
        law!(
            completion.cached || completion.usage.total_tokens() > 0,
            "usage is counted",
            "{:?}",
            completion.usage
        );
        law!(
            !completion.model.as_str().is_empty(),
            "the model that answered is named"
        );
        let asks = completion.stop_reason == victor_core::StopReason::ToolUse;
        let calls = completion.tool_calls().count();
        law!(
            !asks || calls > 0,
            "who stops to have tools called calls one"
        );
    }
}

/// Whether two answers say the same. The provider's identifiers for them may differ.
fn same(one: &Completion, other: &Completion) -> bool {
    one.parts == other.parts
        && one.stop_reason == other.stop_reason
        && one.usage == other.usage
        && one.model == other.model
}
