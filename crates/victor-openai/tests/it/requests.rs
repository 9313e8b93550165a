//! What is sent, rule by rule.

use serde_json::{Value, json};
use victor_core::{
    Context, Document, Image, MediaSource, Message, Opaque, Part, Role, SessionId, Thinking,
    ToolCall, ToolOutcome, ToolResult, ToolSpec, TraceContext,
};
use victor_openai::{
    Dialect, InstructionRole, MaxTokensField, Quirks, ReasoningField, ReasoningReplay, Server,
};
use victor_provider_protocol::{ChatProvider, ChatRequest, ResponseFormat, ToolChoice};

use crate::fake::{Fake, Reply};

const CHAT: Dialect = Dialect::ChatCompletions;
const RESPONSES: Dialect = Dialect::Responses;

async fn body(server: Server, dialect: Dialect, request: &ChatRequest) -> Value {
    let fake = Fake::saying(Reply::json("{}")).await;
    let _ = fake.provider(server, dialect).chat(request).await;
    let asked = fake.asked();
    let path = if dialect == CHAT {
        "/v1/chat/completions"
    } else {
        "/v1/responses"
    };
    assert_eq!(asked[0].path, path);
    serde_json::from_str(&asked[0].body).unwrap()
}

#[tokio::test]
async fn a_request_without_a_model_goes_to_the_default_one() {
    let fake = Fake::saying(Reply::json("{}")).await;
    let provider = fake.builder(Server::COMPATIBLE, CHAT).default_model("mine");
    let context = Context::from_iter([Message::user("Hi")]);
    let request = ChatRequest::to_current_model(context);
    let _ = provider.build().unwrap().chat(&request).await;
    let body: Value = serde_json::from_str(&fake.asked()[0].body).unwrap();
    assert_eq!(body["model"], "mine");
}

fn request(messages: impl IntoIterator<Item = Message>) -> ChatRequest {
    ChatRequest::new("m", Context::from_iter(messages))
}

/// What a conversation becomes, in one dialect.
async fn check(
    server: Server,
    dialect: Dialect,
    messages: impl IntoIterator<Item = Message>,
    expected: Value,
) {
    let body = body(server, dialect, &request(messages)).await;
    let found = if dialect == CHAT {
        &body["messages"]
    } else {
        &body["input"]
    };
    assert_eq!(*found, expected, "{found:#}");
}

fn image(source: MediaSource) -> Part {
    Part::Image(Image::new(source))
}

fn document(source: MediaSource, title: Option<&str>) -> Part {
    Part::Document(Document::new(source).with_title(title.map(str::to_owned)))
}

fn base64(media_type: &str) -> MediaSource {
    MediaSource::Base64 {
        media_type: media_type.to_owned(),
        data: "QUJD".to_owned(),
    }
}

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall::new(id, "look", arguments)
}

fn thinking(provider: &str) -> Part {
    Part::Thinking(Thinking::new("Hm.").with_provider(provider.to_owned()))
}

fn opaque(provider: &str, kind: &str, data: &str) -> Part {
    Part::Opaque(Opaque::new(provider, kind, data))
}

#[tokio::test]
async fn the_fields_of_chat_completions() {
    let mut request = request([Message::user("hi")]);
    assert_eq!(
        body(Server::COMPATIBLE, CHAT, &request).await,
        json!({"model": "m", "stream": false, "messages": [{"role": "user", "content": "hi"}]})
    );
    request.system = Some("Be brief.".into());
    request.max_output_tokens = Some(9);
    request.temperature = Some(0.5);
    request.stop_sequences = vec!["END".to_owned()];
    request.session = Some(SessionId::new("é".repeat(70)));
    request.tool_choice = ToolChoice::Required;
    request.extra.insert("temperature".to_owned(), 1.into());
    request.extra.insert("seed".to_owned(), 7.into());
    assert_eq!(
        body(Server::OPENAI, CHAT, &request).await,
        json!({
            "model": "m", "stream": false, "max_completion_tokens": 9, "temperature": 1, "stop": ["END"], "seed": 7,
            "prompt_cache_key": "é".repeat(64),
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
        })
    );
    let local = body(Server::OLLAMA, CHAT, &request).await;
    assert_eq!(
        (&local["max_tokens"], local.get("prompt_cache_key")),
        (&json!(9), None)
    );
}

