use serde_json::{Value, json};
use victor_core::{
    Context, Document, Effect, Health, HealthStatus, Image, MediaSource, Message, MessageId,
    Opaque, Part, Role, StopReason, Text, Thinking, ToolCall, ToolOutcome, ToolResult, ToolSpec,
    Usage,
};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn call() -> ToolCall {
    let mut call = ToolCall::new("call_1", "read_file", r#"{"path": "a.txt"}"#);
    call.idempotency_key = "turn/0/call_1".into();
    call
}

/// A message with every kind of part.
fn every_part() -> Message {
    let base64 = MediaSource::Base64 {
        media_type: "image/png".into(),
        data: "AAEC".into(),
    };
    let parts = vec![
        Part::text("Hello"),
        Part::Image(Image::new(base64)),
        Part::Document(
            Document::new(MediaSource::Url("https://example.com/a.pdf".into()))
                .with_title("A".to_owned()),
        ),
        Part::Document(Document::new(MediaSource::File("file_1".into()))),
        Part::Thinking(
            Thinking::new("Hm")
                .with_signature("sig".to_owned())
                .with_provider("anthropic".to_owned()),
        ),
        Part::ToolCall(call()),
        Part::ToolResult(ToolResult::with_parts(
            &call(),
            ToolOutcome::Success,
            vec![Part::text("contents")],
        )),
        Part::Opaque(Opaque::new(
            "anthropic",
            "redacted_thinking",
            r#"{"data": "x"}"#,
        )),
    ];
    Message::with_id(MessageId::from_u128(1), Role::Assistant, parts)
        .pinned()
        .with_model("claude-sonnet-4-5".into())
        .with_extra("ticket", 7)
}

fn context() -> Context {
    let user = Message::with_id(MessageId::from_u128(0), Role::User, vec![Part::text("Hi")]);
    let mut context = Context::from_iter([user, every_part()]);
    context.set_metadata("current_task", "review");
    context
}

fn usage() -> Usage {
    let mut usage = Usage::new(1, 20);
    (usage.cache_read, usage.cache_write, usage.reasoning) = (3, 4, 5);
    usage.extra.insert("searches", 6);
    usage
}

fn spec() -> ToolSpec {
    let schema = json!({ "type": "object", "properties": { "path": { "type": "string" } } });
    ToolSpec::new("read_file", "Reads a file", schema).with_effect(Effect::ReadOnly)
}

#[test]
fn message() {
    check_golden(HERE, "message", &every_part());
    check_unknown_fields("message", &every_part(), &[]);
}

#[test]
fn context_of_messages() {
    check_golden(HERE, "context", &context());
    check_unknown_fields("context", &context(), &[]);
}

#[test]
fn tool_spec() {
    check_golden(HERE, "tool_spec", &spec());
    check_unknown_fields("tool_spec", &spec(), &[]);
}

#[test]
fn usage_of_a_call() {
    check_golden(HERE, "usage", &usage());
    check_unknown_fields("usage", &usage(), &[]);
}

#[test]
fn health() {
    let health = Health::from_problems("config", vec!["database: connection refused".into()]);
    assert_eq!(health.status, HealthStatus::Degraded);
    check_golden(HERE, "health", &health);
}

/// Every word of every list of words, each in its place.
#[test]
fn words() {
    #[track_caller]
    fn check<T>(words: &[&str])
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        for word in words {
            check_survives::<T>(&json!(word));
        }
    }
    check::<Role>(&["system", "user", "assistant", "tool", "critic"]);
    check::<StopReason>(&[
        "end_turn",
        "tool_use",
        "max_tokens",
        "stop_sequence",
        "refusal",
        "pause_turn",
        "context_full",
        "solar_flare",
    ]);
    check::<ToolOutcome>(&[
        "success",
        "error",
        "rejected",
        "denied",
        "timed_out",
        "cancelled",
        "lost",
    ]);
    check::<Effect>(&["read_only", "idempotent", "write", "destructive"]);
    check::<HealthStatus>(&["healthy", "degraded", "unhealthy"]);
    assert_eq!(Role::from("critic"), Role::Other("critic".into()));
    assert_eq!(StopReason::from("refusal"), StopReason::Refusal);
    assert_eq!(ToolOutcome::from("timed_out"), ToolOutcome::TimedOut);
    // An effect decides what may run, so one that is not known is no effect at all.
    check_refused::<Effect>(&json!("annihilating"), "unknown variant `annihilating`");
}

fn with_part(part: &Value) -> Value {
    let id = MessageId::from_u128(1).to_string();
    json!({ "version": 1, "id": id, "role": "user", "parts": [part] })
}

#[test]
fn unknown_variants_survive() {
    let video = json!({ "type": "video", "source": { "url": "u" }, "frames": [1, 2] });
    check_survives::<Message>(&with_part(&video));
    let part: Part = serde_json::from_value(video).unwrap();
    assert_eq!(part.kind(), "video");

    for source in [
        json!({ "bucket": { "name": "b", "key": "k" } }),
        json!({ "url": "u", "expires": 1 }),
        json!({ "base64": { "media_type": "m", "data": "", "encoding": "url" } }),
        json!({}),
    ] {
        check_survives::<Message>(&with_part(&json!({ "type": "image", "source": source })));
    }

    let mut message = with_part(&json!({ "type": "text", "text": "t" }));
    message["role"] = "critic".into();
    check_survives::<Message>(&message);
    check_survives::<Context>(&json!({ "version": 1, "messages": [message] }));
}

#[test]
fn a_known_variant_with_a_body_that_does_not_fit_is_an_error() {
    let check = |part: Value, expected: &str| check_refused::<Message>(&with_part(&part), expected);
    check(json!({ "type": "text" }), "in `text`: missing field `text`");
    check(
        json!({ "type": "text", "text": 1 }),
        "in `text`: invalid type",
    );
    check(
        json!({ "type": "image" }),
        "in `image`: missing field `source`",
    );
    check(
        json!({ "type": "image", "source": { "base64": { "data": "" } } }),
        "in `image`: in `source`: missing field `media_type`",
    );
    check(
        json!({ "type": "document", "source": { "url": 1 } }),
        "in `document`: in `source`: invalid type",
    );
    check(
        json!({ "type": "tool_call", "id": "1" }),
        "in `tool_call`: missing field `name`",
    );
    check(
        json!({ "type": "tool_result", "call_id": "1", "name": "n", "outcome": "error", "content": [{ "type": "text" }] }),
        "in `tool_result`: in `text`: missing field `text`",
    );
    check(
        json!({ "type": "opaque" }),
        "in `opaque`: missing field `provider`",
    );
    check(json!({ "text": "t" }), "missing field `type`");
    check(
        json!({ "type": 1 }),
        "field `type` must be a string, found 1",
    );
}

#[test]
fn what_was_written_by_hand_needs_little() {
    let text: Text = serde_json::from_value(json!({ "text": "t" })).unwrap();
    assert_eq!(text, Text::new("t"));
    let usage: Usage = serde_json::from_value(json!({ "output": 2 })).unwrap();
    assert_eq!(usage, Usage::new(0, 2));
    let context: Context = serde_json::from_value(json!({ "messages": [] })).unwrap();
    assert_eq!(context, Context::default());
}
