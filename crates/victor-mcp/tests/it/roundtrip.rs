//! Our client and our server, over both transports.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use victor_chat_protocol::{Agent, ChatInput, ChatResponse, TurnStream};
use victor_core::{Effect, Message, SessionId, ToolSpec, TraceContext, TurnId};
use victor_mcp::{McpClient, McpError, McpHttpOptions, McpServer, McpServerConfig};
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolExecutor, ToolOutput};

use crate::scripted::{here, is_server, process};
use crate::support::{Executor, Listener, call, connect, context, fail, text, tool};

/// Says again what it was told.
#[derive(Debug)]
struct Echo(SessionId);

impl Agent for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        let (session, turn) = (self.0.clone(), TurnId::generate());
        TurnStream::new(session.clone(), turn, |_| async move {
            assert!(input.text() != "panic", "as you wish");
            let mut answer = format!("{session}: {}", input.text());
            if let Some(trace) = input.trace() {
                answer = format!("{trace} {}", trace.state().unwrap_or_default());
            }
            Ok(ChatResponse::new(
                session,
                turn,
                Arc::new(Message::assistant(answer)),
            ))
        })
    }
}

/// Does what its name says.
#[derive(Debug)]
struct Named(ToolSpec);

impl Named {
    fn with_effect(name: &str, effect: Effect) -> Arc<dyn Tool> {
        let schema = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
        Arc::new(Self(
            ToolSpec::new(name, "Says it again", schema).with_effect(effect),
        ))
    }
}

#[async_trait]
impl Tool for Named {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        match &*self.0.name {
            "step" => {
                cx.progress("half way");
                Ok("arrived".into())
            }
            "fail" => Err(ToolError::failed("as you wish")),
            "wait" => std::future::pending().await,
            "rest" => {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                Ok("rested".into())
            }
            "place" => Ok(cx
                .trace
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default()
                .into()),
            _ => Ok(arguments["text"].as_str().unwrap_or_default().into()),
        }
    }
}

fn server() -> McpServer {
    let executor = Executor::default();
    for (name, effect) in [
        ("say", Effect::ReadOnly),
        ("fail", Effect::Write),
        ("wait", Effect::Idempotent),
        ("rest", Effect::ReadOnly),
        ("step", Effect::ReadOnly),
        ("erase", Effect::Destructive),
        ("chat", Effect::Destructive),
    ] {
        executor.register(Named::with_effect(name, effect)).unwrap();
    }
    McpServer::new("ours")
        .instructions("Be kind")
        .tools(Arc::new(executor))
        .agents(|session| Arc::new(Echo(session.clone())))
}

async fn check(client: &McpClient) {
    let effects = client
        .tools()
        .iter()
        .map(|tool| (tool.spec().name.clone(), tool.spec().effect))
        .collect::<Vec<_>>();
    let expected = [
        ("chat", Effect::Write),
        ("erase", Effect::Destructive),
        ("fail", Effect::Write),
        ("rest", Effect::ReadOnly),
        ("say", Effect::ReadOnly),
        ("step", Effect::ReadOnly),
        ("wait", Effect::Idempotent),
    ];
    let name = |tool: &str| format!("mcp_{}_{tool}", client.name());
    assert_eq!(effects, expected.map(|(tool, effect)| (name(tool), effect)));
    let say = tool(client, "say");
    assert_eq!(say.spec().description, "Says it again");
    assert_eq!(
        say.spec().input_schema["properties"]["text"]["type"],
        "string"
    );

    let said =
        async |tool: &str, arguments: Value| text(&call(client, tool, arguments).await.unwrap());
    assert_eq!(said("say", json!({ "text": "größe" })).await, "größe");
    assert_eq!(
        said("chat", json!({ "message": "hello" })).await,
        "mcp: hello"
    );
    assert_eq!(
        said("chat", json!({ "message": "hello", "session": "mine" })).await,
        "mine: hello"
    );
    let large = "x".repeat(3 << 20);
    assert_eq!(said("say", json!({ "text": large })).await, large);

    assert_eq!(fail(client, "fail").await.to_string(), "as you wish");
    assert_eq!(
        fail(client, "erase").await.to_string(),
        "nobody is here to be asked: May it?"
    );
    assert!(matches!(
        fail(client, "chat").await,
        ToolError::InvalidArguments(_)
    ));
    let wrong = call(
        client,
        "chat",
        json!({ "message": "hello", "seson": "mine" }),
    )
    .await
    .unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "invalid arguments: `seson` is not an argument of `chat`"
    );
    let panicked = call(client, "chat", json!({ "message": "panic" }))
        .await
        .unwrap_err();
    assert_eq!(
        panicked.to_string(),
        "the turn broke off: panicked: as you wish"
    );

    let listener = Arc::new(Listener::default());
    let cx = context().with_listener(listener.clone());
    let rested = tool(client, "rest").call(&cx, json!({})).await.unwrap();
    assert_eq!((&*text(&rested), listener.heard()), ("rested", vec![None]));

    let listener = Arc::new(Listener::default());
    let cx = context().with_listener(listener.clone());
    let stepped = tool(client, "step").call(&cx, json!({})).await.unwrap();
    let heard = vec![Some("half way".to_owned())];
    assert_eq!((&*text(&stepped), listener.heard()), ("arrived", heard));

    let wait = tool(client, "wait");
    for _ in 0..70 {
        // More than run at the same time: a call that was dropped gives its place to another.
        let cx = context();
        let wait = tokio::time::timeout(Duration::from_millis(10), wait.call(&cx, json!({})));
        assert!(wait.await.is_err());
    }
    assert_eq!(
        said("say", json!({ "text": "still here" })).await,
        "still here"
    );
}

