//! What is answered from what.

use victor_core::ToolOutcome;

use crate::support::{Talk, all, ok, readers};

const ARCHITECTURE: &str = "\
# Architecture

Victor takes an orchestrator apart into crates with one responsibility each. A crate may depend only on floors below
its own. Every model call goes through a provider, and every crate that fails says so in its health.

## Code map

| Crate | What it does |
|---|---|
| `victor-chat` | Works a turn: model call, tools, model call, until the model is done |
| `victor-provider` | Routes model calls to a provider and holds the one retry loop |
| `victor-session` | Stores what was said, one writer for each session |
| `victor-tool` | Runs tool calls side by side, with limits of time and size |

## Invariants

- A coordinator never depends on another coordinator or on an adapter.
- Exactly one retry loop exists, in `victor-provider`: it retries a failed model call with growing waits, and only
  until the first text was shown.
- Adapters report what failed, with a class; they never retry.
- A failed tool call is told to the model, and its siblings are unaffected.

```rust
let crate_that_retries = \"a failed model call\";
```
";

#[tokio::test]
async fn the_question_is_answered_from_the_file() {
    let request = "Which crate retries a failed model call? Read docs/architecture.md";
    let (_, answer) = Talk::new(readers())
        .turn(request, |_| ok(ARCHITECTURE))
        .await;
    assert!(
        answer.starts_with(
            "Exactly one retry loop exists, in `victor-provider`: it retries a failed model call"
        ),
        "{answer}"
    );
    assert!(answer.ends_with("(from docs/architecture.md)"), "{answer}");
    let only_table = ARCHITECTURE
        .replace("Exactly one retry loop exists", "One loop is there")
        .replace("retries a failed", "repeats a lost");
    let (_, answer) = Talk::new(readers())
        .turn(request, |_| ok(&only_table))
        .await;
    assert_eq!(
        answer,
        "`victor-provider`: Routes model calls to a provider and holds the one retry loop (from docs/architecture.md)"
    );
}

/// The answer to a request, when all tools give this result.
async fn check(request: &str, result: &str, expected: &str) {
    let (_, answer) = Talk::new(all()).turn(request, |_| ok(result)).await;
    assert_eq!(answer, expected, "{request}");
}

#[tokio::test]
async fn sentences_are_found_by_the_stems_of_their_words() {
    let notes = "# Notes\nWe met on Monday.\nThe deadline is Friday noon.\nBudget: 300\n- Ada *brings* **cake**\n";
    check(
        "What does notes.txt say about the deadline?",
        notes,
        "The deadline is Friday noon. (from notes.txt)",
    )
    .await;
    check(
        "How high is the budget? See notes.txt",
        notes,
        "Budget: 300 (from notes.txt)",
    )
    .await;
    check(
        "Read notes.txt. Who is bringing the cakes?",
        notes,
        "Ada *brings* cake (from notes.txt)",
    )
    .await;
    check(
        "Was steht in notizen.txt über den Termin?",
        "Es regnet.\nDer Termin ist Freitag.",
        "Der Termin ist Freitag. (from notizen.txt)",
    )
    .await;
    check(
        "notes.txtの締め切りは？",
        "予算は三百です。締め切りは金曜日です。",
        "締め切りは金曜日です。 (from notes.txt)",
    )
    .await;
}

#[tokio::test]
async fn orders_show_what_came_of_them() {
    check("list the files in src", "a.rs\nb.rs", "src:\na.rs\nb.rs").await;
    check("What is in the folder crates?", "a/\nb/", "crates:\na/\nb/").await;
    check(
        "search for `retry_after` in the code",
        "src/a.rs:3: retry_after",
        "search_files `retry_after`: src/a.rs:3: retry_after",
    )
    .await;
    check(
        "write 'hello' to out.txt",
        "wrote 5 bytes",
        "out.txt: wrote 5 bytes",
    )
    .await;
    check("run `ls -la`", "total 0", "run_command `ls -la`: total 0").await;
    check("Read empty.txt", "", "empty.txt: nothing.").await;
}

