use std::sync::Arc;

use serde_json::{Value, json};
use victor_chat_protocol::{
    ChatError, ChatErrorKind, ModelCallError, PendingApproval, SuspendedTurn,
};
use victor_core::{Message, Panicked, SessionId, ToolCall, ToolOutcome, ToolResult, TurnId, Usage};
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

fn turn() -> Box<SuspendedTurn> {
    let mut turn = SuspendedTurn::new(SessionId::new("s"), TurnId::from_u128(1), Value::Null);
    turn.usage = Usage::new(3, 4);
    Box::new(turn)
}

#[track_caller]
fn check(error: &ChatError, kind: &ChatErrorKind, resumable: bool, report: &str) {
    assert_eq!(error.kind(), *kind);
    assert_eq!(error.turn().is_some(), resumable);
    let used = if resumable {
        Usage::new(3, 4)
    } else {
        Usage::default()
    };
    assert_eq!(error.usage(), used);
    assert_eq!(error.report(), report);
}

#[test]
fn every_error_says_what_it_is_and_where_the_turn_stands() {
    let io = || std::io::Error::other("disk full");
    let provider = ProviderError::new(ProviderErrorKind::RateLimit, "anthropic", "slow down");
    let source = Box::new(provider.with_source(io()));
    check(
        &ChatError::Provider {
            source,
            turn: turn(),
        },
        &ChatErrorKind::Provider(ProviderErrorKind::RateLimit),
        true,
        "the model call failed: anthropic: slow down: disk full",
    );
    check(
        &ChatError::Commit {
            source: io().into(),
            turn: turn(),
        },
        &ChatErrorKind::Coordinator,
        true,
        "the conversation could not be stored: disk full",
    );
    check(
        &ChatError::Setup {
            coordinator: "session",
            source: io().into(),
        },
        &ChatErrorKind::Coordinator,
        false,
        "the turn could not begin: session failed: disk full",
    );
    check(
        &ChatError::Start {
            coordinator: "prompt".to_owned(),
            source: io().into(),
        },
        &ChatErrorKind::Coordinator,
        false,
        "coordinator `prompt` could not start: disk full",
    );
    check(
        &ChatError::EmptyInput,
        &ChatErrorKind::Input,
        false,
        "the message is empty: send some text, a picture or a document",
    );
    check(
        &ChatError::Resume {
            reason: "the conversation has gone on".into(),
        },
        &ChatErrorKind::Input,
        false,
        "the turn cannot be taken up again: the conversation has gone on",
    );
    check(
        &ChatError::ShutDown,
        &ChatErrorKind::ShutDown,
        false,
        "the orchestrator was shut down",
    );
    check(
        &ChatError::Incomplete,
        &ChatErrorKind::Fault,
        false,
        "the stream ended before the turn was finished",
    );
    let panicked = Panicked {
        message: "out of cheese".into(),
    };
    check(
        &ChatError::from(panicked),
        &ChatErrorKind::Fault,
        false,
        "the turn broke off: panicked: out of cheese",
    );
}

#[test]
fn the_debug_form_of_an_error_has_nothing_of_the_conversation() {
    let secret = "my diary";
    let message = Arc::new(Message::user(secret));
    let call = ToolCall::new("call_1", "write_file", format!(r#"{{"text": "{secret}"}}"#));
    let mut turn = turn();
    turn.state = json!({ "partial": secret });
    turn.committed = vec![message.clone()];
    turn.executed = vec![ToolResult::new(&call, ToolOutcome::Success, secret)];
    turn.approvals = vec![PendingApproval::new(call, secret)];
    turn.extra.insert("later", secret);

    let failed = || std::io::Error::other("disk full");
    let provider = ProviderError::new(ProviderErrorKind::RateLimit, "anthropic", "slow down");
    let errors = [
        ChatError::Provider {
            source: Box::new(provider),
            turn: turn.clone(),
        },
        ChatError::Commit {
            source: failed().into(),
            turn: turn.clone(),
        },
        ChatError::Conflict {
            source: failed().into(),
            turn: Some(turn),
        },
    ];
    for error in errors {
        for text in [format!("{error:?}"), format!("{error:#?}")] {
            assert!(!text.contains(secret), "{text}");
            assert!(text.contains("SuspendedTurn"), "{text}");
        }
    }
}

#[test]
fn a_model_call_that_was_not_made_leaves_a_turn_that_can_be_resumed() {
    let io = || std::io::Error::other("it takes 9 tokens").into();
    let too_large = ModelCallError::ContextTooLarge {
        tokens: 9,
        limit: Some(8),
        source: io(),
    };
    check(
        &too_large.of_turn(*turn()),
        &ChatErrorKind::ContextTooLarge,
        true,
        "the conversation does not fit the model: it takes 9 tokens",
    );
    let failed = ModelCallError::Coordinator {
        coordinator: "context",
        source: io(),
    };
    check(
        &failed.of_turn(*turn()),
        &ChatErrorKind::Coordinator,
        true,
        "the model could not be asked: context failed: it takes 9 tokens",
    );
    let provider = ProviderError::new(ProviderErrorKind::RateLimit, "anthropic", "slow down");
    let error = ModelCallError::from(provider).of_turn(*turn());
    check(
        &error,
        &ChatErrorKind::Provider(ProviderErrorKind::RateLimit),
        true,
        "the model call failed: anthropic: slow down",
    );
    assert!(error.into_turn().is_some());
}
