//! Requests that do not fit the window of a server.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use victor_core::{Part, ToolSpec, Usage};
use victor_orchestrator::chat::{ChatError, ChatErrorKind};
use victor_orchestrator::context::{TokenCounter, TokenCounterExt};
use victor_orchestrator::coordinators::context::EstimateCounter;
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{
    Capabilities, CapabilitySource, ChatProvider, ChatRequest, Completion, CompletionEvent,
    CompletionStream, ProviderError, ProviderErrorKind,
};
use victor_orchestrator::session::InMemorySessionStore;
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder};

use crate::Note;

/// A server that refuses what does not fit its window.
#[derive(Debug)]
struct Server {
    window: u64,
    /// Whether its refusals tell the window and the size of the request.
    tells: bool,
    /// How many tokens it counts for each of ours, in percent.
    percent: u64,
    /// The tokens of each request by its count.
    requests: Mutex<Vec<u64>>,
}

impl Server {
    fn new(window: u64, tells: bool) -> Arc<Self> {
        Self::counting(window, tells, 100)
    }

    fn counting(window: u64, tells: bool, percent: u64) -> Arc<Self> {
        Arc::new(Self {
            window,
            tells,
            percent,
            requests: Mutex::default(),
        })
    }

    /// The requests since this was last asked.
    fn requests(&self) -> Vec<u64> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

#[async_trait]
impl ChatProvider for Server {
    fn name(&self) -> &str {
        "server"
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let text = |text: &str| u64::from(EstimateCounter.count_text(text));
        let tools = request.tools.iter();
        let tools =
            tools.map(|tool| text(&tool.description) + text(&tool.input_schema.to_string()));
        let counted = EstimateCounter.tokens_of(request.context.messages())
            + request.system.as_deref().map_or(0, text)
            + tools.sum::<u64>();
        let tokens = counted * self.percent / 100;
        self.requests.lock().unwrap().push(tokens);
        if tokens > self.window {
            let words = match self.tells {
                true => format!("request ({tokens} tokens) exceeds {} tokens", self.window),
                false => "the request is too long".to_owned(),
            };
            let told = |number| self.tells.then_some(number);
            let kind = ProviderErrorKind::ContextTooLong;
            return Err(ProviderError::new(kind, "server", words)
                .with_overflow(told(self.window), told(tokens)));
        }
        let parts = vec![Part::text("So it is.")];
        let completion = Completion::new(request.model_or("model"), parts, Usage::new(tokens, 4));
        Ok(CompletionStream::from_events([Ok(
            CompletionEvent::finished(completion),
        )]))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.tools = true;
        capabilities
    }
}

fn builder(server: &Arc<Server>) -> AgentOrchestratorBuilder {
    AgentOrchestrator::builder()
        .provider(server.clone())
        .model("m")
}

/// A store with a session of that many tokens, about, which a model with room enough has answered.
async fn store_of(tokens: usize) -> Arc<InMemorySessionStore> {
    let store = Arc::new(InMemorySessionStore::default());
    let roomy = builder(&Server::new(1_000_000, true))
        .session_store(store.clone())
        .build()
        .unwrap();
    for turn in 0..tokens / 200 {
        let message = format!("turn {turn}: {}", "talk of the town ".repeat(45));
        roomy.chat(message).await.unwrap();
    }
    store
}

#[tokio::test]
async fn a_window_that_is_told_is_used_at_once_and_from_then_on() {
    let store = store_of(6_600).await;
    for percent in [100, 150] {
        let server = Server::counting(1024, true, percent);
        let new_process = builder(&server)
            .session_store(store.clone())
            .build()
            .unwrap();
        new_process.chat("and now?").await.unwrap();
        let requests = server.requests();
        assert_eq!(requests.len(), 2, "{requests:?}");
        assert!(requests[0] > 5_000 && requests[1] <= 1024, "{requests:?}");

        let session = new_process.session(new_process.session_id());
        assert_eq!(session.context_stats().window, Some(1024));
        let model = ModelId::from("m");
        let known = new_process.provider_coordinator().capabilities(&model);
        assert_eq!(
            (known.context_window, known.source),
            (Some(1024), CapabilitySource::Learned)
        );
        for _ in 0..10 {
            session.chat("talk of the town ".repeat(30)).await.unwrap();
        }
        let other = new_process.session("other");
        for _ in 0..10 {
            other.chat("talk of the town ".repeat(30)).await.unwrap();
        }
        let requests = server.requests();
        assert_eq!(requests.len(), 20, "none was refused: {requests:?}");
    }
}

#[tokio::test]
async fn a_window_that_is_not_told_is_found_within_one_call() {
    let store = store_of(20_000).await;
    let server = Server::new(1024, false);
    let new_process = builder(&server).session_store(store).build().unwrap();
    new_process.chat("and now?").await.unwrap();
    let requests = server.requests();
    assert!(requests.len() <= 6, "{requests:?}");
    assert!(
        requests.windows(2).all(|pair| pair[1] <= pair[0] / 2 + 32),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_window_that_was_set_is_no_larger_than_the_servers() {
    let store = store_of(6_600).await;
    for (set, used) in [(100_000, 1024), (700, 700)] {
        let server = Server::new(1024, true);
        let builder = builder(&server).session_store(store.clone());
        let orchestrator = builder.setting("context_window", set).build().unwrap();
        orchestrator.chat("and now?").await.unwrap();
        orchestrator.chat("and now?").await.unwrap();
        let session = orchestrator.session(orchestrator.session_id());
        assert_eq!(session.context_stats().window, Some(used));
    }
}

#[tokio::test]
async fn a_server_decides_by_its_own_count() {
    // Its template has no place for tools, which are most of what we count.
    let store = store_of(6_600).await;
    let server = Server::counting(1024, true, 10);
    let tools = builder(&server).tool(Arc::new(large_tool(400)));
    let orchestrator = tools.session_store(store).build().unwrap();
    orchestrator
        .chat("talk of the town ".repeat(900))
        .await
        .unwrap();
    let requests = server.requests();
    assert!(requests.len() == 2 && requests[1] <= 1024, "{requests:?}");
    orchestrator.chat("Hello").await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

/// A tool with a description of four tokens a word.
fn large_tool(words: usize) -> Note {
    let about = "It takes a note. ".repeat(words);
    let schema = json!({"type": "object", "properties": {}});
    Note {
        spec: ToolSpec::new("note", about, schema),
        calls: Mutex::default(),
    }
}

/// What is said of a turn that cannot be made to fit, and how many requests there were.
async fn failure(
    server: &Arc<Server>,
    builder: AgentOrchestratorBuilder,
    message: &str,
) -> (String, usize) {
    let orchestrator = builder.build().unwrap();
    let error = orchestrator.chat(message).await.unwrap_err();
    let ChatError::ContextTooLarge { tokens, limit, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(
        limit.is_none_or(|limit| *tokens > limit / 2),
        "{tokens} of {limit:?}"
    );
    assert_eq!(error.kind(), ChatErrorKind::ContextTooLarge);
    assert!(error.turn().is_some());
    (error.report(), server.requests().len())
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_the_words_of_the_server() {
    let long = "talk of the town ".repeat(3_000);
    let server = Server::new(1024, true);
    let (report, requests) = failure(&server, builder(&server), &long).await;
    let begins = "the conversation does not fit the model: it cannot be made to fit the window of 1024 \
                  tokens: the system prompt and the tools take about ";
    assert!(report.starts_with(begins), "{report}");
    let ends = "are kept for the answer; shorten the message, or choose a model with a larger window: server: request (";
    assert!(report.contains(ends), "{report}");
    assert!(report.ends_with("tokens) exceeds 1024 tokens"), "{report}");
    assert_eq!(requests, 1);

    let server = Server::new(1024, false);
    let (report, requests) = failure(&server, builder(&server), &long).await;
    assert!(report.contains("it cannot be made smaller: "), "{report}");
    assert!(report.contains("; shorten the message, or"), "{report}");
    assert!(
        report.ends_with("server: the request is too long"),
        "{report}"
    );
    assert_eq!(requests, 1);

    let server = Server::new(1024, true);
    let tools = builder(&server)
        .tool(Arc::new(large_tool(400)))
        .setting("context_window", 1024);
    let (report, requests) = failure(&server, tools, "Hello").await;
    assert!(
        report.contains("; offer fewer tools or shorten the system prompt, or"),
        "{report}"
    );
    assert_eq!(requests, 0, "what is known not to fit is not sent");
}
