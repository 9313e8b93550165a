//! The words by which a tool is found.

use serde_json::Value;
use victor_core::ToolSpec;

/// The words of a tool's parameters: their names, descriptions and permitted values.
pub(crate) fn parameter_words(tool: &ToolSpec) -> String {
    let mut words = Vec::new();
    collect(&tool.input_schema, &mut words);
    words.join("\n")
}

fn collect<'a>(schema: &'a Value, words: &mut Vec<&'a str>) {
    match schema {
        Value::Array(schemas) => schemas.iter().for_each(|schema| collect(schema, words)),
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match (keyword.as_str(), value) {
                    ("description", Value::String(text)) => words.push(text),
                    ("enum", Value::Array(values)) => {
                        words.extend(values.iter().filter_map(Value::as_str));
                    }
                    ("properties", Value::Object(properties)) => {
                        for (name, schema) in properties {
                            words.push(name);
                            collect(schema, words);
                        }
                    }
                    _ => collect(value, words),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use victor_core::ToolSpec;

    use super::parameter_words;

    #[test]
    fn parameters_are_told_by_name_description_and_values() {
        let check = |schema: Value, expected: &str| {
            let tool = ToolSpec::new("x", "not this", schema);
            assert_eq!(parameter_words(&tool), expected);
        };
        check(
            json!({ "type": "object", "properties": {
                "mode": { "type": "array", "items": { "enum": ["fast", 1], "description": "How" } },
            } }),
            "mode\nHow\nfast",
        );
        // A parameter may have the name of a keyword.
        check(
            json!({ "properties": { "enum": {}, "description": { "description": "What" } } }),
            "description\nWhat\nenum",
        );
        check(
            json!({ "anyOf": [{ "properties": { "a": true } }, { "properties": { "b": {} } }] }),
            "a\nb",
        );
        check(json!({}), "");
        check(Value::Null, "");
    }
}
