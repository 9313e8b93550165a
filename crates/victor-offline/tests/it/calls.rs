//! Which tools are called for which words.

use serde_json::json;
use victor_core::{Effect, ToolOutcome, ToolSpec};
use victor_provider_protocol::ToolChoice;

use crate::support::{Talk, all, ok, readers};

/// The calls of a whole turn with all tools, each of which succeeds.
async fn check(request: &str, expected: &[&str]) {
    let (calls, _) = Talk::new(all()).turn(request, |_| ok("done")).await;
    assert_eq!(calls, expected, "{request}");
}

#[tokio::test]
async fn files_that_are_named_are_read() {
    let read = |path: &str| format!(r#"read_file {{"path":"{path}"}}"#);
    for (request, path) in [
        (
            "Which crate retries a failed model call? Read docs/architecture.md",
            "docs/architecture.md",
        ),
        (
            "Which crate retries a failed model call? Read `docs/architecture.md`.",
            "docs/architecture.md",
        ),
        ("What does notes.txt say about the deadline?", "notes.txt"),
        ("open the file README", "README"),
        ("Summarise ./a/b.md, please.", "./a/b.md"),
        ("Could you show me Cargo.toml?", "Cargo.toml"),
        ("Was steht in notizen.txt?", "notizen.txt"),
        ("notes.txtを読んでください。", "notes.txt"),
        ("Lis src/main.rs s'il te plaît", "src/main.rs"),
    ] {
        check(request, &[&read(path)]).await;
    }
}

#[tokio::test]
async fn several_files_are_read_side_by_side() {
    let mut talk = Talk::new(readers());
    talk.say("Read a.txt and b.txt and tell me which one mentions Rust");
    let completion = talk.ask().await;
    let calls: Vec<_> = completion
        .tool_calls()
        .map(|call| (call.id.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(
        calls,
        [
            ("call_1", r#"{"path":"a.txt"}"#),
            ("call_2", r#"{"path":"b.txt"}"#)
        ]
    );
}

#[tokio::test]
async fn folders_are_listed() {
    let list = |path: &str| format!(r#"list_directory {{"path":"{path}"}}"#);
    for (request, path) in [
        ("What is in the folder crates?", "crates"),
        ("list the files in src", "src"),
        ("What's in src?", "src"),
        ("Can you list the crates directory?", "crates"),
        (
            "What is in crates/victor-core/src?",
            "crates/victor-core/src",
        ),
        ("Show me what is in the src directory", "src"),
        ("List src/", "src/"),
    ] {
        check(request, &[&list(path)]).await;
    }
    check("list the files", &["list_directory {}"]).await;
    check("What files are there?", &["list_directory {}"]).await;
}

#[tokio::test]
async fn what_is_searched_for_is_quoted_or_the_subject() {
    check(
        "search for `retry_after` in the code",
        &[r#"search_files {"query":"retry_after"}"#],
    )
    .await;
    check(
        "find where the word budget is used",
        &[r#"search_files {"query":"budget"}"#],
    )
    .await;
    check(
        "Where is max_delay defined?",
        &[r#"search_files {"query":"max_delay"}"#],
    )
    .await;
    check(
        "grep for \"fn main\" in crates/victor-cli",
        &[r#"search_files {"path":"crates/victor-cli","query":"fn main"}"#],
    )
    .await;
    check(
        "search *.md for 'budget'",
        &[r#"search_files {"glob":"*.md","query":"budget"}"#],
    )
    .await;
}

#[tokio::test]
async fn orders_change_things() {
    check(
        "write 'hello' to out.txt",
        &[r#"write_file {"content":"hello","path":"out.txt"}"#],
    )
    .await;
    check(
        "Write hello world into out.txt",
        &[r#"write_file {"content":"hello world","path":"out.txt"}"#],
    )
    .await;
    check("run `ls -la`", &[r#"run_command {"command":"ls -la"}"#]).await;
    check(
        "Run cargo test.",
        &[r#"run_command {"command":"cargo test"}"#],
    )
    .await;
    check(
        "Replace 'a' with 'b' in x.txt",
        &[r#"edit_file {"new_text":"b","old_text":"a","path":"x.txt"}"#],
    )
    .await;
    check("delete old.txt", &[r#"delete_file {"path":"old.txt"}"#]).await;
    check(
        "Could you delete old.txt?",
        &[r#"delete_file {"path":"old.txt"}"#],
    )
    .await;
}

#[tokio::test]
async fn nothing_is_changed_without_an_order() {
    for request in [
        "How do I delete old.txt?",
        "What would happen if I run `rm -rf /`?",
        "Do not delete old.txt",
        "Don't read notes.txt",
        "Never run `ls`",
    ] {
        check(request, &[]).await;
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_not_replaced_by_reading() {
    let (calls, answer) = Talk::new(readers())
        .turn("write 'hello' to out.txt", |_| ok("done"))
        .await;
    assert!(calls.is_empty(), "{calls:?}");
    assert!(answer.contains("offline"), "{answer}");
}

#[tokio::test]
async fn talk_calls_nothing() {
    for request in [
        "Hello!",
        "Who are you?",
        "My name is Ada.",
        "What is the capital of France?",
        "What is in the news?",
        "What does the function foo do?",
        "Should I use TCP/IP and/or read/write locks?",
        "I like version 1.2 and example.com, e.g. on Mondays.",
        "",
        "?!",
    ] {
        check(request, &[]).await;
    }
}

#[tokio::test]
async fn other_tools_are_found_by_their_subject() {
    check(
        "What is the weather in New York?",
        &[r#"get_weather {"city":"New York"}"#],
    )
    .await;
    check(
        "weather in Paris, imperial units",
        &[r#"get_weather {"city":"Paris","units":"imperial"}"#],
    )
    .await;
    check("How is the weather?", &[]).await;
}

#[tokio::test]
async fn several_orders_are_carried_out_in_order() {
    check(
        "List the files in src, then read src/a.rs and write 'done' to out.txt. Then read out.txt.",
        &[
            r#"list_directory {"path":"src"}"#,
            r#"read_file {"path":"src/a.rs"}"#,
            r#"write_file {"content":"done","path":"out.txt"}"#,
            r#"read_file {"path":"out.txt"}"#,
        ],
    )
    .await;
    // What writes runs alone, so that what reads after it sees what it wrote.
    let mut talk = Talk::new(all());
    talk.say("write 'x' to out.txt and read out.txt");
    let first: Vec<_> = talk
        .ask()
        .await
        .tool_calls()
        .map(|call| call.name.clone())
        .collect();
    assert_eq!(first, ["write_file"]);
}

#[tokio::test]
async fn a_call_is_made_once_in_a_turn_and_again_in_the_next() {
    let mut talk = Talk::new(readers());
    for turn in 1..=3 {
        talk.say("Read a.txt. Now read a.txt!");
        let calls: Vec<_> = talk.ask().await.tool_calls().cloned().collect();
        assert_eq!(calls.len(), 1);
        assert_eq!(
            calls[0].id.as_str(),
            format!("call_{turn}"),
            "identifiers are unique in the conversation"
        );
        talk.results(&calls, |_| (ToolOutcome::Error, "no such file".into()));
        assert_eq!(talk.ask().await.tool_calls().count(), 0);
    }
}

#[tokio::test]
async fn there_is_an_end_to_calls() {
    let names: Vec<String> = (0..100).map(|n| format!("f{n}.txt")).collect();
    let (calls, _) = Talk::new(readers())
        .turn(&format!("Read {}", names.join(" ")), |_| ok("x"))
        .await;
    assert_eq!(calls.len(), 16);
}

#[tokio::test]
async fn tool_choice_is_obeyed() {
    let calls = async |choice: ToolChoice, request: &str| {
        let mut talk = Talk::new(readers());
        talk.request.tool_choice = choice;
        talk.say(request);
        talk.ask()
            .await
            .tool_calls()
            .map(|call| format!("{} {}", call.name, call.arguments))
            .collect::<Vec<_>>()
    };
    assert_eq!(calls(ToolChoice::None, "Read a.txt").await, [""; 0]);
    assert_eq!(
        calls(ToolChoice::Required, "Hello!").await,
        ["list_directory {}"]
    );
    assert_eq!(
        calls(ToolChoice::Required, "Read a.txt").await,
        [r#"read_file {"path":"a.txt"}"#]
    );
    assert_eq!(
        calls(ToolChoice::Named("list_directory".into()), "Hello!").await,
        ["list_directory {}"]
    );
    assert_eq!(
        calls(ToolChoice::Named("read_file".into()), "Hello!").await,
        [""; 0],
        "nothing to read"
    );
    assert_eq!(
        calls(ToolChoice::Named("absent".into()), "Read a.txt").await,
        [""; 0]
    );
}

#[tokio::test]
async fn lists_numbers_and_flags_are_filled() {
    let schema = json!({
        "properties": {
            "paths": {"type": "array", "items": {"type": "string"}},
            "count": {"type": "integer"},
            "recursive": {"type": "boolean", "default": false},
        },
        "required": ["paths"],
    });
    let tools = || {
        vec![
            ToolSpec::new("read_many", "Reads files", schema.clone()).with_effect(Effect::ReadOnly),
        ]
    };
    let (calls, _) = Talk::new(tools())
        .turn("Read a.txt and b.txt recursively, count 5", |_| ok("x"))
        .await;
    assert_eq!(
        calls,
        [r#"read_many {"count":5,"paths":["a.txt","b.txt"],"recursive":true}"#]
    );
}
