//! The Responses API.

use serde_json::Value;

use super::report::{Report, is_name, list};

/// The kind of an item, as far as its neighbours are concerned.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Beginning,
    User,
    Results,
    /// A message of the model, in an item like any other.
    Said,
    /// Of the model, and apart from what is said before and after it.
    Apart,
    Reasoning,
}

/// Says what the strictest servers that speak the Responses API would refuse in a body.
///
/// - Items become messages of a chat template, so that roles alternate as in
///   [Chat Completions](super::chat_completions): instructions stand in `instructions`, or at the beginning; the user
///   begins; an answer stands between results and what the user says.
/// - Every call has one result before the user or the model goes on, and every result a call.
/// - Identifiers of calls are unique, and like those of items and like names they have at most 64 ASCII letters,
///   digits, `_` and `-`. Arguments are a JSON object, without half of a surrogate pair.
/// - Reasoning is followed by what it led to. No content is blank.
///
/// # Errors
///
/// The faults of the body, with their places.
pub fn responses(body: &Value) -> Result<(), Vec<String>> {
    let mut report = Report::default();
    let mut before = Kind::Beginning;
    let items = list(&mut report, body, "input");
    let count = items.len();
    for (index, (place, item)) in items.into_iter().enumerate() {
        let place = &*place;
        if let Some(id) = item.get("id").filter(|id| !id.is_null()) {
            report.demand(
                is_name(id, 64),
                place,
                format!("the identifier {id} is refused"),
            );
        }
        let kind = item["type"].as_str().unwrap_or("message");
        let next = match (kind, item["role"].as_str().unwrap_or_default()) {
            ("message", "user") => Kind::User,
            ("message", "assistant") => said(item),
            ("message", "system" | "developer") => {
                let is_first = index == 0 && body.get("instructions").is_none();
                report.instructions(place, is_first, &item["content"], &["input_text"]);
                continue;
            }
            ("message", other) => {
                report.unknown_role(place, other);
                continue;
            }
            ("function_call_output", _) => Kind::Results,
            ("reasoning", _) => Kind::Reasoning,
            ("", _) => {
                report.demand(false, place, "the item has no type");
                continue;
            }
            _ => Kind::Apart,
        };
        follows(&mut report, place, before, next);
        if kind != "function_call" && next != Kind::Results {
            report.answered(place);
        }
        match kind {
            "message" if next == Kind::User => {
                let types = ["input_text", "input_image", "input_file"];
                report.content(place, &item["content"], &types);
            }
            "message" => report.content(
                place,
                &item["content"],
                &["input_text", "output_text", "refusal"],
            ),
            "function_call" => {
                report.call(place, &item["call_id"], &item["name"], (64, 64));
                report.arguments(place, &item["arguments"]);
            }
            "function_call_output" => {
                report.result(place, &item["call_id"]);
                let types = ["input_text", "input_image", "input_file"];
                report.content(place, &item["output"], &types);
            }
            _ => {}
        }
        let is_last = index + 1 == count;
        report.demand(
            next != Kind::Reasoning || !is_last,
            place,
            "reasoning leads to nothing",
        );
        before = next;
    }
    report.answered("the end");
    report.finish()
}

/// Returns the kind of a message of the model. One with a field of its own is an item apart.
fn said(item: &Value) -> Kind {
    let fields = item.as_object().into_iter().flat_map(|item| item.keys());
    let is_plain = |field: &String| ["type", "role", "content"].contains(&field.as_str());
    if fields.into_iter().all(is_plain) {
        Kind::Said
    } else {
        Kind::Apart
    }
}

fn follows(report: &mut Report<'_>, place: &str, before: Kind, next: Kind) {
    let problem = match (before, next) {
        (Kind::User | Kind::Results, Kind::User) => "the user speaks where the model should",
        (Kind::Said, Kind::Said) => "the model speaks where the user should",
        (Kind::Beginning, next) if next != Kind::User => "the user does not begin",
        (Kind::Reasoning, Kind::User | Kind::Results) => "reasoning leads to nothing",
        _ => return,
    };
    report.demand(false, place, problem);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(items: &[Value], expected: &[&str]) {
        let problems = responses(&json!({ "input": items })).err();
        assert_eq!(problems.unwrap_or_default(), expected);
    }

    fn text(role: &str) -> Value {
        json!({"role": role, "content": "a"})
    }

    fn call(id: &str, name: &str, arguments: &str) -> Value {
        json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
    }

    fn result(id: &str) -> Value {
        json!({"type": "function_call_output", "call_id": id, "output": "a"})
    }

    #[test]
    fn what_every_server_takes_is_no_problem() {
        let named = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "a", "annotations": []}]});
        check(
            &[
                text("developer"),
                text("user"),
                json!({"type": "reasoning", "id": "rs_1", "summary": []}),
                named.clone(),
                named,
                text("assistant"),
                call("c", "t", "{}"),
                call("d", "t", "{}"),
                result("d"),
                result("c"),
                json!({"type": "web_search_call", "id": "ws_1"}),
                text("assistant"),
                text("user"),
            ],
            &[],
        );
    }

    #[test]
    fn roles_alternate() {
        let (user, model) = (text("user"), text("assistant"));
        check(&[], &["input: there are none"]);
        check(
            std::slice::from_ref(&model),
            &["input[0]: the user does not begin"],
        );
        let speaks = "input[1]: the user speaks where the model should";
        check(&[user.clone(), user.clone()], &[speaks]);
        check(
            &[user.clone(), model.clone(), model],
            &["input[2]: the model speaks where the user should"],
        );
        check(
            &[
                user.clone(),
                call("c", "t", "{}"),
                result("c"),
                user.clone(),
            ],
            &["input[3]: the user speaks where the model should"],
        );
        let behind = "input[1]: instructions stand behind the beginning";
        check(&[user.clone(), text("system")], &[behind]);
        let twice = json!({"instructions": "a", "input": [text("system"), user]});
        let behind = "input[0]: instructions stand behind the beginning";
        assert_eq!(responses(&twice).unwrap_err(), [behind]);
        check(&[text("bot")], &["input[0]: the role is `bot`"]);
    }

    #[test]
    fn calls_and_results_are_pairs_and_reasoning_leads_on() {
        let (user, reasoning) = (text("user"), json!({"type": "reasoning", "summary": []}));
        check(
            &[user.clone(), call("c", "t", "{}"), text("assistant")],
            &["input[2]: call `c` has no result"],
        );
        check(
            &[user.clone(), text("assistant"), result("c")],
            &["input[2]: no open call has the identifier \"c\""],
        );
        let nothing = |index: usize| format!("input[{index}]: reasoning leads to nothing");
        check(&[user.clone(), reasoning.clone()], &[&nothing(1)]);
        check(&[user.clone(), reasoning, user], &[&nothing(2)]);
    }

    #[test]
    fn what_a_model_makes_up_is_found() {
        let check = |item: Value, problem: &str| {
            let result = item["call_id"].as_str().map(result);
            let items: Vec<_> = [text("user"), item].into_iter().chain(result).collect();
            check(&items, &[&format!("input[1]: {problem}")]);
        };
        let long = "c".repeat(65);
        let refused = |id: &str| format!("the identifier \"{id}\" is refused");
        check(call(&long, "t", "{}"), &refused(&long));
        check(json!({"type": "x_call", "id": "a.b"}), &refused("a.b"));
        check(call("c", "读", "{}"), "the name \"读\" is refused");
        check(call("c", "t", "{"), "the arguments \"{\" are no object");
        let blank = json!({"role": "assistant", "content": " "});
        check(blank, "the text is blank");
    }
}
