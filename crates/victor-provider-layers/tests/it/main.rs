//! The layers, around providers that play a part.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep};
use victor_provider_layers::core::{
    Context, Message, ModelId, Part, StopReason, ToolCall, ToolSpec, Usage,
};
use victor_provider_layers::protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError, ProviderErrorKind as Kind,
};
use victor_provider_layers::{
    CacheOptions, Cached, Canary, FaultInjected, FaultOptions, Hedged, Logged,
};
use victor_testkit::conformance;

/// Answers with its name, after a wait for each request in turn.
#[derive(Debug)]
struct Echo {
    name: &'static str,
    waits: Vec<u64>,
    requests: AtomicUsize,
    stop_reason: StopReason,
    calls: bool,
    fails: bool,
}

impl Echo {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            waits: Vec::new(),
            requests: AtomicUsize::default(),
            stop_reason: StopReason::EndTurn,
            calls: false,
            fails: false,
        }
    }

    fn after(mut self, waits: impl Into<Vec<u64>>) -> Self {
        self.waits = waits.into();
        self
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl ChatProvider for Echo {
    fn name(&self) -> &str {
        self.name
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let wait = self.waits.get(number).copied().unwrap_or(0);
        if self.fails {
            return Err(ProviderError::new(Kind::Server, self.name, "down"));
        }
        let model = request.model_or("m");
        let mut parts = vec![Part::text(self.name)];
        if self.calls {
            parts.push(Part::ToolCall(ToolCall::new("1", "t", "{}")));
        }
        let completion = Completion::new(model, parts, Usage::new(10, 5));
        let completion = match self.calls {
            true => completion,
            false => completion.with_stop_reason(self.stop_reason.clone()),
        };
        let events = [
            CompletionEvent::TextDelta(self.name.into()),
            CompletionEvent::finished(completion),
        ];
        let events = stream::iter(events.map(Ok));
        let waited = stream::once(async move {
            sleep(Duration::from_secs(wait)).await;
            Ok(CompletionEvent::Working)
        });
        Ok(CompletionStream::new(
            waited.filter(|_| std::future::ready(false)).chain(events),
        ))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.context_window = Some(if self.name == "new" { 1_000 } else { 2_000 });
        capabilities.tools = self.name != "new";
        capabilities
    }
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest::new("m", Context::from_iter([Message::user(text)]))
}

async fn answer(provider: &impl ChatProvider, request: &ChatRequest) -> Completion {
    provider.chat(request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_layer_is_a_provider() {
    let request = ask("hello");
    let cached = Cached::new(Echo::new("e"));
    answer(&cached, &request).await;
    conformance::chat_provider(&cached, &request).await;
    conformance::chat_provider(&Logged::new(Echo::new("e")), &request).await;
    let options = FaultOptions::default().with_latency(Duration::from_secs(1));
    conformance::chat_provider(&FaultInjected::new(Echo::new("e"), options), &request).await;
    conformance::chat_provider(&Canary::new(Echo::new("e"), Echo::new("f"), 50.0), &request).await;
    conformance::chat_provider(
        &Hedged::new(Echo::new("e"), Duration::from_secs(1)),
        &request,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_same_request_is_answered_from_memory_for_a_while() {
    let echo = Arc::new(Echo::new("e"));
    let options = CacheOptions::default().with_lifetime(Duration::from_secs(60));
    let cached = Cached::with_options(echo.clone(), options);
    let first = answer(&cached, &ask("a")).await;
    assert!(!first.cached);
    let mut again = ask("a");
    again.session = Some("another".into());
    let second = answer(&cached, &again).await;
    assert!(second.cached);
    assert_eq!(
        (second.parts, second.usage),
        (first.parts, Usage::default())
    );
    for other in [
        ask("b"),
        ChatRequest::new("n", ask("a").context),
        {
            let mut request = ask("a");
            request.temperature = Some(0.5);
            request
        },
        {
            let mut request = ask("a");
            request.system = Some("be brief".into());
            request
        },
    ] {
        assert!(!answer(&cached, &other).await.cached);
    }
    assert_eq!(echo.requests(), 5);
    sleep(Duration::from_secs(60)).await;
    assert!(!answer(&cached, &ask("a")).await.cached);
}

#[tokio::test(start_paused = true)]
async fn only_whole_answers_are_kept_and_the_oldest_goes() {
    let mut calling = Echo::new("e");
    calling.calls = true;
    let mut declined = Echo::new("e");
    declined.stop_reason = StopReason::Refusal;
    let mut cut = Echo::new("e");
    cut.stop_reason = StopReason::MaxTokens;
    for echo in [calling, declined, cut] {
        let cached = Cached::new(echo);
        answer(&cached, &ask("a")).await;
        assert!(!answer(&cached, &ask("a")).await.cached);
    }
    let cached = Cached::with_options(Echo::new("e"), CacheOptions::default().with_entries(2));
    for text in ["a", "b", "c"] {
        answer(&cached, &ask(text)).await;
    }
    assert!(answer(&cached, &ask("c")).await.cached);
    assert!(answer(&cached, &ask("b")).await.cached);
    assert!(!answer(&cached, &ask("a")).await.cached);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_asked_for_again_and_the_loser_is_counted() {
    let hedged = |waits: Vec<u64>| Hedged::new(Echo::new("e").after(waits), Duration::from_secs(5));
    let check = async |waits: Vec<u64>, seconds, lost| {
        let begin = Instant::now();
        let mut request = ask("a");
        request.input_tokens = Some(70);
        let completion = answer(&hedged(waits), &request).await;
        assert_eq!(begin.elapsed(), Duration::from_secs(seconds));
        let found: Vec<_> = completion
            .lost
            .iter()
            .map(|lost| lost.usage.input)
            .collect();
        assert_eq!(found, lost);
    };
    check(vec![0], 0, vec![]).await;
    check(vec![4], 4, vec![]).await;
    check(vec![60, 1], 6, vec![70]).await;
    check(vec![7, 60], 7, vec![70]).await;

    let begin = Instant::now();
    let mut request = ask("a");
    request.tools = Arc::from([ToolSpec::new(
        "t",
        "A tool",
        serde_json::json!({"type": "object"}),
    )]);
    answer(&hedged(vec![60, 1]), &request).await;
    assert_eq!(
        begin.elapsed(),
        Duration::from_secs(60),
        "a request with tools is sent once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_share_of_the_sessions_goes_to_the_canary_and_stays() {
    let canary = Canary::new(Echo::new("old"), Echo::new("new"), 20.0).with_model("m-2");
    let mut to_canary = 0;
    for number in 0..1000 {
        let mut request = ask("a");
        request.session = Some(format!("session {number}").into());
        let first = answer(&canary, &request).await;
        let second = answer(&canary, &request).await;
        assert_eq!(first, second);
        let is_canary = first.model.as_str() == "m-2";
        assert_eq!(
            first.parts[0],
            Part::text(if is_canary { "new" } else { "old" })
        );
        to_canary += usize::from(is_canary);
    }
    assert!((150..250).contains(&to_canary), "{to_canary}");
    assert_eq!(answer(&canary, &ask("a")).await.parts[0], Part::text("old"));
    let capabilities = canary.capabilities(&"m".into());
    assert_eq!(
        (capabilities.context_window, capabilities.tools),
        (Some(1_000), false)
    );
    let none = Canary::new(Echo::new("old"), Echo::new("new"), f64::NAN);
    let mut request = ask("a");
    request.session = Some("s".into());
    assert_eq!(answer(&none, &request).await.parts[0], Part::text("old"));
}

#[tokio::test(start_paused = true)]
async fn faults_come_in_the_share_that_was_asked_for() {
    let options = FaultOptions::default()
        .with_refused(0.2)
        .with_broken(0.2)
        .with_kinds(vec![Kind::Overloaded, Kind::Timeout]);
    let run = async |seed| {
        let provider = FaultInjected::new(Echo::new("e"), options.clone().with_seed(seed));
        let mut outcomes = Vec::new();
        for _ in 0..1000 {
            let outcome = match provider.stream_chat(&ask("a")).await {
                Err(error) => Err(error),
                Ok(stream) => stream.completion().await,
            };
            outcomes.push(outcome.err().map(|error| error.kind));
        }
        outcomes
    };
    let outcomes = run(1).await;
    let failed = outcomes.iter().flatten().count();
    assert!((300..420).contains(&failed), "{failed}");
    assert!(outcomes.contains(&Some(Kind::Overloaded)) && outcomes.contains(&Some(Kind::Timeout)));
    assert_eq!(outcomes, run(1).await);
    assert_ne!(outcomes, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn errors_pass_through_every_layer() {
    let mut echo = Echo::new("e");
    echo.fails = true;
    let layers = Cached::new(Logged::new(Hedged::new(echo, Duration::from_secs(1))));
    let error = layers.chat(&ask("a")).await.unwrap_err();
    assert_eq!((error.kind, &*error.provider), (Kind::Server, "e"));
    assert_eq!(layers.description(), "cached, logged, hedged, e");
    assert_eq!(layers.default_model(), None);
}