#[tokio::test]
async fn over_pipes_all_that_is_offered_can_be_called() {
    if is_server(here!()) {
        server().serve_stdio().await.unwrap();
        std::process::exit(0);
    }
    let (config, _folder) = process(here!());
    let client = connect(config.trust_annotations()).await;
    check(&client).await;
    client.shutdown().await;
}

/// Serves over HTTP until it is dropped.
pub(crate) struct Serving {
    pub(crate) url: String,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    async fn start(address: &str, options: McpHttpOptions) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server().serve_http(listener, options, async {
            let _ = stopped.await;
        }));
        Self {
            url,
            stop: Some(stop),
            task,
        }
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn over_http_all_that_is_offered_can_be_called() {
    let serving = Serving::start("127.0.0.1:0", McpHttpOptions::default()).await;
    let client = connect(McpServerConfig::http("ours", &serving.url).trust_annotations()).await;
    check(&client).await;
    client.shutdown().await;
    serving.stop().await;
}

#[tokio::test]
async fn over_http_only_those_are_served_who_may_be() {
    let serving = Serving::start("127.0.0.1:0", McpHttpOptions::default().token("sesame")).await;
    let config = McpServerConfig::http("ours", &serving.url);
    let header = |config: McpServerConfig, name: &'static str, value: &'static str| {
        let name = victor_http::header::HeaderName::from_static(name);
        config.header(name, victor_http::header::HeaderValue::from_static(value))
    };
    let refused = async |config: McpServerConfig| {
        let error = McpClient::connect(config).await.unwrap_err();
        assert!(matches!(error, McpError::Refused { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
    };
    refused(config.clone()).await;
    refused(header(config.clone(), "authorization", "Bearer wrong")).await;
    let right = header(config, "authorization", "Bearer sesame");
    refused(header(right.clone(), "origin", "https://evil.example")).await;
    refused(header(right.clone(), "host", "evil.example")).await;
    let client = connect(right).await;
    assert_eq!(
        text(&call(&client, "say", json!({ "text": "a" })).await.unwrap()),
        "a"
    );
    assert!(!format!("{:?}", McpHttpOptions::default().token("sesame")).contains("sesame"));

    let elsewhere = McpServerConfig::http("ours", serving.url.replace("/mcp", "/other"));
    let error = McpClient::connect(elsewhere).await.unwrap_err();
    assert!(matches!(error, McpError::Protocol { .. }), "{error:?}");
}

/// Sends a request as a browser does, and returns the head of the answer.
async fn asked(url: &str, head: &str, body: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (method, headers) = head.split_once(' ').unwrap();
    let request = format!(
        "{method} /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nconnection: close\r\n\
         content-length: {}\r\n{headers}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn over_http_pages_of_this_machine_and_of_named_origins_are_served() {
    let options = McpHttpOptions::default()
        .origin("https://app.example")
        .token("sesame");
    let serving = Serving::start("127.0.0.1:0", options).await;
    let initialize = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": { "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } },
    }).to_string();
    let check = async |origin: &str, expected: &str| {
        let head = format!("POST origin: {origin}\r\nauthorization: Bearer sesame");
        let answer = asked(&serving.url, &head, &initialize).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {expected}")),
            "{origin}: {answer}"
        );
        let preflight =
            format!("OPTIONS origin: {origin}\r\naccess-control-request-headers: authorization");
        let allowed = asked(&serving.url, &preflight, "").await;
        let named = format!("access-control-allow-origin: {origin}\r\n");
        let is_served = expected == "200";
        assert_eq!(answer.contains(&named), is_served, "{answer}");
        assert_eq!(allowed.contains(&named), is_served, "{allowed}");
        assert_eq!(
            allowed.contains("access-control-allow-headers: authorization"),
            is_served
        );
    };
    check("http://localhost:6274", "200").await;
    check("https://app.example", "200").await;
    check("https://evil.example", "403").await;
    check("null", "403").await;
    let unnamed = asked(&serving.url, "POST origin: http://localhost", &initialize).await;
    assert!(unnamed.starts_with("HTTP/1.1 401"), "{unnamed}");
}

