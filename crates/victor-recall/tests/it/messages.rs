use serde_json::{Value, json};
use victor_core::{Message, ToolOutcome};

use crate::{called, named, returned, said, tool};

#[tokio::test]
async fn a_message_is_read_by_any_of_its_names() {
    let messages = [
        named(0xfeed_0000_0000_0000_0007, "first"),
        named(0xfeed_0000_0000_0000_0abc, "second"),
        Message::user("third"),
    ];
    let (_, tool) = tool(&messages).await;
    let second = "#2 user, 2026-05-04 09:30 UTC:\nsecond\n(before, #1 user: first)\n(after, #3 user: third)\n";
    let missing = |name: &str| {
        format!(
            "not found: there is no message {name}: messages are numbered from 1 to 3; search with `query` to see \
             numbers"
        )
    };
    let nothing =
        "invalid arguments: give `query`, words to search for, or `message`, which message to read";
    for (arguments, expected) in [
        (json!({ "message": "2" }), second),
        (json!({ "message": 2 }), second),
        (json!({ "message": " #2 " }), second),
        (json!({ "message": "000000000abc" }), second),
        (json!({ "message": "000000000ABC" }), second),
        (json!({ "message": messages[1].id().to_string() }), second),
        (json!({ "message": "2", "query": "third" }), second),
        (
            json!({ "message": "000000000007" }),
            "#1 user, 2026-05-04 09:30 UTC:\nfirst\n(after, #2 user: second)\n",
        ),
        (json!({ "message": "0" }), &missing("0")),
        (json!({ "message": "4" }), &missing("4")),
        (json!({ "message": -1 }), &missing("-1")),
        (
            json!({ "message": "99999999999999999999" }),
            &missing("99999999999999999999"),
        ),
        (json!({ "message": "the last" }), &missing("the last")),
        (
            json!({ "message": "2", "page": 2 }),
            "not found: message 2 has no page 2",
        ),
        (
            json!({ "message": "2", "page": 0 }),
            "not found: message 2 has no page 0",
        ),
        (json!({}), nothing),
        (json!({ "query": " ", "message": "" }), nothing),
    ] {
        assert_eq!(
            said(&tool, arguments.clone()).await,
            expected,
            "{arguments}"
        );
    }
}

#[tokio::test]
async fn the_pages_of_a_message_are_the_whole_message() {
    let text: String = (0..4000).map(|word| format!("wörd{word} ")).collect();
    let (_, tool) = tool(&[Message::user(&*text)]).await;
    let (mut whole, mut pages) = (String::new(), 0);
    let mut next = Some(json!({ "message": "1" }));
    while let Some(arguments) = next {
        let report = said(&tool, arguments).await;
        let (_, body) = report.split_once(":\n").unwrap();
        let (page, note) = body.trim_end().rsplit_once("\n[").unwrap();
        assert!(page.len() <= 8_000);
        whole += page;
        pages += 1;
        let call = note.split_once("the next: recall ");
        next = call.map(|(_, arguments)| {
            serde_json::from_str::<Value>(arguments.trim_end_matches(']')).unwrap()
        });
    }
    assert_eq!(whole.trim_end(), text.trim_end());
    assert_eq!(pages, text.len().div_ceil(8_000));
}

#[tokio::test]
async fn what_the_tool_has_found_is_not_read_again() {
    let messages = [
        called("recall", r#"{"query":"a"}"#),
        returned("recall", ToolOutcome::Success, "found"),
        Message::assistant("It is this."),
    ];
    let (_, tool) = tool(&messages).await;
    assert_eq!(
        said(&tool, json!({ "message": "2" })).await,
        "#2 tool, 2026-05-04 09:30 UTC:\n[nothing but a search of the conversation]\n(after, #3 assistant: It is this.)\n"
    );
}
