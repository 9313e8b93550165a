use serde_json::json;
use victor_core::{Message, MessageId, Part, Role, SessionId, Timestamp, TurnId};
use victor_session_protocol::{SessionInfo, TranscriptEntry};
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
fn unknown_variants_survive() {
    let mut later = serde_json::to_value(entry()).unwrap();
    later["message"]["role"] = "critic".into();
    later["message"]["parts"][0] = json!({ "type": "video", "frames": [1] });
    check_survives::<TranscriptEntry>(&later);
}

#[test]
fn a_known_part_with_a_body_that_does_not_fit_is_an_error() {
    let mut wrong = serde_json::to_value(entry()).unwrap();
    wrong["message"]["parts"][0]["text"] = 1.into();
    check_refused::<TranscriptEntry>(&wrong, "in `text`: invalid type: integer `1`");
}