#[tokio::test]
async fn a_tool_that_there_is_not_is_an_error_of_the_protocol() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(theirs);
    let serving = tokio::spawn(server().serve(input, output));
    let (reader, mut writer) = tokio::io::split(ours);
    let mut lines = tokio::io::BufReader::new(reader).lines();
    let mut ask = async |id: u32, method: &str, params: Value| {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        writer
            .write_all(format!("{request}\n").as_bytes())
            .await
            .unwrap();
        let line = lines.next_line().await.unwrap().unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let client = json!({ "name": "c", "version": "1" });
    let hello =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
    assert_eq!(
        ask(0, "initialize", hello).await["result"]["serverInfo"]["name"],
        "ours"
    );
    let missing = ask(1, "tools/call", json!({ "name": "none", "arguments": {} })).await;
    assert_eq!(missing["error"]["code"], -32602, "{missing}");
    let denied = ask(2, "tools/call", json!({ "name": "erase", "arguments": {} })).await;
    assert_eq!(denied["result"]["isError"], true, "{denied}");
    drop((writer, lines));
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn over_http_a_server_that_was_away_is_found_again() {
    let serving = Serving::start("127.0.0.1:0", McpHttpOptions::default()).await;
    let url = serving.url.clone();
    let client = connect(McpServerConfig::http("ours", &url)).await;
    let say = async || call(&client, "say", json!({ "text": "a" })).await;
    assert_eq!(text(&say().await.unwrap()), "a");
    serving.stop().await;
    let error = say().await.unwrap_err();
    assert!(matches!(error, ToolError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("no effect"), "{error}");

    let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
    let _serving = Serving::start(address, McpHttpOptions::default()).await;
    let mut answer = say().await;
    for _ in 0..100 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = say().await;
    }
    assert_eq!(text(&answer.unwrap()), "a");
}

#[tokio::test]
async fn one_agent_has_one_conversation() {
    if is_server(here!()) {
        let server = McpServer::new("ours").agent(Arc::new(Echo(SessionId::new("only"))));
        server.serve_stdio().await.unwrap();
        std::process::exit(0);
    }
    let (config, _folder) = process(here!());
    let client = connect(config).await;
    assert_eq!(client.tools().len(), 1);
    let chat = tool(&client, "chat");
    let schema = &chat.spec().input_schema;
    assert!(schema["properties"]["session"].is_null(), "{schema}");
    assert_eq!(
        text(
            &call(&client, "chat", json!({ "message": "a" }))
                .await
                .unwrap()
        ),
        "only: a"
    );
}

#[tokio::test]
async fn the_place_in_a_trace_goes_along_to_tools_and_agents() {
    if is_server(here!()) {
        let executor = Executor::default();
        let place = Named::with_effect("place", Effect::ReadOnly);
        executor.register(place).unwrap();
        let server = McpServer::new("ours").tools(Arc::new(executor));
        let server = server.agent(Arc::new(Echo(SessionId::new("only"))));
        server.serve_stdio().await.unwrap();
        std::process::exit(0);
    }
    let (config, _folder) = process(here!());
    let client = connect(config).await;
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::parse(header).unwrap().with_state("a=1");
    let traced = context().with_trace(Some(trace));
    for (cx, tool_says, agent_says) in [
        (&traced, header, format!("{header} a=1")),
        (&context(), "", "only: hi".to_owned()),
    ] {
        let output = tool(&client, "place").call(cx, json!({})).await.unwrap();
        assert_eq!(text(&output), tool_says);
        let asked = json!({ "message": "hi" });
        let output = tool(&client, "chat").call(cx, asked).await.unwrap();
        assert_eq!(text(&output), agent_says);
    }
}
