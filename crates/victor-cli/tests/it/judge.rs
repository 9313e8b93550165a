//! A server of somebody else's that fails as it is told to, and judges how its client behaved.
//!
//! The environment variable `VICTOR_LLMOCK` names a folder into which pip has installed `llmock`
//! (`pip install --target FOLDER llmock`).

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use victor_anthropic::AnthropicProvider;
use victor_http::header::HeaderMap;
use victor_http::{HttpClient, HttpOptions};
use victor_openai::{Dialect, OpenAiProvider, Server};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::core::ToolSpec;
use victor_orchestrator::provider::ChatProvider;

use crate::peer::{folder, free_port};

/// The failures of one dialect. Where an answer breaks off, nothing of it was shown, so that it may be asked for again.
fn faults() -> Vec<Value> {
    let fail = |status: u16, times: u8| json!({"type": "fail", "status": status, "times": times});
    let stream = |kind: &str, after: u8| json!({"type": "stream_fault", "kind": kind, "after_chunks": after, "stall_seconds": 3});
    let tool = |kind: &str| json!({"type": "tool_fault", "kind": kind});
    vec![
        json!({"type": "fail", "status": 429, "retry_after": 1}),
        fail(500, 1),
        fail(502, 1),
        fail(503, 1),
        fail(529, 1),
        fail(400, 1),
        fail(401, 1),
        fail(403, 1),
        fail(404, 1),
        fail(422, 1),
        json!({"type": "delay", "seconds": 0.2}),
        json!({"type": "slow_first_token", "seconds": 0.2}),
        stream("disconnect", 0),
        stream("truncate", 0),
        stream("malformed", 0),
        stream("stall", 0),
        tool("malformed_arguments"),
        tool("unknown_tool"),
    ]
}

struct Judge {
    url: String,
    http: HttpClient,
    child: Child,
}

impl Judge {
    /// Starts the server; none where the package is absent.
    fn start() -> Option<Self> {
        let folder = folder("VICTOR_LLMOCK", "a server that judges its clients")?;
        let port = free_port();
        let mut child = Command::new("python3")
            .args(["-c", "from llmock.cli import app; app()", "serve"])
            .args(["--log-level", "info", "--port", &port.to_string()])
            // Slow enough that it sees who leaves a stream in the middle.
            .args(["--stream-chunk-delay-ms", "40"])
            .env("PYTHONPATH", folder)
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

    async fn verdict(&self) -> Value {
        let url = format!("{}/_llmock/verdict", self.url);
        let answer = self.http.get(&url, HeaderMap::new()).await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    fn openai(&self, dialect: Dialect) -> Arc<dyn ChatProvider> {
        let provider = OpenAiProvider::builder()
            .server(Server::COMPATIBLE)
            .base_url(format!("{}/v1", self.url));
        let provider = provider
            .dialect(dialect)
            .api_key("none")
            .default_model("gpt-4o");
        Arc::new(provider.build().unwrap())
    }

    fn anthropic(&self) -> Arc<dyn ChatProvider> {
        let provider = AnthropicProvider::builder().base_url(format!("{}/anthropic", self.url));
        let provider = provider.api_key("none").default_model("claude-sonnet-5");
        Arc::new(provider.build().unwrap())
    }

    /// Has one turn of each failure.
    async fn examine(&self, provider: Arc<dyn ChatProvider>, path: &str) {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let spec = ToolSpec::new("weather", "Tells the weather.", schema);
        let weather = tool_fn(spec, |_cx, _: Value| async { Ok("It rains.") });
        let orchestrator = AgentOrchestrator::builder()
            .provider(provider)
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
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn failures_in_all_dialects_are_borne_as_they_should_be() {
    let Some(judge) = Judge::start() else {
        return;
    };
    tokio::join!(
        judge.examine(
            judge.openai(Dialect::ChatCompletions),
            "/v1/chat/completions"
        ),
        judge.examine(judge.openai(Dialect::Responses), "/v1/responses"),
        judge.examine(judge.anthropic(), "/anthropic/v1/messages"),
    );
    let verdict = judge.verdict().await;
    let findings = verdict["findings"].as_array().unwrap();
    // A pause of three seconds is no reason to give a model up.
    let is_about_pause = |finding: &&Value| finding["code"] == "no_read_timeout";
    let others: Vec<_> = findings.iter().filter(|f| !is_about_pause(f)).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(
        findings.iter().filter(is_about_pause).count(),
        3,
        "{verdict:#}"
    );
}
