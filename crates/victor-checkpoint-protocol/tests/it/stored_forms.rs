use serde_json::json;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, ContentHash, History,
};
use victor_core::{CheckpointId, Message, MessageId, Part, Role, SessionId, Timestamp, TurnId};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};

fn message(text: &str) -> Message {
    Message::with_id(MessageId::from_u128(1), Role::User, vec![Part::text(text)])
}

fn checkpoint() -> Checkpoint {
    let mut history = History::default();
    history.push(message("Hi"));
    let mut checkpoint = Checkpoint::new(
        SessionId::new("docs-456"),
        history,
        CheckpointCause::BeforeCompaction,
    );
    checkpoint.id = CheckpointId::from_u128(2);
    checkpoint.parent = Some(CheckpointId::from_u128(1));
    checkpoint.at = Timestamp::UNIX_EPOCH;
    checkpoint.label = Some("before the rewrite".into());
    checkpoint.turn = Some(TurnId::from_u128(3));
    checkpoint
        .metadata
        .insert("current_task".into(), "review".into());
    checkpoint
        .state
        .insert("mode".into(), json!({ "name": "build" }));
    checkpoint
}

#[test]
fn a_checkpoint() {
    check_golden(env!("CARGO_MANIFEST_DIR"), "checkpoint", &checkpoint());
    // A history is a name, and never more.
    check_unknown_fields("checkpoint", &checkpoint(), &["history"]);
}

#[test]
fn unknown_causes_survive() {
    let words = [
        "manual",
        "tool_calls",
        "before_compaction",
        "before_destructive",
        "fork",
        "full_moon",
    ];
    for word in words {
        check_survives::<CheckpointCause>(&json!(word));
    }
    assert_eq!(CheckpointCause::from("fork"), CheckpointCause::Fork);
}

#[test]
fn a_hash_that_is_none_is_refused() {
    check_refused::<ContentHash>(
        &json!("abc"),
        "`abc` is not a content hash: expected 64 hexadecimal digits",
    );
}

#[test]
fn a_history_is_named_by_all_that_is_in_it() {
    let of = |texts: &[&str]| {
        let mut history = History::default();
        for text in texts {
            assert!(history.push(message(text)).is_sound());
        }
        history
    };
    assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    assert_eq!(of(&["a", "b"]).len, 2);
    let others: [&[&str]; 5] = [&[], &["a"], &["b", "a"], &["a", "c"], &["a", "b", "b"]];
    for other in others {
        assert_ne!(of(&["a", "b"]), of(other));
    }
    let mut link = History::default().push(message("a"));
    link.message = message("b").into();
    assert!(!link.is_sound());
}

#[test]
fn errors_say_what_and_where() {
    let id = CheckpointId::from_u128(1);
    let check = |error: CheckpointError, expected: String| assert_eq!(error.to_string(), expected);
    check(
        CheckpointError::NotFound(id),
        format!("there is no checkpoint `{id}`"),
    );
    check(
        CheckpointError::AlreadyExists(id),
        format!("there is already another checkpoint `{id}`"),
    );
    check(
        CheckpointError::SessionExists("s".into()),
        "session `s` is there already: fork into a new session".into(),
    );
    let hash = ContentHash::from_bytes([0xab; 32]);
    check(
        CheckpointError::MissingHistory(hash),
        format!("the store has no history `{}`", "ab".repeat(32)),
    );
    check(
        CheckpointError::Damaged {
            message: "a link is torn".into(),
        },
        "checkpoint data is damaged: a link is torn".into(),
    );
    check(
        CheckpointError::store("disk full"),
        "the checkpoint store failed: disk full".into(),
    );
}
