//! What becomes of histories that strict servers refuse as they are.

use serde_json::{Value, json};
use victor_core::{
    Context, Image, MediaSource, Message, Part, Role, Text, Thinking, ToolCall, ToolOutcome,
    ToolResult,
};
use victor_http::HttpBody;
use victor_openai::{CallIdForm, Dialect, OpenAiProvider, Server};
use victor_provider_protocol::ChatRequest;

const CHAT: Dialect = Dialect::ChatCompletions;
const RESPONSES: Dialect = Dialect::Responses;

fn body(server: Server, dialect: Dialect, request: &ChatRequest) -> Value {
    let provider = OpenAiProvider::builder()
        .server(server)
        .dialect(dialect)
        .base_url("http://localhost")
        .build();
    let body = provider.unwrap().request_body(request, false);
    serde_json::from_slice(&body.as_ref().map(HttpBody::to_bytes).unwrap()).unwrap()
}

#[track_caller]
fn check(server: Server, dialect: Dialect, messages: &[Message], expected: &Value) {
    let context = messages.iter().cloned().collect();
    let body = body(server, dialect, &ChatRequest::new("m", context));
    let list = ["messages", "input"][usize::from(dialect == RESPONSES)];
    assert_eq!(body[list], *expected, "{:#}", body[list]);
}

fn user(content: impl Into<Value>) -> Value {
    json!({"role": "user", "content": content.into()})
}

fn model(content: &str) -> Value {
    json!({"role": "assistant", "content": content})
}

/// The same in the Responses API.
fn wrote(content: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": content})
}

fn calls(calls: &[ToolCall]) -> Message {
    let calls = calls.iter().cloned().map(Part::from);
    Message::new(Role::Assistant, calls.collect())
}

fn results(calls: &[ToolCall]) -> Message {
    let result = |call| ToolResult::new(call, ToolOutcome::Success, "ok");
    Message::tool_results_of(calls.iter().map(result))
}

#[test]
fn neighbours_of_one_role_are_one_message() {
    let messages = [
        Message::user("a"),
        Message::note("7 earlier messages left out"),
        Message::new(Role::User, vec![Part::text(" ")]),
        Message::assistant("b"),
        Message::assistant("\n"),
        Message::assistant("c"),
        Message::user("d"),
    ];
    let asked = user("a\n\n7 earlier messages left out\n\n(empty)");
    let expected = json!([asked, model("b\n\nc"), user("d")]);
    check(Server::COMPATIBLE, CHAT, &messages, &expected);
    check(Server::OPENAI, CHAT, &messages, &expected);
    let expected = json!([asked, wrote("b\n\nc"), user("d")]);
    check(Server::COMPATIBLE, RESPONSES, &messages, &expected);
    check(Server::OPENAI, RESPONSES, &messages, &expected);
}

#[test]
fn pictures_stand_among_the_texts_of_their_message() {
    let picture = Part::Image(Image::new(MediaSource::Url("http://i".into())));
    let messages = [
        Message::user("a"),
        Message::new(Role::User, vec![Part::text("b"), picture, Part::text("")]),
        Message::user("c"),
    ];
    let text = |text: &str| json!({"type": "text", "text": text});
    let shown = json!({"type": "image_url", "image_url": {"url": "http://i"}});
    let expected = json!([user(json!([text("a"), text("b"), shown, text("c")]))]);
    check(Server::COMPATIBLE, CHAT, &messages, &expected);
    let text = |text: &str| json!({"type": "input_text", "text": text});
    let shown = json!({"type": "input_image", "image_url": "http://i"});
    let expected = json!([user(json!([text("a"), text("b"), shown, text("c")]))]);
    check(Server::COMPATIBLE, RESPONSES, &messages, &expected);
}

