//! What messages cost besides their texts.

use serde_json::json;
use victor_context_protocol::TokenCounter;
use victor_core::{
    Document, Image, MediaSource, Message, Opaque, Part, Role, Thinking, ToolCall, ToolOutcome,
    ToolResult,
};
use victor_tiktoken::{Encoding, TiktokenCounter};

/// The tokens in GPT-4o and in GPT-5.
#[track_caller]
fn check(role: Role, parts: Vec<Part>, chat: u32, harmony: u32) {
    let message = Message::new(role, parts);
    let count = |encoding| TiktokenCounter::new(encoding).count_message(&message);
    assert_eq!(
        (count(Encoding::O200kBase), count(Encoding::O200kHarmony)),
        (chat, harmony)
    );
}

fn base64(media_type: &str, length: usize) -> MediaSource {
    MediaSource::Base64 {
        media_type: media_type.into(),
        data: "A".repeat(length),
    }
}

fn document(media_type: &str, length: usize) -> Part {
    Part::Document(Document::new(base64(media_type, length)))
}

fn image() -> Part {
    Part::Image(Image::new(MediaSource::Url(
        "https://example.org/a.png".into(),
    )))
}

#[test]
fn a_text_has_a_frame_and_a_role() {
    let text = || vec![Part::text("What is the capital of France?")];
    for role in [Role::System, Role::User] {
        check(role, text(), 4 + 7, 4 + 7);
    }
    check(Role::Assistant, text(), 4 + 7, 6 + 7);
    check(Role::User, vec![], 4, 4);
    check(
        Role::User,
        vec![Part::text("What is the capital"), Part::text(" of France?")],
        4 + 7,
        4 + 7,
    );
}

#[test]
fn calls_and_results_cost_their_names_and_texts() {
    // Two tokens, and six.
    let call = ToolCall::new("call_1", "get_weather", r#"{"city":"Mexico City"}"#);
    let result = ToolResult::new(&call, ToolOutcome::Success, "sunny"); // two
    let (call, result) = (Part::ToolCall(call), Part::ToolResult(result));
    check(Role::Assistant, vec![call.clone()], 8 + 8, 8 + 9);
    check(
        Role::Assistant,
        vec![call.clone(), call.clone()],
        2 * (8 + 16),
        2 * (8 + 9),
    );
    check(
        Role::Assistant,
        vec![Part::text("Let me see."), call],
        4 + 4 + 8 + 8,
        6 + 4 + 8 + 9,
    );
    check(
        Role::Tool,
        vec![result.clone(), result],
        2 * (4 + 5),
        2 * (4 + 8),
    );
}

#[test]
fn what_is_no_text_has_a_flat_cost() {
    check(Role::User, vec![image()], 4 + 1445, 4 + 1445);
    check(
        Role::User,
        vec![document("text/plain", 1600)],
        4 + 300,
        4 + 300,
    );
    check(
        Role::User,
        vec![document("application/pdf", 1600)],
        4 + 1445,
        4 + 1445,
    );
    check(
        Role::User,
        vec![document("application/pdf", 400_000)],
        4 + 10_000,
        4 + 10_000,
    );
    let call = ToolCall::new("call_1", "get_weather", "{}");
    let result = ToolResult::with_parts(&call, ToolOutcome::Success, vec![image()]);
    check(
        Role::Tool,
        vec![Part::ToolResult(result)],
        2 + 1445 + 5,
        2 + 1445 + 8,
    );
}

#[test]
fn only_what_is_sent_is_counted() {
    let thinking = Part::Thinking(Thinking::new("The capital of France is Paris."));
    check(
        Role::Assistant,
        vec![thinking, Part::text("Paris.")],
        4 + 2,
        6 + 2,
    );
    let later = serde_json::from_value(json!({"type": "later", "body": "text"})).unwrap();
    check(Role::User, vec![later], 4, 4);
    let opaque = |kind: &str| Part::Opaque(Opaque::new("openai", kind, "x".repeat(80)));
    check(
        Role::Assistant,
        vec![opaque("reasoning"), opaque("web_search_call")],
        4 + 10 + 20,
        6 + 10 + 20,
    );
}
