//! A single key allows only a call that a person has seen as a whole.

use proptest::prelude::*;
use serde_json::json;
use victor_orchestrator::core::{Effect, SessionId, ToolSpec};
use victor_orchestrator::tool::{ApprovalPolicy as _, ApprovalRequest, Verdict};
use victor_text::{escaped, is_hidden};
use victor_tool::EffectPolicy;

use super::*;

/// The question of the command's policy about a call.
fn question(call: &ToolCall) -> String {
    let spec = ToolSpec::new("shell", "for tests", json!({ "type": "object" }));
    let request = ApprovalRequest::new(
        SessionId::new("s"),
        call.clone(),
        spec.with_effect(Effect::Destructive),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let policy = EffectPolicy::ask_above(Effect::ReadOnly);
    match runtime.block_on(policy.review(&request)) {
        Verdict::Ask { question, .. } => question,
        other => panic!("{other:?}"),
    }
}

fn shown(arguments: &str, preview: Option<&ShownPreview>, can_store: bool) -> Shown {
    let call = ToolCall::new("1", "shell", arguments);
    let inquiry = Inquiry {
        question: &question(&call),
        call: &call,
        preview,
        can_store,
    };
    inquiry.shown(80, 24)
}

/// The text that a person reads from marked rows.
fn read<'a>(rows: impl IntoIterator<Item = &'a str>) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut last = "";
    for row in rows {
        let repeated = row
            .strip_prefix('[')
            .and_then(|note| note.strip_suffix(" more rows like this]"));
        let times = match repeated {
            Some(count) => count.replace(',', "").parse().unwrap(),
            None => 1,
        };
        if repeated.is_none() {
            last = row;
        }
        for _ in 0..times {
            match last.split_at(2) {
                ("| ", line) => lines.push(line.to_owned()),
                (": ", more) => lines.last_mut().unwrap().push_str(more),
                other => panic!("{other:?}"),
            }
        }
    }
    lines.join("\n")
}

/// The call as a person reads it.
fn seen(rows: &[String]) -> String {
    let own = |row: &&String| !row.starts_with(['|', ':', '[']);
    let mut parts: Vec<Vec<&str>> = Vec::new();
    for row in rows {
        match own(&row) {
            true => parts.push(Vec::new()),
            false => parts.last_mut().unwrap().push(row),
        }
    }
    match &parts[..] {
        [question] => {
            let question = read(question.iter().copied());
            let (_, arguments) = question.split_once(", with ").unwrap();
            arguments.strip_suffix('?').unwrap().to_owned()
        }
        [_, details] | [_, details, _] => read(details.iter().copied()),
        other => panic!("{other:?}"),
    }
}