#[test]
fn instructions_stand_at_the_beginning() {
    let messages = [
        Message::system("b"),
        Message::system("c"),
        Message::user("d"),
        Message::system("e"),
        Message::assistant("f"),
    ];
    let mut request = ChatRequest::new("m", messages.into_iter().collect());
    request.system = Some("a".into());
    let system = |role: &str, text: &str| json!({"role": role, "content": text});
    let first = system("system", "a\n\nb\n\nc");
    assert_eq!(
        body(Server::COMPATIBLE, CHAT, &request)["messages"],
        json!([first, user("d\n\ne"), model("f")])
    );
    assert_eq!(
        body(Server::OPENAI, CHAT, &request)["messages"],
        json!([first, user("d"), system("system", "e"), model("f")])
    );
    for (server, said) in [
        (Server::COMPATIBLE, json!([user("d\n\ne"), wrote("f")])),
        (
            Server::OPENAI,
            json!([user("d"), system("system", "e"), wrote("f")]),
        ),
    ] {
        let body = body(server, RESPONSES, &request);
        let found = (&body["instructions"], &body["input"]);
        assert_eq!(found, (&json!("a\n\nb\n\nc"), &said));
    }
    // The caller's own take the place of the system prompt alone.
    request.extra.insert("instructions".into(), "own".into());
    let body = body(Server::OPENAI, RESPONSES, &request);
    assert_eq!(body["instructions"], "own");
    assert_eq!(body["input"][0], system("system", "b"));
}

#[test]
fn the_user_begins_and_the_model_answers_results() {
    let call = [ToolCall::new("c", "t", "{}")];
    let messages = [
        Message::assistant("a"),
        Message::user("b"),
        calls(&call),
        results(&call),
        Message::user("c"),
    ];
    let called =
        json!([{"id": "c", "type": "function", "function": {"name": "t", "arguments": "{}"}}]);
    let called = json!({"role": "assistant", "content": null, "tool_calls": called});
    let result = json!({"role": "tool", "tool_call_id": "c", "content": "ok"});
    let begun = user("(Earlier messages were left out.)");
    let strict = json!([
        begun,
        model("a"),
        user("b"),
        called,
        result,
        model("(no answer yet)"),
        user("c")
    ]);
    check(Server::COMPATIBLE, CHAT, &messages, &strict);
    let free = json!([model("a"), user("b"), called, result, user("c")]);
    check(Server::OPENAI, CHAT, &messages, &free);

    let called = json!({"type": "function_call", "call_id": "c", "name": "t", "arguments": "{}"});
    let result = json!({"type": "function_call_output", "call_id": "c", "output": "ok"});
    let strict = json!([
        begun,
        wrote("a"),
        user("b"),
        called,
        result,
        wrote("(no answer yet)"),
        user("c")
    ]);
    check(Server::COMPATIBLE, RESPONSES, &messages, &strict);
    let free = json!([wrote("a"), user("b"), called, result, user("c")]);
    check(Server::OPENAI, RESPONSES, &messages, &free);
}

#[test]
fn results_without_calls_and_calls_without_results() {
    let call = |id: &str| ToolCall::new(id, "t", "{}");
    let messages = [
        Message::user("a"),
        calls(&[call("1"), call("2")]),
        results(&[call("2"), call("3")]),
        Message::assistant("b"),
    ];
    let context = messages.into_iter().collect::<Context>();
    let body = body(Server::OPENAI, CHAT, &ChatRequest::new("m", context));
    let messages = body["messages"].as_array().unwrap()[2..].iter();
    let shown: Vec<(&Value, &Value)> = messages
        .map(|message| (&message["tool_call_id"], &message["content"]))
        .collect();
    let lost = json!("The result of this call was lost. The call may have had its effect.");
    let stray = json!("Result of an earlier tool call `t`: ok");
    let none = &Value::Null;
    assert_eq!(
        shown,
        [
            (&json!("2"), &json!("ok")),
            (&json!("1"), &lost),
            (none, &stray),
            (none, &json!("b"))
        ]
    );
}

