use serde_json::{Value, json};
use victor_core::{
    Message, MessageId, Part, Role, SessionId, Timestamp, ToolCall, ToolOutcome, ToolResult, TurnId,
};
use victor_session_protocol::{SessionExport, SessionInfo, SessionStatus, TranscriptEntry};

fn entry(number: u128, role: Role, parts: Vec<Part>) -> TranscriptEntry {
    let message = Message::with_id(MessageId::from_u128(number), role, parts);
    let mut entry = TranscriptEntry::new(Some(TurnId::from_u128(7)), message);
    entry.at = Timestamp::UNIX_EPOCH;
    entry
}

/// A session of a question, a tool call with its result, and an answer.
fn export() -> SessionExport {
    let mut info = SessionInfo::new(SessionId::new("docs-456"));
    info.created_at = Timestamp::UNIX_EPOCH;
    info.updated_at = Timestamp::UNIX_EPOCH;
    info.title = Some("Docs\n\u{2028}\"".into());
    info.status = SessionStatus::Closed;
    info.extra.insert("later", json!(1));
    let call = ToolCall::new("c", "read", "{}");
    let result = ToolResult::new(&call, ToolOutcome::Success, "text");
    let mut entries = vec![
        entry(1, Role::User, vec![Part::text("What?\r\n")]),
        entry(2, Role::Assistant, vec![call.into()]),
        entry(3, Role::Tool, vec![result.into()]),
        entry(4, Role::Assistant, vec![Part::text("That.")]),
    ];
    entries[3].extra.insert("later", json!([2]));
    SessionExport::new(info, entries)
}

#[test]
fn what_is_exported_comes_back() {
    let export = export();
    let text = export.to_json_lines();
    assert_eq!(text.lines().count(), 5);
    assert_eq!(SessionExport::from_json_lines(&text).unwrap(), export);
    // As an editor on Windows leaves it.
    let text = text.replace('\n', "\r\n");
    assert_eq!(
        SessionExport::from_json_lines(text.trim_end()).unwrap(),
        export
    );
    let empty = SessionExport::new(SessionInfo::new(SessionId::new("s")), Vec::new());
    let text = empty.to_json_lines();
    assert_eq!(SessionExport::from_json_lines(&text).unwrap(), empty);
}

#[test]
fn the_header_says_what_it_is() {
    let text = export().to_json_lines();
    let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(header["format"], "victor.session");
    assert_eq!(header["version"], 1);
    assert_eq!(header["session"]["id"], "docs-456");
    assert_eq!(header["session"]["entries"], 4);
}

/// Changes the lines of an export, and reads them.
#[track_caller]
fn check(change: impl FnOnce(&mut Vec<String>), expected: &str) {
    let text = export().to_json_lines();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    let error = SessionExport::from_json_lines(&lines.join("\n")).unwrap_err();
    let found = error.to_string();
    assert!(found.starts_with(expected), "{found}");
}

fn replace(line: usize, from: &str, to: &str) -> impl FnOnce(&mut Vec<String>) {
    move |lines| {
        assert!(lines[line].contains(from), "{}", lines[line]);
        lines[line] = lines[line].replacen(from, to, 1);
    }
}

#[test]
fn errors_name_the_line() {
    check(Vec::clear, "line 1 of the export: EOF");
    check(
        replace(0, "victor.session", "victor.other"),
        "line 1 of the export: unknown variant `victor.other`",
    );
    check(
        replace(0, "\"version\":1", "\"version\":2"),
        "line 1 of the export: ",
    );
    check(
        |lines| lines[2].truncate(40),
        "line 3 of the export: EOF while parsing",
    );
    check(
        |lines| lines.insert(2, String::new()),
        "line 3 of the export: EOF",
    );
    check(
        replace(4, "That.", "\u{1}"),
        "line 5 of the export: control character",
    );
    check(
        |lines| lines.truncate(4),
        "line 1 of the export: 4 entries are announced, and 3 follow",
    );
    check(
        |lines| lines.push(lines[1].clone()),
        "line 6 of the export: its message is that of line 2",
    );
    let fewer = replace(0, "\"entries\":4", "\"entries\":3");
    check(
        |lines| {
            lines.remove(3);
            fewer(lines);
        },
        "line 3 of the export: message 00000000-0000-0000-0000-000000000002: tool call `c` has no result",
    );
    let fewer = replace(0, "\"entries\":4", "\"entries\":3");
    check(
        |lines| {
            lines.remove(1);
            fewer(lines);
        },
        "line 2 of the export: message 00000000-0000-0000-0000-000000000002: a history begins with a user message",
    );
}
