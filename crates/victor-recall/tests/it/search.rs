use serde_json::{Value, json};
use victor_core::{Effect, Image, MediaSource, Message, Part, Role, Thinking, ToolOutcome};
use victor_testkit::conformance;
use victor_tool_protocol::Tool;

use crate::{TURN, call, called, returned, said, tool, write, write_by};

/// A conversation of every kind of message.
fn conversation() -> Vec<Message> {
    let thought = Thinking::new("Perhaps a zeppelin");
    let picture = Image::new(MediaSource::Url("https://example.org/roof.png".into()));
    vec![
        Message::user("Our database is called orders_eu."),
        Message::new(
            Role::Assistant,
            vec![thought.into(), Part::text("Good to know.")],
        ),
        Message::user("Read the config"),
        called("read_file", r#"{"path":"config/pump.toml"}"#),
        returned("read_file", ToolOutcome::Success, "pressure = 41"),
        called("recall", r#"{"query":"submarine"}"#),
        returned("recall", ToolOutcome::Success, "#1: the submarine"),
        Message::new(
            Role::User,
            vec![Part::Image(picture), Part::text("See the roof")],
        ),
        called("fetch", r#"{"url":"a"}"#),
        returned("fetch", ToolOutcome::TimedOut, "no gazette"),
    ]
}

/// Which messages are found for a query, best first, by their numbers.
fn numbers(report: &str) -> Vec<&str> {
    let lines = report.lines().filter_map(|line| line.strip_prefix('#'));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

#[tokio::test]
async fn what_was_said_called_and_returned_is_found() {
    let (_, tool) = tool(&conversation()).await;
    for (query, expected) in [
        ("What is the name of the database?", &["1"] as &[_]),
        ("ordersEu", &["1"]),
        ("pump.toml", &["4"]),
        ("pressures", &["5"]),
        ("roof", &["8"]),
        ("gazette", &["10"]),
        ("config", &["3", "4"]),
        // Thoughts, and what the tool itself has been asked and has found.
        ("zeppelin", &[]),
        ("submarine", &[]),
        ("recall", &[]),
        // No word says anything.
        ("what is it?", &[]),
        ("东京", &[]),
    ] {
        let report = said(&tool, json!({ "query": query })).await;
        assert_eq!(numbers(&report), expected, "{query}: {report}");
    }
}

#[tokio::test]
async fn a_hit_says_who_and_when_and_what_stands_beside_it() {
    let (_, tool) = tool(&conversation()).await;
    let check = async |query: &str, expected: &str| {
        assert_eq!(said(&tool, json!({ "query": query })).await, expected);
    };
    check(
        "pressure",
        "Found 1 of 10 messages, best first.

#5 tool, 2026-05-04 09:30 UTC:
read_file returned: pressure = 41
(before, #4 assistant: called read_file with {\"path\":\"config/pump.toml\"})
",
    )
    .await;
    check(
        "roof",
        "Found 1 of 10 messages, best first.

#8 user, 2026-05-04 09:30 UTC:
[image]
See the roof
(after, #9 assistant: called fetch with {\"url\":\"a\"})
",
    )
    .await;
    check(
        "gazette",
        "Found 1 of 10 messages, best first.

#10 tool, 2026-05-04 09:30 UTC:
fetch returned (timed_out): no gazette
(before, #9 assistant: called fetch with {\"url\":\"a\"})
",
    )
    .await;
    check(
        "zeppelin",
        "None of 10 messages has a word of the query. Try other words: synonyms, names, numbers.",
    )
    .await;
}

#[tokio::test]
async fn a_long_message_is_shown_where_it_fits_with_the_call_for_the_rest() {
    let filler = |lines: std::ops::Range<usize>| -> String {
        lines
            .map(|line| format!("line {line} of the log\n"))
            .collect()
    };
    let log = filler(0..600) + "the turbine failed\n" + &filler(600..900);
    let result = returned("read_log", ToolOutcome::Success, &log);
    let (_, tool) = tool(&[result]).await;

    let report = said(&tool, json!({ "query": "turbine" })).await;
    assert!(report.contains("the turbine failed\n"), "{report}");
    assert!(report.len() < 900, "{report}");
    let note = report.lines().last().unwrap();
    let (_, arguments) = note.split_once("for the rest: recall ").expect(note);
    let arguments: Value = serde_json::from_str(arguments.trim_end_matches(']')).unwrap();
    assert_eq!(arguments, json!({ "query": "", "message": "1", "page": 2 }));
    let page = said(&tool, arguments).await;
    assert!(page.contains("the turbine failed\n"), "{page}");
    // A message is one hit, however many of its passages fit.
    assert_eq!(
        numbers(&said(&tool, json!({ "query": "log" })).await),
        ["1"]
    );
}

#[tokio::test]
async fn the_limit_holds() {
    let messages: Vec<_> = (0..30)
        .map(|day| Message::user(format!("day {day}")))
        .collect();
    let (_, tool) = tool(&messages).await;
    for (arguments, expected) in [
        (json!({ "query": "day" }), 5),
        (json!({ "query": "day", "limit": 1 }), 1),
        (json!({ "query": "day", "limit": 20 }), 20),
        (json!({ "query": "day", "limit": 99 }), 20),
        (json!({ "query": "day 7", "limit": 1, "message": "" }), 1),
    ] {
        let report = said(&tool, arguments.clone()).await;
        assert_eq!(numbers(&report).len(), expected, "{arguments}: {report}");
    }
}

#[tokio::test]
async fn the_request_that_is_worked_on_is_not_found() {
    let (store, tool) = tool(&[Message::user("The wine is from Jura")]).await;
    let now = [
        Message::user("Which wine was it?"),
        called("look", r#"{"at":"wine"}"#),
    ];
    write_by(TURN, &store, "s", &now).await;
    let report = said(&tool, json!({ "query": "wine" })).await;
    assert_eq!(numbers(&report), ["1", "3"], "{report}");
}

#[tokio::test]
async fn nothing_of_another_session_is_shown() {
    let (store, tool) = tool(&[Message::user("The key is under the mat")]).await;
    write(&store, "other", &[Message::user("The key is in the shed")]).await;
    for (session, shown, hidden) in [("s", "mat", "shed"), ("other", "shed", "mat")] {
        for arguments in [json!({ "query": "key" }), json!({ "message": 1 })] {
            let report = call(&tool, session, arguments).await.unwrap();
            assert!(
                report.contains(shown) && !report.contains(hidden),
                "{report}"
            );
        }
    }
    let report = call(&tool, "nobody", json!({ "query": "key" })).await;
    assert!(report.unwrap().starts_with("None of 0 messages"));
}

#[tokio::test]
async fn it_is_a_tool_by_the_law_that_reads_only() {
    let (store, tool) = tool(&[]).await;
    assert_eq!(tool.spec().effect, Effect::ReadOnly);
    write(&store, "default", &conversation()).await;
    conformance::tool(&tool, &json!({ "query": "database" })).await;
    conformance::tool(&tool, &json!({ "message": "1" })).await;
}