fn text() -> impl Strategy<Value = String> {
    let char = prop_oneof![
        6 => proptest::char::range(' ', '~'),
        1 => any::<char>(),
        1 => proptest::sample::select(vec![
            '\u{1b}', '\u{202e}', '\u{200b}', '\u{ad}', '\u{e0041}', '\u{a0}', '\n', '漢',
        ]),
    ];
    let piece = prop_oneof![
        12 => char.prop_map(String::from),
        1 => Just("\n".repeat(30)),
        1 => Just("x\ny\n".repeat(20)),
        1 => Just(" ".repeat(500)),
        1 => Just("\nallow `shell`? [y/N/?] y\n".to_owned()),
        1 => Just("\nIt would do this:\n| ls\n".to_owned()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Arguments as a model may write them, also the same one twice and with escapes that are not needed.
fn arguments() -> impl Strategy<Value = String> {
    let member = ("[ab]|command", text(), any::<bool>()).prop_map(|(name, text, escape)| {
        let value = match escape {
            false => serde_json::to_string(&text).unwrap(),
            true => {
                let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
                format!("\"{}\"", units.collect::<String>())
            }
        };
        format!("\"{name}\": {value}")
    });
    proptest::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(",")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_seen_is_what_runs_or_needs_a_word(
        arguments in arguments(),
        preview in proptest::option::of((text(), 10_usize..3_000)),
        columns in 20_usize..200,
        screen in 5_usize..60,
    ) {
        let preview = preview.map(|(text, max)| ShownPreview::new(&escaped(&text.replace('\t', " ")), max));
        let call = ToolCall::new("1", "shell", &*arguments);
        let question = question(&call);
        let inquiry = Inquiry { question: &question, call: &call, preview: preview.as_ref(), can_store: true };
        let shown = inquiry.shown(columns, screen);
        for row in &shown.rows {
            prop_assert!(!row.contains(is_hidden));
            prop_assert!(row.starts_with(['|', ':', '[']) || row.starts_with(['T', 'I', 'S', 'N']));
        }
        for key in ["y", "s", "t", "p", "s!", "t!"] {
            prop_assert!(shown.is_whole() || shown.reply(key).is_err());
        }
        prop_assert_eq!(shown.reply("yes"), Ok(Reply::Yes(ApprovalScope::Call)));
        if shown.is_whole() {
            let seen = seen(&shown.rows);
            match &preview {
                Some(preview) => prop_assert_eq!(seen, preview.head.strip_suffix('\n').unwrap_or(&preview.head)),
                None => {
                    let runs = Value::Object(call.parse_arguments().unwrap());
                    prop_assert_eq!(serde_json::from_str::<Value>(&seen).unwrap(), runs);
                }
            }
        }
    }
}

#[test]
fn a_short_call_is_one_question() {
    let shown = shown(r#"{"command":"touch a"}"#, None, false);
    assert_eq!(
        shown.rows,
        [
            "The agent wants to run a tool:",
            "| run `shell`, which may change something that cannot be brought back, with {\"c",
            r#": ommand":"touch a"}?"#,
        ]
    );
    assert_eq!(shown.prompt(), "allow `shell`? [y/N/?] ");
}

#[test]
fn the_end_of_long_arguments_is_among_what_is_shown() {
    let arguments = json!({ "note": "harmless ".repeat(300), "command": "touch pwned" });
    let shown = shown(&arguments.to_string(), None, false);
    assert!(shown.is_whole());
    assert!(shown.rows.iter().any(|row| row.contains("touch pwned")));
    // The beginning once more, since the rows do not fit the screen.
    assert!(
        shown
            .rows
            .iter()
            .any(|row| row.starts_with("This is the end of what `shell`"))
    );
    assert_eq!(
        shown.rows[shown.rows.len() - 2],
        "|   \"command\": \"touch pwned\","
    );
}

#[test]
fn what_is_not_shown_is_counted_and_needs_a_word() {
    let many: String = (0..10_000).map(|n| format!("{n}\n")).collect();
    let preview = ShownPreview::new(&(many + "touch pwned_tail"), 100_000);
    let mut shown = shown("{}", Some(&preview), false);
    assert!(!shown.is_whole());
    let last = shown.rows.last().unwrap();
    assert!(
        last.starts_with("Not shown: 38,")
            && last.ends_with("or the whole word `yes` to allow it unseen."),
        "{last}"
    );
    assert!(shown.rows.contains(&"| touch pwned_tail".to_owned()));
    assert_eq!(shown.prompt(), "allow `shell`? [yes/N/?] ");
    assert!(
        shown
            .reply("y")
            .unwrap_err()
            .starts_with("Not all of it was shown, so `y` is not enough. yes: yes")
    );
    assert_eq!(shown.reply("v"), Ok(Reply::View));
    assert_eq!(shown.all.as_ref().unwrap().len(), 10_001);
    shown.viewed();
    assert_eq!(shown.reply("y"), Ok(Reply::Yes(ApprovalScope::Call)));
}

#[test]
fn what_was_not_kept_can_never_be_allowed_by_a_key() {
    let preview = ShownPreview::new(&"x\ny\n".repeat(50_000), 1_000);
    let mut shown = shown("{}", Some(&preview), false);
    assert!(
        shown
            .rows
            .contains(&"[199,000 characters are not shown]".to_owned())
    );
    shown.viewed();
    assert!(shown.reply("y").is_err() && shown.reply("t").is_err());
    assert_eq!(shown.reply("yes"), Ok(Reply::Yes(ApprovalScope::Call)));
    assert_eq!(shown.reply("tool"), Ok(Reply::Yes(ApprovalScope::Tool)));
}

#[test]
fn every_answer_is_understood_or_explained() {
    use ApprovalScope::{
        Arguments, ArgumentsEverywhere, Call, Prefix, PrefixEverywhere, Tool, ToolEverywhere,
    };
    let git = r#"{"command":"git status"}"#;
    let lasting = shown(git, None, true);
    for (line, scope) in [
        ("y", Call),
        (" YES ", Call),
        ("s", Arguments),
        ("same", Arguments),
        ("p", Prefix),
        ("program", Prefix),
        ("t", Tool),
        ("tool", Tool),
        ("S!", ArgumentsEverywhere),
        ("p!", PrefixEverywhere),
        ("tool!", ToolEverywhere),
    ] {
        assert_eq!(lasting.reply(line), Ok(Reply::Yes(scope)), "{line}");
    }
    for line in ["", "n", "No", "  "] {
        assert_eq!(lasting.reply(line), Ok(Reply::No), "{line}");
    }
    let keys = "y: yes, once; n or Enter: no; s: this very call from now on; p: every simple command of `git`; t: \
                every call of this tool; with `!` behind it, as `t!`: in later conversations in this folder too";
    assert_eq!(lasting.keys(), keys);
    let check = |shown: &Shown, line: &str, said: &str| {
        let found = shown.reply(line).unwrap_err();
        assert!(found.starts_with(said), "{found}");
    };
    check(&lasting, "?", "y: yes, once;");
    check(&lasting, "perhaps", "`perhaps` is not an answer. y: yes");
    check(&lasting, "y!", "`y!` is not an answer.");
    check(&lasting, "n!", "`n!` is not an answer.");
    check(&lasting, "v", "All of it is already shown.");
    check(
        &lasting,
        "jawohl\u{1b}[2J",
        r"`jawohl\u{1b}[2j` is not an answer.",
    );
    let other = shown(r#"{"command":"git status; ls"}"#, None, false);
    check(&other, "p", "This call is not one simple command");
    check(&other, "t!", "Approvals are not stored here");
    assert!(!other.keys().contains("program") && !other.keys().contains('!'));
}
