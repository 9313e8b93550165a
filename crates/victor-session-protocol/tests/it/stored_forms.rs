use serde_json::json;
use victor_core::{Message, MessageId, Part, Role, SessionId, Timestamp, TurnId};
use victor_session_protocol::{OpenTurn, SessionInfo, SessionStatus, TranscriptEntry, TurnPolicy};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn entry() -> TranscriptEntry {
    let message = Message::with_id(MessageId::from_u128(2), Role::User, vec![Part::text("Hi")]);
    let mut entry = TranscriptEntry::new(Some(TurnId::from_u128(1)), message);
    entry.at = Timestamp::UNIX_EPOCH;
    entry
}

#[test]
fn a_transcript_entry() {
    check_golden(HERE, "transcript_entry", &entry());
    check_unknown_fields("transcript_entry", &entry(), &[]);
}

#[test]
fn what_is_known_of_a_session() {
    let mut info = SessionInfo::new(SessionId::new("docs-456"));
    info.entries = 2;
    info.created_at = Timestamp::UNIX_EPOCH;
    info.updated_at = Timestamp::UNIX_EPOCH;
    info.metadata.insert("title".into(), "Docs".into());
    check_golden(HERE, "session_info", &info);
    check_unknown_fields("session_info", &info, &[]);
}

#[test]
fn all_that_can_be_known_of_a_session() {
    let mut info = SessionInfo::new(SessionId::new("docs-456"));
    info.created_at = Timestamp::UNIX_EPOCH;
    info.updated_at = Timestamp::UNIX_EPOCH;
    info.title = Some("Docs".into());
    info.tags = ["a".into(), "b".into()].into();
    info.status = SessionStatus::Closed;
    info.expires_at = Some(Timestamp::UNIX_EPOCH);
    check_golden(HERE, "session_info_full", &info);
}

#[test]
fn an_open_turn() {
    let mut open = OpenTurn::new(SessionId::new("docs-456"), TurnId::from_u128(1), "{}");
    open.at = Timestamp::UNIX_EPOCH;
    check_golden(HERE, "open_turn", &open);
    check_unknown_fields("open_turn", &open, &[]);
}

#[test]
fn policies_are_words() {
    for (policy, word) in [
        (TurnPolicy::Queue, "queue"),
        (TurnPolicy::Reject, "reject"),
        (TurnPolicy::Interrupt, "interrupt"),
        (TurnPolicy::Merge, "merge"),
    ] {
        assert_eq!(serde_json::to_value(policy).unwrap(), word);
        assert_eq!(
            serde_json::from_value::<TurnPolicy>(word.into()).unwrap(),
            policy
        );
    }
    assert_eq!(TurnPolicy::default(), TurnPolicy::Queue);
}

#[test]
fn unknown_variants_survive() {
    let mut later = serde_json::to_value(entry()).unwrap();
    later["message"]["role"] = "critic".into();
    later["message"]["parts"][0] = json!({ "type": "video", "frames": [1] });
    check_survives::<TranscriptEntry>(&later);
}

#[test]
fn an_unknown_status_survives() {
    let mut later = serde_json::to_value(SessionInfo::new(SessionId::new("s"))).unwrap();
    later["status"] = "archived".into();
    check_survives::<SessionInfo>(&later);
}

#[test]
fn a_known_part_with_a_body_that_does_not_fit_is_an_error() {
    let mut wrong = serde_json::to_value(entry()).unwrap();
    wrong["message"]["parts"][0]["text"] = 1.into();
    check_refused::<TranscriptEntry>(&wrong, "in `text`: invalid type: integer `1`");
}
