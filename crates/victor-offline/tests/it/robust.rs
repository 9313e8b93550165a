//! Odd schemas, odd texts and large ones.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;
use victor_core::{Effect, ToolSpec};

use crate::support::{Talk, all, ok, readers};

#[tokio::test]
async fn odd_schemas_do_no_harm() {
    let schemas = [
        json!(null),
        json!(false),
        json!("x"),
        json!([1]),
        json!({}),
        json!({"properties": [], "required": {}}),
        json!({"required": ["path", 7]}),
        json!({"$ref": "#"}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
        json!({"properties": {"a": {"type": ["null"]}, "b": {"anyOf": []}, "c": {"enum": [1, null]}}, "required": ["a", "b", "c"]}),
        json!({"properties": {"a": {"type": "object", "properties": {"b": {"type": "array", "items": {"$ref": "#/x~y"}}}}}}),
        json!({"properties": {"": {"type": "string", "description": 7}}, "required": [""]}),
    ];
    for schema in schemas {
        let tools =
            vec![ToolSpec::new("read_file", "", schema.clone()).with_effect(Effect::ReadOnly)];
        let (calls, answer) = Talk::new(tools)
            .turn("Read a.txt, b and 7", |_| ok("x"))
            .await;
        assert!(calls.len() <= 1, "{schema}: {calls:?}");
        assert!(!answer.is_empty());
    }
}

/// Work that grows with the square of the text takes minutes; ours takes a second without optimisation, and 30 ms with.
const TOO_LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_megabyte_is_read_in_linear_time() {
    let line = "The provider waits before the next attempt, and every other sentence is about something else. ";
    let prose = format!("{}\nThe deadline is Friday.\n{0}", line.repeat(5500));
    let lines = format!(
        "{}The deadline is Friday.\n",
        "src/lib.rs:12: let waits = provider.attempt();\n".repeat(22_000)
    );
    let one_line = format!("{} The deadline is Friday.", "x".repeat(1_000_000));
    for text in [prose, lines, one_line] {
        let begin = Instant::now();
        let (_, answer) = Talk::new(readers())
            .turn("When is the deadline? Read a.txt", |_| ok(&text))
            .await;
        assert!(begin.elapsed() < TOO_LONG, "{:?}", begin.elapsed());
        assert!(
            answer.contains("The deadline is Friday. (from a.txt)"),
            "{}",
            &answer[..answer.len().min(500)]
        );
    }
}

#[tokio::test]
async fn much_may_be_pasted() {
    for pasted in ["word, and read ", "„'\"`", "a.txt ", "Read a.txt. "] {
        let request = format!(
            "{} When is the deadline?",
            pasted.repeat(250_000 / pasted.len())
        );
        let begin = Instant::now();
        let (calls, _) = Talk::new(all()).turn(&request, |_| ok("x")).await;
        assert!(
            begin.elapsed() < TOO_LONG,
            "{pasted}: {:?}",
            begin.elapsed()
        );
        assert!(calls.len() <= 1, "{calls:?}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z './?!`\"|#*\\-_:(\\n\\t締めã«»„“「」]{0,80}",
        "(Read|Write|List|find|run|What is in) [a-z/.`']{0,20} (and|to|in) [a-z/.`' ]{0,30}[?.!]?",
    ]
}

proptest! {
    #[test]
    fn no_text_does_harm_and_the_same_has_the_same_answer(said in text(), asked in text(), result in text()) {
        prop_assume!(!said.is_empty() && !asked.is_empty() && !result.is_empty());
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let run = || runtime.block_on(async {
            let mut talk = Talk::new(all());
            talk.turn(&said, |_| ok(&result)).await;
            talk.turn(&asked, |_| ok(&result)).await
        });
        let (calls, answer) = run();
        prop_assert!(calls.len() <= 16);
        prop_assert!(!answer.is_empty());
        prop_assert_eq!((calls, answer), run());
    }
}
