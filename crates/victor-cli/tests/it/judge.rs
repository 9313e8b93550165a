//! A server of somebody else's that fails as it is told to, and judges how its client behaved.
//!
//! The environment variable `VICTOR_LLMOCK` names a folder into which pip has installed `llmock`
//! (`pip install --target FOLDER llmock`).

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use victor_anthropic::AnthropicProvider;
use victor_http::header::HeaderMap;
use victor_http::{HttpClient, HttpOptions};
use victor_openai::{Dialect, OpenAiProvider, Server};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::coordinators::provider::{
    ProviderCoordinator, ProviderOptions, RetryOptions,
};
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::core::{Context, Message, ToolSpec};
use victor_orchestrator::provider::{ChatProvider, ChatRequest, ProviderRouter};

use crate::peer::{folder, free_port};

/// The failures of one dialect.
fn faults() -> Vec<Value> {
    let busy = |seconds: f64, times: u8| json!({"type": "fail", "status": 429, "retry_after": seconds, "times": times});
    let fail = |status: u16| json!({"type": "fail", "status": status});
    let stream = |kind: &str, after: u8| json!({"type": "stream_fault", "kind": kind, "after_chunks": after, "stall_seconds": 3});
    let tool = |kind: &str| json!({"type": "tool_fault", "kind": kind});
    let mut faults = vec![
        busy(1.0, 1),
        busy(0.4, 2),
        json!({"type": "delay", "seconds": 0.2}),
        json!({"type": "slow_first_token", "seconds": 0.2}),
        tool("malformed_arguments"),
        tool("unknown_tool"),
    ];
    faults.extend([408, 409, 500, 502, 503, 504, 529].map(fail));
    faults.extend([400, 401, 403, 404, 422].map(fail));
    for kind in ["disconnect", "truncate", "malformed", "stall"] {
        // After three chunks a short answer can be whole.
        faults.extend((0..3).map(|after| stream(kind, after)));
    }
    faults
}

/// A router of one target that gives a silent answer up soon, and withdraws what was shown of an answer that is lost.
fn router(provider: Arc<dyn ChatProvider>, model: &str) -> Arc<dyn ProviderRouter> {
    let retry = RetryOptions::default()
        .with_max_attempts(4)
        .with_base_delay(Duration::from_millis(300));
    let options = ProviderOptions::default()
        .with_retry(retry)
        .with_first_event_timeout(Some(Duration::from_millis(1_500)))
        .with_idle_timeout(Some(Duration::from_millis(600)))
        .with_withdraws(true);
    Arc::new(ProviderCoordinator::new(provider, model).with_options(options))
}

struct Judge {
    folder: OsString,
    url: String,
    http: HttpClient,
    child: Child,
}

impl Judge {
    /// Starts the server; none where the package is absent.
    fn start(arguments: &[&str]) -> Option<Self> {
        let folder = folder("VICTOR_LLMOCK", "a server that judges its clients")?;
        let port = free_port();
        let mut child = llmock(&folder)
            .args(["serve", "--log-level", "info", "--port", &port.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut lines = stderr.lines().map(Result::unwrap);
        assert!(
            lines.any(|line| line.contains("running on")),
            "llmock ended"
        );
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            folder,
            url: format!("http://127.0.0.1:{port}"),
            http: HttpClient::new(&HttpOptions::default()).unwrap(),
            child,
        })
    }

    /// Has the next request at a path fail.
    async fn plan(&self, mut fault: Value, path: &str) {
        fault["match"] = json!({ "path": path });
        let body = json!({ "behaviors": [fault] }).to_string();
        let url = format!("{}/_llmock/scenario", self.url);
        let answer = self.http.post_json(&url, HeaderMap::new(), body).await;
        let answer = answer.unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }

    /// Returns the verdict as `llmock report --strict` gives it, which has no finding.
    fn verdict(&self) -> Value {
        let report = llmock(&self.folder)
            .args(["report", "--strict", "--json", "--url", &self.url])
            .output()
            .unwrap();
        let verdict: Value = serde_json::from_slice(&report.stdout).unwrap();
        assert_eq!(verdict["findings"], json!([]), "{verdict:#}");
        assert!(report.status.success(), "{verdict:#}");
        verdict
    }