#[test]
fn what_the_model_got_wrong_comes_back_as_what_it_wrote() {
    let call = [
        ToolCall::new("functions.read:0", "functions.read", r#"{"path":"d""#),
        ToolCall::new("x".repeat(83), "", r#"{"path":"\ud83d"}"#),
        ToolCall::new("", "读", "null"),
    ];
    let messages = [
        Message::user("a"),
        calls(&call),
        results(&call),
        calls(&call),
        results(&call),
    ];
    let sent = |server: Server| {
        let context = messages.iter().cloned().collect();
        let body = body(server, CHAT, &ChatRequest::new("m", context));
        let calls: Vec<(Value, Value, Value)> = [1, 5]
            .map(|at| body["messages"][at]["tool_calls"].clone())
            .iter()
            .flat_map(|calls| calls.as_array().unwrap())
            .map(|call| {
                let function = &call["function"];
                let (name, arguments) = (function["name"].clone(), function["arguments"].clone());
                (call["id"].clone(), name, arguments)
            })
            .collect();
        let results = [2, 3, 4, 6, 7, 8].map(|at| body["messages"][at]["tool_call_id"].clone());
        let ids: Vec<Value> = calls.iter().map(|(id, ..)| id.clone()).collect();
        assert_eq!(ids, results);
        calls
    };
    let ids = |server: Server| -> Vec<String> {
        let calls = sent(server).into_iter();
        calls
            .map(|(id, ..)| id.as_str().unwrap().to_owned())
            .collect()
    };
    let called = sent(Server::COMPATIBLE);
    let written: Vec<_> = called[..3]
        .iter()
        .map(|(_, name, written)| (name, written))
        .collect();
    assert_eq!(
        written,
        [
            (
                &json!("functions_read"),
                &json!(r#"{"invalid_arguments":"{\"path\":\"d\""}"#)
            ),
            (&json!("_"), &json!(r#"{"path":"\ufffd"}"#)),
            (&json!("_"), &json!(r#"{"invalid_arguments":"null"}"#)),
        ]
    );
    let x = |count: usize| "x".repeat(count);
    let plain = [
        "functions_read_0",
        &x(40),
        "call",
        "functions_read_0_2",
        &(x(38) + "_2"),
        "call_2",
    ];
    assert_eq!(ids(Server::COMPATIBLE), plain);
    let any = [
        "functions.read:0",
        &x(40),
        "call",
        "functions.read:0_2",
        &(x(38) + "_2"),
        "call_2",
    ];
    assert_eq!(ids(Server::VLLM), any);
    let mut nine = Server::COMPATIBLE;
    nine.quirks.call_ids = CallIdForm::Nine;
    let nine = ids(nine);
    assert_eq!(
        nine,
        [
            "ionsread0",
            &x(9),
            "call00000",
            "ionsread2",
            "xxxxxxxx2",
            "call00002"
        ]
    );
}

#[test]
fn calls_of_other_models_get_what_a_server_wants_of_its_own() {
    let mut server = Server::COMPATIBLE;
    server.quirks.unsigned_call = Some(r#"{"signature":"skip"}"#);
    let mut signed = ToolCall::new("b", "t", "{}");
    let own = json!({"provider": server.name, "fields": r#"{"signature":"s"}"#});
    signed.extra.insert("openai", own);
    let plain = ToolCall::new("a", "t", "{}");
    let signatures = |call: &[ToolCall]| -> Vec<Value> {
        let messages = [Message::user("a"), calls(call), results(call)];
        let context = messages.into_iter().collect();
        let body = body(server, CHAT, &ChatRequest::new("m", context));
        let calls = body["messages"][1]["tool_calls"].as_array().unwrap();
        calls.iter().map(|call| call["signature"].clone()).collect()
    };
    let (skip, own) = (json!("skip"), json!("s"));
    assert_eq!(signatures(&[signed, plain.clone()]), [own, Value::Null]);
    let other = ToolCall::new("c", "t", "{}");
    assert_eq!(signatures(&[plain, other]), [skip, Value::Null]);
}

#[test]
fn thoughts_that_stood_in_the_content_go_back_there() {
    let mut thinking = Thinking::new("Hm.").with_provider(Server::COMPATIBLE.name.to_owned());
    thinking.extra.insert("openai", json!({"field": "content"}));
    let parts = vec![thinking.into(), Text::new("Hi.").into()];
    let messages = [Message::user("a"), Message::new(Role::Assistant, parts)];
    let text = |text: &str| json!({"type": "text", "text": text});
    let content = json!([{"type": "thinking", "thinking": [text("Hm.")]}, text("Hi.")]);
    let expected = json!([user("a"), {"role": "assistant", "content": content}]);
    check(Server::COMPATIBLE, CHAT, &messages, &expected);
}
