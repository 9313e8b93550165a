//! Configurations of [promptfoo](https://www.promptfoo.dev/docs/configuration/guide/).

use serde_json::{Map, Value};
use victor_evaluation_protocol::EvalCase;

use crate::dataset::Cases;
use crate::pydantic::text;
use crate::template::fill;

/// Reads `tests`: each with each of the `prompts`, whose variables its `vars` fill, with those of `defaultTest` beneath.
/// The assertions `equals` and `contains` become expected answers; all of them are kept in the metadata under `assert`.
/// A prompt or a list of tests in another file is told as a problem, since nothing else is read.
pub(crate) fn read(file: &Map<String, Value>, cases: &mut Cases) {
    let empty = Vec::new();
    let list = |name: &str| file.get(name).and_then(Value::as_array);
    let mut prompts = Vec::new();
    for (number, prompt) in (1..).zip(list("prompts").unwrap_or(&empty)) {
        let content = prompt.get("raw").or(Some(prompt)).and_then(Value::as_str);
        match content {
            Some(prompt) if prompt.starts_with("file://") => {
                cases.problem(
                    &format!("prompt {number}"),
                    &format!("`{prompt}` is in another file: put it here"),
                );
            }
            Some(prompt) => prompts.push(prompt),
            None => cases.problem(&format!("prompt {number}"), "expected a text"),
        }
    }
    if prompts.is_empty() {
        return cases.problem("`prompts`", "there is none");
    }
    let Some(tests) = list("tests") else {
        return cases.problem("`tests`", "expected a list in this file");
    };
    let default = file.get("defaultTest").and_then(Value::as_object);
    for (number, test) in (1..).zip(tests) {
        for (prompt_number, prompt) in (1..).zip(&prompts) {
            let id = if prompts.len() == 1 {
                number.to_string()
            } else {
                format!("{number}/{prompt_number}")
            };
            cases.push(&format!("test {number}"), case(prompt, test, default, &id));
        }
    }
}

fn case(
    prompt: &str,
    test: &Value,
    default: Option<&Map<String, Value>>,
    id: &str,
) -> Result<EvalCase, String> {
    let test = test.as_object().ok_or("expected an object with `vars`")?;
    let mut vars = Map::new();
    let mut asserts = Vec::new();
    for fields in default.into_iter().chain([test]) {
        if let Some(Value::Object(own)) = fields.get("vars") {
            vars.extend(own.clone());
        }
        if let Some(Value::Array(own)) = fields.get("assert") {
            asserts.extend(own.iter().cloned());
        }
    }
    let id = test.get("description").and_then(Value::as_str).map_or_else(
        || id.to_owned(),
        |description| format!("{id} {description}"),
    );
    let mut case = EvalCase::new(id, fill(prompt, &vars)?);
    for assert in &asserts {
        let kind = assert
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let ("equals" | "contains" | "icontains", Some(value)) = (kind, assert.get("value")) {
            case.expected.text.push(fill(&text(value), &vars)?);
        }
    }
    case.metadata = vars;
    if !asserts.is_empty() {
        case.metadata.insert("assert".to_owned(), asserts.into());
    }
    Ok(case)
}