    fn openai(&self, server: Server, dialect: Dialect, base: &str) -> Arc<dyn ProviderRouter> {
        let provider = OpenAiProvider::builder()
            .server(server)
            .base_url(format!("{}{base}", self.url))
            .dialect(dialect)
            .api_key("none");
        router(Arc::new(provider.build().unwrap()), "gpt-4o")
    }

    fn anthropic(&self) -> Arc<dyn ProviderRouter> {
        let provider = AnthropicProvider::builder().base_url(format!("{}/anthropic", self.url));
        let provider = provider.api_key("none").build().unwrap();
        router(Arc::new(provider), "claude-sonnet-5")
    }

    /// Has one turn of each failure.
    async fn examine(&self, router: Arc<dyn ProviderRouter>, path: &str) {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let spec = ToolSpec::new("weather", "Tells the weather.", schema);
        let weather = tool_fn(spec, |_cx, _: Value| async { Ok("It rains.") });
        let orchestrator = AgentOrchestrator::builder()
            .provider_coordinator(router)
            .tool(Arc::new(weather))
            .build()
            .unwrap();
        for (number, fault) in faults().into_iter().enumerate() {
            self.plan(fault, path).await;
            // Some failures are final. How the client bore them is what is judged.
            let session = orchestrator.session(format!("{path} {number}"));
            let _ = session
                .chat(format!("Question {number}: does it rain in Rome?"))
                .await;
        }
    }

    /// Asks more often than a quota allows.
    async fn exhaust(&self, router: Arc<dyn ProviderRouter>, requests: u32) {
        for number in 0..requests {
            let question = Message::user(format!("Question {number}: does it rain in Rome?"));
            let request = ChatRequest::to_current_model(Context::from_iter([question]));
            let answer = router.stream_chat(request).completion().await;
            answer.unwrap();
        }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn llmock(folder: &OsString) -> Command {
    let mut command = Command::new("python3");
    command
        .args(["-c", "from llmock.cli import app; app()"])
        .env("PYTHONPATH", folder);
    command
}

#[tokio::test]
async fn failures_in_all_dialects_are_borne_as_they_should_be() {
    // Slow enough that it sees who leaves a stream in the middle.
    let Some(judge) = Judge::start(&["--stream-chunk-delay-ms", "20"]) else {
        return;
    };
    let chat = async |server, base: &str| {
        let router = judge.openai(server, Dialect::ChatCompletions, base);
        judge
            .examine(router, &format!("{base}/chat/completions"))
            .await;
    };
    tokio::join!(
        chat(Server::OPENAI, "/v1"),
        chat(Server::MISTRAL, "/mistral/v1"),
        chat(Server::GROQ, "/groq/openai/v1"),
        chat(Server::TOGETHER, "/together/v1"),
        chat(Server::XAI, "/xai/v1"),
        chat(Server::COMPATIBLE, "/perplexity/v1"),
        judge.examine(
            judge.openai(Server::OPENAI, Dialect::Responses, "/v1"),
            "/v1/responses"
        ),
        judge.examine(judge.anthropic(), "/anthropic/v1/messages"),
    );
    let verdict = judge.verdict();
    let count = |what: &str| verdict[what].as_u64().unwrap();
    assert!(count("faults_injected") >= 200, "{verdict:#}");
    assert!(count("attempts") > count("calls") + 150, "{verdict:#}");
}

#[tokio::test]
async fn quotas_are_kept_by_waiting() {
    let Some(judge) = Judge::start(&["--rpm", "20"]) else {
        return;
    };
    tokio::join!(
        judge.exhaust(
            judge.openai(Server::OPENAI, Dialect::ChatCompletions, "/v1"),
            22
        ),
        judge.exhaust(judge.anthropic(), 22),
    );
    let verdict = judge.verdict();
    let count = |what: &str| verdict[what].as_u64().unwrap();
    assert_eq!(count("calls"), 44, "{verdict:#}");
    assert!(count("attempts") > 44, "{verdict:#}");
}
