//! Datasets of [pydantic-evals](https://ai.pydantic.dev/evals/).

use serde_json::{Map, Value};
use victor_evaluation_protocol::EvalCase;

use crate::dataset::Cases;

/// Reads `cases` with `name`, `inputs`, `expected_output` and `metadata`. Evaluators of the file are kept in the
/// metadata under `evaluators`: which of ours they are is the reader's to say.
pub(crate) fn read(file: &Map<String, Value>, cases: &mut Cases) {
    let Some(list) = file["cases"].as_array() else {
        return cases.problem("`cases`", "expected a list");
    };
    for (number, value) in (1..).zip(list) {
        cases.push(&format!("case {number}"), case(value, number));
    }
}

fn case(value: &Value, number: u32) -> Result<EvalCase, String> {
    let fields = value
        .as_object()
        .ok_or("expected an object with `inputs`")?;
    let inputs = fields.get("inputs").ok_or("it has no `inputs`")?;
    let name = fields.get("name").and_then(Value::as_str);
    let name = name.map_or_else(|| number.to_string(), str::to_owned);
    let mut case = EvalCase::new(name, text(inputs));
    case.expected.text.extend(
        fields
            .get("expected_output")
            .filter(|value| !value.is_null())
            .map(text),
    );
    if let Some(Value::Object(metadata)) = fields.get("metadata") {
        case.metadata.clone_from(metadata);
    }
    if let Some(evaluators) = fields
        .get("evaluators")
        .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
    {
        case.metadata
            .insert("evaluators".to_owned(), evaluators.clone());
    }
    Ok(case)
}

/// A text as it is, and any other value as JSON.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
