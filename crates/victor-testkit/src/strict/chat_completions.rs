//! Chat Completions.

use serde_json::Value;

use super::report::{Report, list};

/// The messages that may follow.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    User,
    Assistant,
    Results,
}

/// Says what the strictest servers that speak Chat Completions would refuse in a body.
///
/// - Roles alternate as the chat templates of Mistral and Gemma have it: one message of the system at most, at the
///   beginning; then the user; an answer between the results of tools and what the user says.
/// - Every call has one result right behind it, and every result a call.
/// - Identifiers are unique, have at most 40 characters, and like names (at most 64) only ASCII letters, digits, `_`
///   and `-`. Arguments are a JSON object, without half of a surrogate pair.
/// - No content is blank but that of a message with calls.
///
/// # Errors
///
/// The faults of the body, with their places.
pub fn chat_completions(body: &Value) -> Result<(), Vec<String>> {
    let mut report = Report::default();
    let mut next = Next::User;
    for (index, (place, message)) in list(&mut report, body, "messages").into_iter().enumerate() {
        let place = &*place;
        let content = &message["content"];
        let role = message["role"].as_str().unwrap_or_default();
        if role != "tool" {
            report.answered(place);
        }
        match role {
            "system" | "developer" => {
                report.instructions(place, index == 0, content, &["text"]);
            }
            "user" => {
                let problem = "the user speaks where the model should";
                report.demand(next == Next::User, place, problem);
                report.content(place, content, &["text", "image_url", "file"]);
                next = Next::Assistant;
            }
            "assistant" => {
                let problem = "the model speaks where the user should";
                report.demand(next != Next::User, place, problem);
                next = assistant(&mut report, place, message);
            }
            "tool" => {
                let problem = "a result stands where there are no calls";
                report.demand(next == Next::Results, place, problem);
                report.result(place, &message["tool_call_id"]);
                report.content(place, content, &["text"]);
                if !report.is_open() {
                    next = Next::Assistant;
                }
            }
            other => report.unknown_role(place, other),
        }
    }
    report.answered("the end");
    report.finish()
}

fn assistant<'a>(report: &mut Report<'a>, place: &str, message: &'a Value) -> Next {
    let content = &message["content"];
    let Some(calls) = message.get("tool_calls") else {
        report.content(place, content, &["text", "thinking"]);
        return Next::User;
    };
    if !(content.is_null() || content == "") {
        report.content(place, content, &["text", "thinking"]);
    }
    let calls = calls.as_array().map(Vec::as_slice).unwrap_or_default();
    report.demand(!calls.is_empty(), place, "the list of calls is empty");
    for call in calls {
        let function = &call["function"];
        report.demand(call["type"] == "function", place, "a call has no type");
        report.call(place, &call["id"], &function["name"], (40, 64));
        report.arguments(place, &function["arguments"]);
    }
    Next::Results
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(messages: &[Value], expected: &[&str]) {
        let body = json!({ "messages": messages });
        let problems = chat_completions(&body).err().unwrap_or_default();
        assert_eq!(problems, expected);
    }

    fn text(role: &str) -> Value {
        json!({"role": role, "content": "a"})
    }

    fn call(id: &str, name: &str, arguments: &str) -> Value {
        let function = json!({"name": name, "arguments": arguments});
        json!({
            "role": "assistant",
            "content": null,
            "tool_calls": [{"id": id, "type": "function", "function": function}]
        })
    }

    fn result(id: &str) -> Value {
        json!({"role": "tool", "tool_call_id": id, "content": "a"})
    }

    #[test]
    fn what_every_server_takes_is_no_problem() {
        let picture = json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://i"}}]});
        check(
            &[
                text("system"),
                picture,
                call("c", "t", "{}"),
                result("c"),
                call("d", "t", r#"{"a":"\ud83d\ude00"}"#),
                result("d"),
                text("assistant"),
                text("user"),
            ],
            &[],
        );
    }

    #[test]
    fn roles_alternate() {
        let (user, model) = (text("user"), text("assistant"));
        let speaks = |index: usize, one: &str, other: &str| {
            format!("messages[{index}]: the {one} speaks where the {other} should")
        };
        check(&[], &["messages: there are none"]);
        check(std::slice::from_ref(&model), &[&speaks(0, "model", "user")]);
        check(
            &[user.clone(), user.clone()],
            &[&speaks(1, "user", "model")],
        );
        check(
            &[user.clone(), model.clone(), model],
            &[&speaks(2, "model", "user")],
        );
        check(
            &[
                user.clone(),
                call("c", "t", "{}"),
                result("c"),
                user.clone(),
            ],
            &[&speaks(3, "user", "model")],
        );
        check(
            &[user.clone(), text("system")],
            &["messages[1]: instructions stand behind the beginning"],
        );
        check(&[text("bot")], &["messages[0]: the role is `bot`"]);
    }

    #[test]
    fn calls_and_results_are_pairs() {
        let user = text("user");
        let call = |id: &str| call(id, "t", "{}");
        check(
            &[user.clone(), call("c"), text("assistant")],
            &["messages[2]: call `c` has no result"],
        );
        check(
            &[user.clone(), result("c")],
            &[
                "messages[1]: a result stands where there are no calls",
                "messages[1]: no open call has the identifier \"c\"",
            ],
        );
        check(
            &[user, call("c"), result("c"), call("c"), result("d")],
            &[
                "messages[3]: the identifier `c` stands twice",
                "messages[4]: no open call has the identifier \"d\"",
                "the end: call `c` has no result",
            ],
        );
    }

    #[test]
    fn what_a_model_makes_up_is_found() {
        let check = |message: Value, problem: &str| {
            let id = message["tool_calls"][0]["id"].as_str().unwrap().to_owned();
            let messages = [text("user"), message, result(&id)];
            check(&messages, &[&format!("messages[1]: {problem}")]);
        };
        let long = "c".repeat(41);
        check(
            call(&long, "t", "{}"),
            &format!("the identifier \"{long}\" is refused"),
        );
        check(call("a:0", "t", "{}"), "the identifier \"a:0\" is refused");
        check(call("c", "a.b", "{}"), "the name \"a.b\" is refused");
        check(call("c", "", "{}"), "the name \"\" is refused");
        for arguments in ["", "[1]", "{\"a\"", "{}{}", r#"{"a":"\ud83d"}"#] {
            let written = Value::from(arguments);
            let problem = format!("the arguments {written} are no object");
            check(call("c", "t", arguments), &problem);
        }
    }

    #[test]
    fn no_content_is_blank() {
        let user = |content: Value| json!({"role": "user", "content": content});
        let check = |content: Value, problem: &str| {
            check(&[user(content)], &[&format!("messages[0]: {problem}")]);
        };
        check(json!(" \n"), "the text is blank");
        check(json!([]), "the content is empty");
        check(json!([{"type": "text", "text": ""}]), "a text is blank");
        check(json!([{"type": "audio"}]), "a part is of type `audio`");
        check(Value::Null, "the content is null");
    }
}
