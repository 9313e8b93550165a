//! The events of conversations: summed up, listed and exported.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{QUESTION, Ran, chat, folder, ran, victor};

#[track_caller]
fn analytics(folder: &Path, arguments: &[&str]) -> Ran {
    let ran = ran(victor(folder).arg("analytics").args(arguments), "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

fn events(text: &str) -> Vec<Value> {
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
    events.collect()
}

#[test]
fn events_outlive_the_program_and_are_summed_up_listed_and_exported() {
    let folder = folder();
    let folder = folder.path();
    let none = analytics(folder, &["summary"]);
    assert!(
        none.stdout.is_empty() && none.stderr.contains("there are no such events"),
        "{none:?}"
    );
    for session in ["one", "jo@example.org"] {
        let arguments = ["--provider", "offline", "--session", session, QUESTION];
        let ran = chat(folder, &arguments, "");
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let text = analytics(folder, &["summary"]).stdout;
    assert!(
        text.contains("2 turns (0 failed) in 2 sessions; "),
        "{text}"
    );
    let summary = &events(&analytics(folder, &["summary", "--session", "one", "--json"]).stdout)[0];
    assert_eq!(
        (&summary["turns"], &summary["sessions"]),
        (&1.into(), &1.into()),
        "{summary}"
    );
    assert_eq!(summary["types"]["turn_finished"], 1, "{summary}");

    let list = analytics(folder, &["events", "--type", "turn_finished", "--json"]).stdout;
    let sessions: Vec<_> = events(&list)
        .iter()
        .map(|event| event["session_id"].clone())
        .collect();
    assert_eq!(sessions, ["jo@example.org", "one"], "the newest first");
    let list = analytics(folder, &["events", "--limit", "1"]).stdout;
    assert!(
        list.lines().count() == 1 && list.contains("turn_finished"),
        "{list}"
    );
    let later = analytics(folder, &["events", "--since", "2999-01-01"]);
    assert!(
        later.stderr.contains("there are no such events"),
        "{later:?}"
    );

    let all = events(&analytics(folder, &["export"]).stdout);
    assert_eq!(all[0]["type"], "turn_started");
    assert!(
        !format!("{all:?}").contains(QUESTION),
        "nothing that was said"
    );
    let path = folder.join("events.jsonl");
    let file = path.to_str().unwrap();
    let exported = analytics(folder, &["export", "--to", file, "--redact"]);
    assert!(
        exported
            .stderr
            .contains(&format!("{} events exported", all.len())),
        "{exported:?}"
    );
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(events(&written).len(), all.len());
    assert!(written.contains("[email]") && !written.contains("jo@example.org"));

    // They go with their session.
    let deleted = ran(victor(folder).args(["sessions", "delete", "one"]), "");
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert!(!analytics(folder, &["export"]).stdout.contains("\"one\""));
}
