use std::sync::Arc;

use victor_core::{
    Context, Message, Messages, Opaque, Thinking, ToolCall, ToolOutcome, ToolResult,
};
use victor_provider_protocol::ResponseFormat;
use victor_testkit::{histories, histories_with_mistakes, strict};

use super::*;

const PLAIN: Encoding<'static> = Encoding {
    model: "m",
    mode: Mode::Stream,
    max_tokens: 9,
    caching: false,
    drop_refused_thinking: false,
    thoughts: Thoughts::Sealed,
};
const CACHED: Encoding<'static> = Encoding {
    caching: true,
    ..PLAIN
};

fn request(messages: impl IntoIterator<Item = Message>) -> ChatRequest {
    ChatRequest::new("m", Context::from_iter(messages))
}

fn body(request: &ChatRequest, encoding: Encoding<'_>) -> String {
    let body = Bodies::default().encode(request, encoding).unwrap();
    String::from_utf8(body.to_bytes().into()).unwrap()
}

/// The messages, in short: a letter for the role, and the blocks.
#[track_caller]
fn check(messages: impl IntoIterator<Item = Message>, expected: &[(&str, &[&str])]) {
    let body: Value = serde_json::from_str(&body(&request(messages), PLAIN)).unwrap();
    let shown = |block: &Value| match block["type"].as_str().unwrap() {
        "text" => block["text"].as_str().unwrap().to_owned(),
        "tool_use" => format!("call {}", block["id"].as_str().unwrap()),
        "tool_result" => format!("result {}", block["tool_use_id"].as_str().unwrap()),
        other => other.to_owned(),
    };
    let turns: Vec<(&str, Vec<String>)> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| {
            (
                turn["role"].as_str().unwrap(),
                turn["content"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(shown)
                    .collect(),
            )
        })
        .collect();
    let turns: Vec<(&str, Vec<&str>)> = turns
        .iter()
        .map(|(role, blocks)| (*role, blocks.iter().map(String::as_str).collect()))
        .collect();
    let expected: Vec<(&str, Vec<&str>)> = expected
        .iter()
        .map(|(role, blocks)| (*role, blocks.to_vec()))
        .collect();
    assert_eq!(turns, expected);
}

fn calls(ids: &[&str]) -> Message {
    let calls = ids.iter().map(|id| ToolCall::new(*id, "t", "{}").into());
    Message::new(Role::Assistant, calls.collect())
}

fn result(id: &str) -> ToolResult {
    ToolResult::new(&ToolCall::new(id, "t", "{}"), ToolOutcome::Success, "ok")
}

#[test]
fn turns_alternate_and_results_come_first() {
    check(
        [
            Message::user("a"),
            Message::user("b"),
            calls(&["1", "2"]),
            Message::tool_results_of([result("1")]),
            Message::tool_results_of([result("2")]),
            Message::user("c"),
            Message::assistant("d"),
            Message::assistant("e"),
        ],
        &[
            ("user", &["a", "b"]),
            ("assistant", &["call 1", "call 2"]),
            ("user", &["result 1", "result 2", "c"]),
            ("assistant", &["d", "e"]),
        ],
    );
    check(
        [
            Message::user("a"),
            calls(&["1"]),
            Message::user("b"),
            Message::tool_results_of([result("1")]),
        ],
        &[
            ("user", &["a"]),
            ("assistant", &["call 1"]),
            ("user", &["result 1", "b"]),
        ],
    );
}

#[test]
fn what_says_nothing_is_left_out_and_turns_still_alternate() {
    let foreign = Opaque::new("openai", "k", "{}");
    let unsealed = Thinking::new("hm").with_provider("anthropic".to_owned());
    check(
        [
            Message::user(" "),
            Message::assistant("a"),
            Message::user("b"),
            Message::new(
                Role::Assistant,
                vec![foreign.into(), unsealed.into(), Part::text("\n")],
            ),
            Message::user("c"),
        ],
        &[
            ("user", &["(empty)"]),
            ("assistant", &["a"]),
            ("user", &["b", "c"]),
        ],
    );
}