#[tokio::test]
async fn the_fields_of_the_responses_api() {
    let mut request = request([Message::user("hi")]);
    request.system = Some("Be brief.".into());
    request.max_output_tokens = Some(9);
    request.session = Some(SessionId::new("s"));
    let expected = json!({
        "model": "m", "stream": false, "store": false, "max_output_tokens": 9, "instructions": "Be brief.",
        "prompt_cache_key": "s", "input": [{"role": "user", "content": "hi"}]
    });
    assert_eq!(body(Server::OPENAI, RESPONSES, &request).await, expected);
    // Only models that think have reasoning to be asked for.
    request.model = Some("gpt-5".into());
    let include = body(Server::OPENAI, RESPONSES, &request).await["include"].clone();
    assert_eq!(include, json!(["reasoning.encrypted_content"]));
}

#[tokio::test]
async fn the_form_of_the_answer() {
    let schema = json!({"type": "object"});
    let mut format = ResponseFormat::new("city", schema.clone());
    format.strict = true;
    let mut request = request([Message::user("hi")]);
    request.response_format = Some(format.into());
    let wanted = json!({"name": "city", "schema": schema, "strict": true});
    let chat = body(Server::COMPATIBLE, CHAT, &request).await;
    assert_eq!(
        chat["response_format"],
        json!({"type": "json_schema", "json_schema": wanted})
    );
    let mut wanted = wanted;
    wanted["type"] = json!("json_schema");
    let responses = body(Server::COMPATIBLE, RESPONSES, &request).await;
    assert_eq!(responses["text"], json!({ "format": wanted }));
}

#[tokio::test]
async fn the_callers_fields_take_the_place_of_ours() {
    let mut request = request([Message::user("hi")]);
    request.temperature = Some(0.5);
    for (field, value) in [
        ("temperature", json!(1)),
        ("messages", json!([])),
        ("input", json!([])),
    ] {
        request.extra.insert(field.to_owned(), value);
    }
    for (dialect, conversation) in [(CHAT, "messages"), (RESPONSES, "input")] {
        let fake = Fake::saying(Reply::json("{}")).await;
        let _ = fake
            .provider(Server::COMPATIBLE, dialect)
            .chat(&request)
            .await;
        let sent = fake.asked()[0].body.clone();
        for field in ["temperature", conversation] {
            let field = format!("\"{field}\":");
            assert_eq!(sent.matches(&field).count(), 1, "{sent}");
        }
        assert!(
            !sent.contains("hi") && sent.contains("\"temperature\":1"),
            "{sent}"
        );
    }
}

#[tokio::test]
async fn tools_and_which_of_them() {
    let schema = json!({"type": "object"});
    let mut request = request([Message::user("hi")]);
    let mut tool = ToolSpec::new("look", "Looks", schema.clone());
    request.tools = [tool.clone()].into();
    for (choice, chat, responses) in [
        (ToolChoice::Auto, Value::Null, Value::Null),
        (ToolChoice::None, json!("none"), json!("none")),
        (ToolChoice::Required, json!("required"), json!("required")),
        (
            ToolChoice::Named("look".to_owned()),
            json!({"type": "function", "function": {"name": "look"}}),
            json!({"type": "function", "name": "look"}),
        ),
    ] {
        request.tool_choice = choice;
        let sent = body(Server::COMPATIBLE, CHAT, &request).await;
        assert_eq!(sent["tool_choice"], chat);
        let function = json!({"name": "look", "description": "Looks", "parameters": schema});
        assert_eq!(
            sent["tools"],
            json!([{"type": "function", "function": function}])
        );
        let sent = body(Server::COMPATIBLE, RESPONSES, &request).await;
        assert_eq!(sent["tool_choice"], responses);
        let mut function = function;
        function["type"] = json!("function");
        function["strict"] = json!(false);
        assert_eq!(sent["tools"], json!([function]));
    }
    tool.extra.insert("openai", json!({"strict": true}));
    request.tools = [tool].into();
    assert_eq!(
        body(Server::COMPATIBLE, CHAT, &request).await["tools"][0]["function"]["strict"],
        true
    );
    assert_eq!(
        body(Server::COMPATIBLE, RESPONSES, &request).await["tools"][0]["strict"],
        true
    );
}

