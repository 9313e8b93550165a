//! `victor prompt`.

use std::path::Path;

use crate::run::{QUESTION, Ran, chat, folder, ran, victor};

/// Runs `victor prompt` with these arguments.
fn prompt(folder: &Path, arguments: &[&str]) -> Ran {
    ran(victor(folder).arg("prompt").args(arguments), "")
}

#[track_caller]
fn says(folder: &Path, arguments: &[&str]) -> String {
    let ran = prompt(folder, arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

#[track_caller]
fn fails(folder: &Path, arguments: &[&str], said: &str) {
    let ran = prompt(folder, arguments);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains(said), "`{said}` is not in {ran:#?}");
}

#[test]
fn the_prompt_is_shown_with_its_sections() {
    let folder = folder();
    let folder = folder.path();
    let shown = says(folder, &["show", "--language", "de"]);
    let (sections, text) = shown.split_once("\n\n").unwrap();
    let first: Vec<&str> = sections
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(first[..2], ["base", "process"], "{sections}");
    assert!(first[2].parse::<u32>().unwrap() > 100, "{sections}");
    assert!(text.starts_with("You are an agent"), "{text}");

    let lines = says(folder, &["show", "--json"]);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["section"], &first["stability"]),
        (&"base".into(), &"process".into())
    );
    assert!(
        first["text"]
            .as_str()
            .unwrap()
            .starts_with("You are an agent")
    );
}

#[test]
fn what_has_changed_is_shown_with_where_the_cache_ends() {
    let folder = folder();
    let folder = folder.path();
    let talk = |session: &str, more: &[&str]| {
        let ran = chat(
            folder,
            &[&["--session", session, QUESTION], more].concat(),
            "",
        );
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    talk("notes", &[]);
    fails(
        folder,
        &["diff", "notes"],
        "session `notes` remembers 1 of its prompts, and prompt ~1 is not among them",
    );
    let same = says(folder, &["diff", "--session", "notes"]);
    assert_eq!(same, "from notes to now\nthe cache keeps all of it\n");

    talk("notes", &[]);
    talk("notes", &["--language", "de"]);
    let changed = says(folder, &["diff", "notes"]);
    assert!(
        changed.starts_with("from notes~1 to notes\n- section `"),
        "{changed}"
    );
    assert!(
        changed.contains("is new") || changed.contains("has another text"),
        "{changed}"
    );
    assert!(
        changed.contains(" bytes and ends in front of section `"),
        "{changed}"
    );
    let back = says(folder, &["diff", "notes", "notes~1"]);
    assert!(back.starts_with("from notes to notes~1\n"), "{back}");
    let now = says(folder, &["diff", "--continue", "--language", "de"]);
    assert_eq!(now, "from notes to now\nthe cache keeps all of it\n");

    talk("other", &[]);
    let sessions = says(folder, &["diff", "notes~1", "other"]);
    assert_eq!(
        sessions,
        "from notes~1 to other\nthe cache keeps all of it\n"
    );
    fails(folder, &["diff"], "name the session");
    fails(folder, &["diff", "notes~x"], "`~x` is no number of prompts");
    fails(folder, &["diff", "nobody"], "there is no session `nobody`");
}