#[tokio::test]
async fn the_source_is_told_apart() {
    let (calls, answer) = Talk::new(readers())
        .turn(
            "Read a.txt and b.txt and tell me which one mentions Rust",
            |call| {
                ok(if call.arguments.contains("a.txt") {
                    "Python is old."
                } else {
                    "I write it in Rust."
                })
            },
        )
        .await;
    assert_eq!(calls.len(), 2);
    assert_eq!(answer, "I write it in Rust. (from b.txt)");
}

#[tokio::test]
async fn what_is_not_there_is_not_made_up() {
    check(
        "What does a.txt say about whales?",
        "Cats purr.",
        "I found no sentence about that. This is what I have:\na.txt: Cats purr.",
    )
    .await;
}

#[tokio::test]
async fn failures_are_told_with_the_words_of_the_tool() {
    let failed = async |outcome: ToolOutcome| {
        Talk::new(readers())
            .turn("What does a.txt say about cats?", |_| {
                (outcome.clone(), "no such file".into())
            })
            .await
            .1
    };
    assert_eq!(
        failed(ToolOutcome::Error).await,
        "`read_file` for a.txt failed: no such file"
    );
    assert_eq!(
        failed(ToolOutcome::Denied).await,
        "`read_file` for a.txt was not permitted: no such file"
    );
    assert_eq!(
        failed(ToolOutcome::TimedOut).await,
        "`read_file` for a.txt took too long: no such file"
    );
    assert_eq!(
        failed(ToolOutcome::Cancelled).await,
        "`read_file` for a.txt was cancelled: no such file"
    );
    assert_eq!(
        failed(ToolOutcome::Rejected).await,
        "`read_file` for a.txt was rejected: no such file"
    );
    let (_, both) = Talk::new(readers())
        .turn("Read a.txt and b.txt. What purrs?", |call| {
            if call.arguments.contains("a.txt") {
                (ToolOutcome::Error, "gone".into())
            } else {
                ok("Cats purr.")
            }
        })
        .await;
    assert_eq!(
        both,
        "`read_file` for a.txt failed: gone\nCats purr. (from b.txt)"
    );
}

#[tokio::test]
async fn the_conversation_answers_too() {
    let mut talk = Talk::new(readers());
    let mut say = async |text: &str| talk.turn(text, |_| ok("The deadline is Friday.")).await.1;
    say("My name is Ada.").await;
    assert_eq!(
        say("What is my name?").await,
        "You said: \"My name is Ada.\""
    );
    say("No, my name is Grace.").await;
    assert_eq!(
        say("What is my name?").await,
        "You said: \"No, my name is Grace.\""
    );
    say("Read plan.txt").await;
    assert_eq!(
        say("When is the deadline?").await,
        "The deadline is Friday. (from plan.txt)"
    );
    assert_eq!(
        say("I come by train. The train leaves at nine. When does the train leave?").await,
        "You said: \"The train leaves at nine.\""
    );
    assert!(
        say("What is the capital of France?")
            .await
            .starts_with("I have nothing to answer this from.")
    );
}

#[tokio::test]
async fn it_says_what_it_is() {
    for request in [
        "Who are you?",
        "What can you do?",
        "Are you an AI?",
        "what's your name",
        "Hello!",
        "",
        "?",
        "🦀",
    ] {
        let (_, answer) = Talk::new(readers()).turn(request, |_| ok("")).await;
        let mut says = [
            "offline-extractive",
            "not a language model",
            "`read_file`",
            "API key",
        ]
        .iter();
        assert!(
            says.all(|part| answer.contains(part)),
            "{request}: {answer}"
        );
    }
    let mut talk = Talk::new(vec![]);
    talk.model = talk.model.with_advice("Use `--model x`.");
    let (_, answer) = talk.turn("Who are you?", |_| ok("")).await;
    assert!(
        answer.ends_with("No tools are offered to me now. Use `--model x`."),
        "{answer}"
    );
}

// The first thing that the README lets people try.
#[tokio::test]
async fn the_project_explains_itself() {
    let text = include_str!("../../../../docs/architecture.md");
    let (calls, answer) = Talk::new(all())
        .turn(
            "Which crate retries a failed model call? Read docs/architecture.md",
            |_| ok(text),
        )
        .await;
    assert_eq!(calls, [r#"read_file {"path":"docs/architecture.md"}"#]);
    assert!(
        answer.contains("`victor-provider`") && answer.contains("retr"),
        "{answer}"
    );
}