#[tokio::test]
async fn pictures_and_documents() {
    let parts = || {
        vec![
            Part::text("What is this?"),
            image(base64("image/png")),
            image(MediaSource::Url("http://i".to_owned())),
            image(MediaSource::File("f1".to_owned())),
            document(base64("application/pdf"), Some("a.pdf")),
            document(MediaSource::Url("http://d".to_owned()), None),
            document(MediaSource::File("f2".to_owned()), None),
        ]
    };
    let message = || Message::new(Role::User, parts());
    check(Server::COMPATIBLE, CHAT, [message()], json!([{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
        {"type": "image_url", "image_url": {"url": "http://i"}},
        {"type": "text", "text": "[a picture that cannot be shown here]"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"}},
        {"type": "text", "text": "http://d"},
        {"type": "file", "file": {"file_id": "f2"}},
    ]}])).await;
    check(Server::COMPATIBLE, RESPONSES, [message()], json!([{"role": "user", "content": [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": "data:image/png;base64,QUJD"},
        {"type": "input_image", "image_url": "http://i"},
        {"type": "input_image", "file_id": "f1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
        {"type": "input_file", "file_url": "http://d"},
        {"type": "input_file", "file_id": "f2"},
    ]}])).await;
}

#[tokio::test]
async fn calls_and_their_results() {
    let (a, b) = (call("a", "{ \"x\": 1.0 }"), call("b", " "));
    let shown = ToolResult::with_parts(
        &a,
        ToolOutcome::Success,
        vec![image(MediaSource::Url("http://i".to_owned()))],
    );
    let failed = ToolResult::new(&b, ToolOutcome::Error, "no such file");
    let messages = || {
        [
            Message::user("hi"),
            Message::new(
                Role::Assistant,
                vec![
                    Part::ToolCall(a.clone()),
                    Part::text("Both."),
                    Part::ToolCall(b.clone()),
                ],
            ),
            Message::tool_results_of([shown.clone()]),
            Message::tool_results_of([failed.clone()]),
        ]
    };
    let function = |arguments: &str| json!({"name": "look", "arguments": arguments});
    check(Server::OPENAI, CHAT, messages(), json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Both.", "tool_calls": [
            {"id": "a", "type": "function", "function": function("{ \"x\": 1.0 }")},
            {"id": "b", "type": "function", "function": function("{}")},
        ]},
        {"role": "tool", "tool_call_id": "a", "content": "The result is shown in the next message."},
        {"role": "tool", "tool_call_id": "b", "content": "no such file"},
        {"role": "user", "content": [
            {"type": "text", "text": "Shown by tool look (call a):"},
            {"type": "image_url", "image_url": {"url": "http://i"}},
        ]},
    ])).await;
    check(Server::COMPATIBLE, RESPONSES, messages(), json!([
        {"role": "user", "content": "hi"},
        {"type": "message", "role": "assistant", "content": "Both."},
        {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{ \"x\": 1.0 }"},
        {"type": "function_call", "call_id": "b", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_image", "image_url": "http://i"}]},
        {"type": "function_call_output", "call_id": "b", "output": "no such file"},
    ])).await;
}

#[tokio::test]
async fn what_belongs_to_others_stays_with_us() {
    let messages = || {
        [
            Message::user("hi"),
            Message::new(
                Role::Assistant,
                vec![
                    thinking("anthropic"),
                    opaque("anthropic", "redacted_thinking", "{}"),
                ],
            ),
            Message::new(
                Role::Assistant,
                vec![thinking("anthropic"), Part::text("Hi.")],
            ),
        ]
    };
    let expected =
        json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hi."}]);
    check(Server::DEEPSEEK, CHAT, messages(), expected).await;
    // Without its type, llama.cpp does not know what an assistant's item is.
    let expected = json!([
        {"role": "user", "content": "hi"},
        {"type": "message", "role": "assistant", "content": "Hi."},
    ]);
    check(Server::DEEPSEEK, RESPONSES, messages(), expected).await;
}

#[tokio::test]
async fn quirks_change_what_they_say() {
    let messages = |provider: &str| {
        [
            Message::system("Be brief."),
            Message::user("hi"),
            Message::new(
                Role::Assistant,
                vec![thinking(provider), Part::ToolCall(call("a", "{}"))],
            ),
        ]
    };
    let with = |change: fn(&mut Quirks)| {
        let mut server = Server::COMPATIBLE;
        change(&mut server.quirks);
        server
    };
    let sent = async |change: fn(&mut Quirks)| {
        body(with(change), CHAT, &request(messages("openai-compatible"))).await["messages"].clone()
    };
    assert_eq!(sent(|_| {}).await[2]["content"], Value::Null);
    assert_eq!(
        sent(|quirks| quirks.empty_content = true).await[2]["content"],
        ""
    );
    assert_eq!(
        sent(|quirks| quirks.instruction_role = InstructionRole::Developer).await[0]["role"],
        "developer"
    );
    let content = sent(|quirks| {
        quirks.reasoning_replay = ReasoningReplay::Required(ReasoningField::ReasoningContent);
    })
    .await;
    assert_eq!(content[2]["reasoning_content"], "Hm.");
    let content = sent(|quirks| {
        quirks.reasoning_replay = ReasoningReplay::Required(ReasoningField::Reasoning);
    })
    .await;
    assert_eq!(content[2]["reasoning"], "Hm.");
    let mut limited = request([Message::user("hi")]);
    limited.max_output_tokens = Some(3);
    let server = with(|quirks| quirks.max_tokens = MaxTokensField::MaxCompletionTokens);
    assert_eq!(
        body(server, CHAT, &limited).await["max_completion_tokens"],
        3
    );

    for (asked, options) in [(true, json!({"include_usage": true})), (false, Value::Null)] {
        let fake = Fake::saying(Reply::json("{}")).await;
        let server = if asked {
            Server::COMPATIBLE
        } else {
            with(|quirks| quirks.stream_options = false)
        };
        let _ = fake.provider(server, CHAT).stream_chat(&limited).await;
        let sent: Value = serde_json::from_str(&fake.asked()[0].body).unwrap();
        assert_eq!(
            (&sent["stream"], &sent["stream_options"]),
            (&json!(true), &options)
        );
    }
}

#[tokio::test]
async fn reasoning_goes_back_only_where_it_can_be_read_and_is_followed() {
    let sealed = r#"{"type":"reasoning","id":"rs","encrypted_content":"seal"}"#;
    let unsealed = r#"{"type":"reasoning","id":"rs","encrypted_content":null}"#;
    let search = r#"{"type":"web_search_call","id":"ws"}"#;
    let named = |text: &str| {
        let mut part = victor_core::Text::new(text);
        part.extra.insert("openai", json!({"id": "ms"}));
        Part::Text(part)
    };
    let name = Server::COMPATIBLE.name;
    let sent = async |parts: Vec<Part>| {
        let messages = [Message::user("hi"), Message::new(Role::Assistant, parts)];
        let body = body(Server::COMPATIBLE, RESPONSES, &request(messages)).await;
        let items = body["input"].as_array().unwrap()[1..].iter();
        items
            .map(|item| item["id"].as_str().unwrap_or("-").to_owned())
            .collect::<Vec<_>>()
    };
    let reasoning = |data| opaque(name, "reasoning", data);
    assert_eq!(
        sent(vec![reasoning(sealed), named("a")]).await,
        ["rs", "ms"]
    );
    assert_eq!(sent(vec![reasoning(unsealed), named("a")]).await, ["-"]);
    assert_eq!(sent(vec![named("a"), reasoning(sealed)]).await, ["-"]);
    assert_eq!(sent(vec![reasoning("no json"), named("a")]).await, ["-"]);
    let searched = opaque(name, "web_search_call", search);
    assert_eq!(
        sent(vec![reasoning(sealed), searched.clone(), named("a")]).await,
        ["rs", "ws", "ms"]
    );
    assert_eq!(sent(vec![searched, named("a")]).await, ["ws", "-"]);
    // Who stores the conversation there need not send the seal.
    let mut stored = request([
        Message::user("hi"),
        Message::new(Role::Assistant, vec![reasoning(unsealed), named("a")]),
    ]);
    stored.extra.insert("store".to_owned(), true.into());
    assert_eq!(
        body(Server::COMPATIBLE, RESPONSES, &stored).await["input"][1]["id"],
        "rs"
    );
}

#[tokio::test]
async fn the_place_in_a_trace_goes_along_in_headers() {
    let fake = Fake::saying(Reply::json("{}")).await;
    let provider = fake.provider(Server::COMPATIBLE, CHAT);
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut request = request([Message::user("Hi")]);
    for (trace, parent, state) in [(None, "", ""), (TraceContext::parse(header), header, "a=1")] {
        request.trace = trace.map(|trace| trace.with_state(state));
        let _ = provider.chat(&request).await;
        let asked = fake.asked().pop().unwrap();
        let sent = (asked.header("traceparent"), asked.header("tracestate"));
        assert_eq!(sent, (parent, state));
        assert!(
            !asked.body.contains("4bf92f35"),
            "it is no part of the body"
        );
    }
}
