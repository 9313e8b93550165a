use std::time::Duration;

use serde_json::{Value, json};
use victor_core::{AttemptId, Opaque, Part, StopReason, Thinking, ToolCall, TurnId, Usage};
use victor_provider_protocol::{
    AttemptOutcome, Capabilities, Completion, LedgerEntry, LedgerError, NanoDollars,
    ProviderErrorKind, ResponseFormat, RetryNotice, UsageSource,
};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn completion() -> Completion {
    let parts = vec![
        Part::Thinking(
            Thinking::new("Hm")
                .with_signature("sig".to_owned())
                .with_provider("anthropic".to_owned()),
        ),
        Part::text("Let me look."),
        Part::ToolCall(ToolCall::new("call_1", "read_file", r#"{"path": "a.txt"}"#)),
        Part::Opaque(Opaque::new("anthropic", "redacted_thinking", "{}")),
    ];
    let mut completion = Completion::new("claude-sonnet-4-5".into(), parts, Usage::new(3, 4));
    completion.id = Some("msg_1".into());
    completion
}

#[test]
fn a_response_format() {
    let mut format = ResponseFormat::new("city", json!({ "type": "object", "properties": {} }));
    assert!(!format.strict);
    format.description = "A city".into();
    format.strict = true;
    check_golden(HERE, "response_format", &format);
}

#[test]
fn a_completion() {
    assert_eq!(completion().stop_reason, StopReason::ToolUse);
    assert_eq!(completion().tool_calls().count(), 1);
    check_golden(HERE, "completion", &completion());
    check_unknown_fields("completion", &completion(), &[]);
}

#[test]
fn a_retry_notice() {
    let delay = Duration::from_millis(1500);
    let notice = RetryNotice::new(2, ProviderErrorKind::RateLimit, "slow down", delay);
    check_golden(HERE, "retry_notice", &notice);
    // A duration is two numbers for ever.
    check_unknown_fields("retry_notice", &notice, &["delay"]);
}

#[test]
fn capabilities() {
    let mut all = Capabilities::default();
    all.context_window = Some(200_000);
    all.max_output_tokens = Some(64_000);
    all.tools = true;
    all.images = true;
    all.documents = true;
    all.thinking = true;
    all.structured_output = true;
    all.prompt_caching = true;
    check_golden(HERE, "capabilities", &all);
    let none: Capabilities = serde_json::from_value(json!({})).unwrap();
    assert_eq!(none, Capabilities::default());
}

#[test]
fn unknown_variants_survive() {
    let mut later = serde_json::to_value(completion()).unwrap();
    later["stop_reason"] = "solar_flare".into();
    later["parts"][1] = json!({ "type": "video", "frames": [1] });
    check_survives::<Completion>(&later);
    check_survives::<ProviderErrorKind>(&json!("solar_flare"));
}

#[test]
fn a_known_part_with_a_body_that_does_not_fit_is_an_error() {
    let mut wrong = serde_json::to_value(completion()).unwrap();
    wrong["parts"][1]["text"] = Value::Null;
    check_refused::<Completion>(&wrong, "in `text`: invalid type: null");
}

/// Every class, its word, and whether the same request may succeed later.
#[test]
fn classes_of_errors() {
    #[track_caller]
    fn check(kind: &ProviderErrorKind, word: &str, transient: bool) {
        assert_eq!((kind.as_str(), kind.is_transient()), (word, transient));
        assert_eq!(ProviderErrorKind::from(word), *kind);
        check_survives::<ProviderErrorKind>(&json!(word));
    }
    use ProviderErrorKind as Kind;
    check(&Kind::Authentication, "authentication", false);
    check(&Kind::Quota, "quota", false);
    check(&Kind::RateLimit, "rate_limit", true);
    check(&Kind::Overloaded, "overloaded", true);
    check(&Kind::ContextTooLong, "context_too_long", false);
    check(&Kind::InvalidHistory, "invalid_history", false);
    check(&Kind::InvalidRequest, "invalid_request", false);
    check(&Kind::NotFound, "not_found", false);
    check(&Kind::Server, "server", true);
    check(&Kind::Connection, "connection", true);
    check(&Kind::Timeout, "timeout", true);
    check(&Kind::Truncated, "truncated", true);
    check(&Kind::Malformed, "malformed", true);
    check(&Kind::Panicked, "panicked", false);
    check(&Kind::from("solar_flare"), "solar_flare", false);
}

#[test]
fn a_ledger_entry() {
    let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), 2);
    let time = |text: &str| text.parse().unwrap();
    entry.id = AttemptId::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001);
    entry.started = time("2026-11-30T12:00:00Z");
    check_golden(HERE, "ledger_entry_pending", &entry);
    entry.session = Some("s".into());
    entry.turn = Some(TurnId::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0002));
    entry.tags = vec!["tenant-1".into()];
    entry.ended = Some(time("2026-11-30T12:00:01.5Z"));
    entry.outcome = AttemptOutcome::Failed;
    entry.error = Some(ProviderErrorKind::Timeout);
    entry.usage = Usage::new(10, 2);
    entry.usage_source = UsageSource::Estimated;
    entry.cost = Some(NanoDollars::from_nanos(42));
    entry.price_source = Some("price file: price 1 (acme-*)".into());
    check_golden(HERE, "ledger_entry", &entry);
    check_unknown_fields("ledger_entry", &entry, &[]);
}

#[test]
fn a_store_that_failed_says_why() {
    let error = LedgerError::new("disk full").with_source("no space left");
    let text = victor_core::with_causes(&error);
    assert_eq!(text, "the ledger's store failed: disk full: no space left");
}
