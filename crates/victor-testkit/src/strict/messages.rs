//! The Messages API.

use serde_json::Value;

use super::report::{Report, list};

/// Says what the strictest servers that speak the Messages API would refuse in a body.
///
/// - The user begins, and the turns alternate. No turn is empty and no text blank.
/// - Results come first in a turn, one for each call of the turn before. Calls are the model's, results the user's.
/// - Identifiers are unique, and like names they have at most 128 ASCII letters, digits, `_` and `-`. The input of a
///   call is an object.
/// - Thoughts are the model's, and have a signature, which may be empty.
///
/// # Errors
///
/// The faults of the body, with their places.
pub fn messages(body: &Value) -> Result<(), Vec<String>> {
    let mut report = Report::default();
    if let Some(system) = body.get("system") {
        report.content("system", system, &["text"]);
    }
    let mut expected = "user";
    for (place, turn) in list(&mut report, body, "messages") {
        let place = &*place;
        let role = turn["role"].as_str().unwrap_or_default();
        let is_role = ["user", "assistant"].contains(&role);
        report.demand(is_role, place, format!("the role is `{role}`"));
        let problem = format!("the {expected} should speak");
        report.demand(!is_role || role == expected, place, problem);
        expected = if role == "user" { "assistant" } else { "user" };
        let Some(blocks) = turn["content"].as_array() else {
            report.answered(place);
            report.content(place, &turn["content"], &[]);
            continue;
        };
        report.demand(!blocks.is_empty(), place, "the turn is empty");
        let is_result = |block: &&Value| block["type"] == "tool_result";
        let results = blocks.iter().take_while(is_result).count();
        for block in &blocks[..results] {
            report.result(place, &block["tool_use_id"]);
            report.demand(role == "user", place, "the model has a result");
            if let Some(content) = block.get("content") {
                report.content(place, content, &["text", "image", "document"]);
            }
        }
        report.answered(place);
        for block in &blocks[results..] {
            let problem = "a result stands behind something else";
            report.demand(!is_result(&block), place, problem);
            self::block(&mut report, place, role, block);
        }
    }
    report.answered("the end");
    report.finish()
}

fn block<'a>(report: &mut Report<'a>, place: &str, role: &str, block: &'a Value) {
    let kind = block["type"].as_str().unwrap_or_default();
    report.demand(!kind.is_empty(), place, "a block has no type");
    match kind {
        "text" => report.content(place, &block["text"], &[]),
        "tool_use" => {
            report.demand(role == "assistant", place, "the user has a call");
            report.call(place, &block["id"], &block["name"], (128, 128));
            let input = &block["input"];
            report.demand(
                input.is_object(),
                place,
                format!("the input {input} is no object"),
            );
        }
        "thinking" => {
            report.demand(role == "assistant", place, "the user has thoughts");
            report.demand(
                block["signature"].is_string(),
                place,
                "thoughts have no signature",
            );
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(turns: &[Value], expected: &[&str]) {
        let problems = messages(&json!({ "messages": turns })).err();
        assert_eq!(problems.unwrap_or_default(), expected);
    }

    fn turn(role: &str, blocks: &[Value]) -> Value {
        json!({"role": role, "content": blocks})
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    fn call(id: &str, name: &str, input: impl Into<Value>) -> Value {
        let input = input.into();
        json!({"type": "tool_use", "id": id, "name": name, "input": input})
    }

    fn result(id: &str) -> Value {
        json!({"type": "tool_result", "tool_use_id": id})
    }

    #[test]
    fn what_every_server_takes_is_no_problem() {
        check(
            &[
                json!({"role": "user", "content": "a"}),
                turn(
                    "assistant",
                    &[
                        json!({"type": "thinking", "thinking": "a", "signature": ""}),
                        text("a"),
                        call("c", "t", json!({})),
                        call("d", "t", json!({})),
                    ],
                ),
                turn("user", &[result("d"), result("c"), text("a")]),
                turn("assistant", &[json!({"type": "new"})]),
            ],
            &[],
        );
    }

    #[test]
    fn turns_alternate_and_none_is_empty() {
        let (user, model) = (turn("user", &[text("a")]), turn("assistant", &[text("a")]));
        check(&[], &["messages: there are none"]);
        check(&[model], &["messages[0]: the user should speak"]);
        check(
            &[user.clone(), user],
            &["messages[1]: the assistant should speak"],
        );
        check(&[turn("user", &[])], &["messages[0]: the turn is empty"]);
        check(
            &[turn("user", &[text(" ")])],
            &["messages[0]: the text is blank"],
        );
        check(
            &[turn("system", &[text("a")])],
            &["messages[0]: the role is `system`"],
        );
        let blank = json!({"system": [text("")], "messages": [turn("user", &[text("a")])]});
        assert_eq!(messages(&blank).unwrap_err(), ["system: a text is blank"]);
    }

    #[test]
    fn calls_and_results_are_pairs() {
        let user = turn("user", &[text("a")]);
        let called = turn("assistant", &[call("c", "t", json!({}))]);
        check(
            &[user.clone(), called.clone(), user.clone()],
            &["messages[2]: call `c` has no result"],
        );
        check(
            &[
                user.clone(),
                called.clone(),
                turn("user", &[text("a"), result("c")]),
            ],
            &[
                "messages[2]: call `c` has no result",
                "messages[2]: a result stands behind something else",
            ],
        );
        check(
            &[turn("user", &[result("c")])],
            &["messages[0]: no open call has the identifier \"c\""],
        );
        check(
            &[turn("user", &[call("c", "t", json!({}))])],
            &[
                "messages[0]: the user has a call",
                "the end: call `c` has no result",
            ],
        );
        let answered = turn("user", &[result("c")]);
        let again = [user, called.clone(), answered.clone(), called, answered];
        check(&again, &["messages[3]: the identifier `c` stands twice"]);
    }

    #[test]
    fn what_a_model_makes_up_is_found() {
        let check = |block: Value, problem: &str| {
            let result = block["id"]
                .as_str()
                .map(result)
                .map(|result| turn("user", &[result]));
            let turns: Vec<_> = [turn("user", &[text("a")]), turn("assistant", &[block])]
                .into_iter()
                .chain(result)
                .collect();
            check(&turns, &[&format!("messages[1]: {problem}")]);
        };
        check(
            call("a:0", "t", json!({})),
            "the identifier \"a:0\" is refused",
        );
        check(call("c", "a b", json!({})), "the name \"a b\" is refused");
        check(call("c", "t", json!("x")), "the input \"x\" is no object");
        let open = json!({"type": "thinking", "thinking": "a"});
        check(open, "thoughts have no signature");
        check(json!({}), "a block has no type");
    }
}