#[test]
fn identifiers_that_repeat_are_told_apart() {
    check(
        [
            Message::user("a"),
            calls(&["call:0"]),
            Message::tool_results_of([result("call:0")]),
            calls(&["call:0"]),
            Message::tool_results_of([result("call:0")]),
        ],
        &[
            ("user", &["a"]),
            ("assistant", &["call call_0"]),
            ("user", &["result call_0"]),
            ("assistant", &["call call_0_2"]),
            ("user", &["result call_0_2"]),
        ],
    );
}

fn with_everything() -> ChatRequest {
    let mut request = request([Message::system("s2"), Message::user("u")]);
    request.system = Some("s1".into());
    let mut deferred = ToolSpec::new("d", "", json!({"type": "object"}));
    deferred
        .extra
        .insert("anthropic", json!({"defer_loading": true}));
    deferred.extra.insert("other", 1);
    request.tools = Arc::new([ToolSpec::new("t", "T", json!({})), deferred]);
    request.tool_choice = ToolChoice::Named("t".into());
    request.temperature = Some(0.5);
    request.stop_sequences = vec!["x".into()];
    request
}

#[test]
fn every_field_has_its_place() {
    assert_eq!(
        body(&with_everything(), CACHED),
        concat!(
            r#"{"model":"m","max_tokens":9,"stream":true,"temperature":0.5,"stop_sequences":["x"],"#,
            r#""tool_choice":{"name":"t","type":"tool"},"cache_control":{"type":"ephemeral"},"#,
            r#""tools":[{"name":"t","description":"T","input_schema":{"type":"object"},"#,
            r#""cache_control":{"type":"ephemeral"}},"#,
            r#"{"name":"d","description":"","input_schema":{"type":"object"},"defer_loading":true}],"#,
            r#""system":[{"type":"text","text":"s1"},"#,
            r#"{"type":"text","text":"s2","cache_control":{"type":"ephemeral"}}],"#,
            r#""messages":[{"role":"user","content":[{"type":"text","text":"u"}]}]}"#
        )
    );
    assert!(!body(&with_everything(), PLAIN).contains("cache_control"));
    let whole = body(
        &with_everything(),
        Encoding {
            mode: Mode::Whole,
            ..PLAIN
        },
    );
    assert!(whole.contains(r#""stream":false"#));
}

#[test]
fn fields_for_this_api_alone_go_first() {
    let mut request = with_everything();
    let extra = json!({
        "max_tokens": 7, "temperature": 1, "thinking": {"type": "disabled"}, "top_k": 3, "system": "own",
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "cache_control": {"type": "ephemeral", "ttl": "1h"}, "tool_choice": {"type": "any"},
    });
    let Value::Object(extra) = extra else {
        panic!()
    };
    request.extra = extra;
    let text = body(
        &request,
        Encoding {
            drop_refused_thinking: true,
            ..CACHED
        },
    );
    let body: Value = serde_json::from_str(&text).unwrap();
    for field in [
        "max_tokens",
        "temperature",
        "thinking",
        "top_k",
        "system",
        "tool_choice",
        "cache_control",
    ] {
        assert_eq!(body[field], request.extra[field], "{field}");
        assert_eq!(
            text.matches(&format!("\"{field}\":")).count(),
            if field == "cache_control" { 2 } else { 1 },
            "{field}"
        );
    }
    assert_eq!(
        body["tools"][0]["cache_control"],
        request.extra["cache_control"]
    );
    assert_eq!(body["tools"][2], request.extra["tools"][0]);
    assert!(
        text.ends_with(r#""messages":[{"role":"user","content":[{"type":"text","text":"u"}]}]}"#)
    );
}

#[test]
fn the_form_of_an_answer_stands_beside_what_else_is_configured() {
    let config = |request: &ChatRequest, mode: Mode| {
        let text = body(request, Encoding { mode, ..PLAIN });
        assert_eq!(text.matches("output_config").count(), 1, "{text}");
        let body: Value = serde_json::from_str(&text).unwrap();
        body["output_config"].clone()
    };
    let schema = json!({"type": "object", "properties": {}});
    let format = json!({"type": "json_schema", "schema": schema});
    let mut request = request([Message::user("u")]);
    request.response_format = Some(ResponseFormat::new("city", schema).into());
    assert_eq!(config(&request, Mode::Stream), json!({"format": format}));
    assert_eq!(config(&request, Mode::Count), json!({"format": format}));
    let own = json!({"effort": "low"});
    request.extra.insert("output_config".into(), own);
    assert_eq!(
        config(&request, Mode::Whole),
        json!({"effort": "low", "format": format})
    );
    let own = json!({"format": {"type": "text"}});
    request.extra.insert("output_config".into(), own.clone());
    assert_eq!(config(&request, Mode::Whole), own);
}

#[test]
fn counting_takes_what_counts() {
    let mut request = with_everything();
    request.extra.insert("top_k".into(), 3.into());
    request
        .extra
        .insert("thinking".into(), json!({"type": "adaptive"}));
    let body: Value = serde_json::from_str(&body(
        &request,
        Encoding {
            mode: Mode::Count,
            ..PLAIN
        },
    ))
    .unwrap();
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "messages",
            "model",
            "system",
            "thinking",
            "tool_choice",
            "tools"
        ]
    );
}

#[test]
fn choices_are_translated_where_there_are_tools() {
    let mut request = with_everything();
    for (choice, expected) in [
        (ToolChoice::Auto, Value::Null),
        (ToolChoice::None, json!({"type": "none"})),
        (ToolChoice::Required, json!({"type": "any"})),
    ] {
        request.tool_choice = choice;
        let body: Value = serde_json::from_str(&body(&request, PLAIN)).unwrap();
        assert_eq!(
            (
                &body["tool_choice"],
                body["tools"].as_array().unwrap().len()
            ),
            (&expected, 2)
        );
    }
    request.tools = Arc::default();
    assert!(!body(&request, PLAIN).contains("tool"));
}

#[test]
fn models_that_bind_their_thoughts_are_told_what_to_do() {
    let text = body(
        &request([Message::user("u")]),
        Encoding {
            drop_refused_thinking: true,
            ..PLAIN
        },
    );
    let thinking = r#""thinking":{"block_binding":{"prefix_mismatch_behavior":"drop_block"},"type":"adaptive"}"#;
    assert!(text.contains(thinking), "{text}");
}

/// A cached prefix is found again only if no byte of it changes.
#[test]
fn a_request_begins_with_the_bytes_of_the_one_before() {
    let mut compared = 0;
    for messages in histories(11, 120) {
        let mut before: Option<String> = None;
        for (index, _) in messages
            .iter()
            .enumerate()
            .filter(|(_, message)| *message.role() == Role::Assistant)
        {
            let asked: Messages = messages.iter().take(index).cloned().collect();
            let mut request = with_everything();
            request.context = Context::new(asked);
            let body = body(&request, CACHED);
            if let Some(before) = before {
                let open = before.strip_suffix("]}").unwrap();
                let open = open.strip_suffix("]}").unwrap_or(open);
                assert!(body.starts_with(open), "{open}\n{body}");
                compared += 1;
            }
            before = Some(body);
        }
    }
    assert!(compared > 300, "{compared}");
}

/// Whatever a model got wrong, no server refuses the history for it.
#[test]
fn every_history_becomes_a_request_that_the_strictest_servers_accept() {
    for thoughts in [Thoughts::Sealed, Thoughts::All] {
        let encoding = Encoding { thoughts, ..CACHED };
        for history in histories_with_mistakes(5, 100) {
            for length in 1..=history.len() {
                let messages: Messages = history.iter().take(length).cloned().collect();
                let is_asked = messages.iter().any(|message| *message.role() == Role::User);
                if !is_asked || messages.validate().is_err() {
                    continue;
                }
                let request = ChatRequest::new("m", Context::new(messages));
                let body: Value = serde_json::from_str(&body(&request, encoding)).unwrap();
                assert_eq!(strict::messages(&body), Ok(()), "{body:#}");
            }
        }
    }
}

#[test]
fn what_is_kept_changes_no_byte() {
    let kept = Bodies {
        conversations: BodyCache::new(0, usize::MAX),
        ..Bodies::default()
    };
    for (number, history) in histories_with_mistakes(7, 60).into_iter().enumerate() {
        for length in 1..=history.len() {
            let messages: Messages = history.iter().take(length).cloned().collect();
            let mut request = ChatRequest::new("m", Context::new(messages));
            request.session = Some(format!("{number}").into());
            let written = kept.encode(&request, CACHED).unwrap();
            assert_eq!(written.to_bytes(), body(&request, CACHED).as_bytes());
        }
    }
}
