//! The check of arguments by their shape, for builds without a validator of JSON Schema.

use std::{fmt, slice};

use serde_json::Value;

use super::{no_option, properties, unknown, wrong_type};

/// A schema of which the shape counts: `type`, `enum`, `required`, `properties`, `items` and `additionalProperties:
/// false`. All else that it says, such as limits, patterns, alternatives and references, is left to the tool.
#[derive(Debug)]
pub(crate) struct Schema;

impl Schema {
    /// Takes a schema whose shape can be read, or says why it cannot.
    #[cfg_attr(
        feature = "json-schema",
        expect(dead_code, reason = "the validator is there")
    )]
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        read(&Path::ROOT, schema).map(|()| Self)
    }

    /// Lists how arguments do not fit.
    pub(super) fn violations(&self, schema: &Value, arguments: &Value) -> Vec<String> {
        let mut violations = Vec::new();
        check(&Path::ROOT, schema, arguments, &mut violations);
        violations
    }
}

/// A place in a JSON value, which is written only where something is wrong with it.
struct Path<'a>(Option<(&'a Path<'a>, Step<'a>)>);

enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

impl Path<'_> {
    const ROOT: Path<'static> = Path(None);
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => Ok(()),
            Some((outer, Step::Field(name))) => write!(f, "{outer}/{name}"),
            Some((outer, Step::Item(index))) => write!(f, "{outer}/{index}"),
        }
    }
}

const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

fn read(path: &Path<'_>, schema: &Value) -> Result<(), String> {
    let word = |word: &str, expected: &str, is_right: fn(&Value) -> bool| match &schema[word] {
        Value::Null => Ok(()),
        value if is_right(value) => Ok(()),
        value => Err(format!("at {path}/{word}: {value} is not {expected}")),
    };
    word("type", "a type", |value| match value {
        Value::Array(kinds) => kinds.iter().all(is_type),
        kind => is_type(kind),
    })?;
    word("enum", "an array", Value::is_array)?;
    word("required", "an array of names", |value| {
        let names = value.as_array();
        names.is_some_and(|names| names.iter().all(Value::is_string))
    })?;
    word("properties", "of type \"object\"", Value::is_object)?;
    for (name, property) in properties(schema) {
        let properties = Path(Some((path, Step::Field("properties"))));
        read(&Path(Some((&properties, Step::Field(name)))), property)?;
    }
    match schema.get("items") {
        Some(items) => read(&Path(Some((path, Step::Field("items")))), items),
        None => Ok(()),
    }
}

fn check(path: &Path<'_>, schema: &Value, found: &Value, violations: &mut Vec<String>) {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.as_slice(),
        Value::Null => &[],
        kind => slice::from_ref(kind),
    };
    let mut kinds = kinds.iter().filter_map(Value::as_str).peekable();
    if kinds.peek().is_some() && !kinds.clone().any(|kind| is_of(kind, found)) {
        let kinds = Vec::from_iter(kinds).join(" or ");
        violations.push(wrong_type(&path.to_string(), &kinds, found));
        return;
    }
    if let Value::Array(options) = &schema["enum"]
        && !options.contains(found)
    {
        violations.push(no_option(&path.to_string(), &schema["enum"], found));
    }
    match found {
        Value::Object(fields) => {
            let is_closed =
                schema["additionalProperties"] == false && schema["patternProperties"].is_null();
            for (name, value) in fields {
                if let Some(schema) = schema["properties"].get(name) {
                    let path = Path(Some((path, Step::Field(name))));
                    check(&path, schema, value, violations);
                } else if is_closed {
                    let known = properties(schema).map(|(name, _)| name);
                    violations.push(unknown(&path.to_string(), name, known));
                }
            }
            let required = schema["required"].as_array().into_iter().flatten();
            let missing = required
                .filter_map(Value::as_str)
                .filter(|name| !fields.contains_key(*name));
            violations.extend(missing.map(|name| format!("{path}/{name} is missing")));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = Path(Some((path, Step::Item(index))));
                check(&path, &schema["items"], item, violations);
            }
        }
        _ => {}
    }
}

fn is_type(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| TYPES.contains(&kind))
}

/// Whether a value is of a type of JSON Schema.
fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true, // no other one is taken
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_shape_is_checked_and_all_else_is_left_to_the_tool() {
        let schema = json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "minLength": 100 },
                "limit": { "type": ["integer", "null"], "maximum": 1 },
                "mode": { "enum": ["r", "w"] },
                "tags": { "type": "array", "items": { "type": "string" } },
                "by": { "$ref": "#/$defs/by" },
            },
            "required": ["path"],
            "additionalProperties": false,
        });
        let check = |arguments: Value, expected: &[&str]| {
            assert_eq!(
                Schema.violations(&schema, &arguments),
                expected,
                "{arguments}"
            );
        };
        check(
            json!({ "path": "a", "limit": 7, "mode": "r", "tags": ["x"], "by": 1 }),
            &[],
        );
        check(json!({ "path": "a", "limit": null }), &[]);
        check(json!({ "path": "a", "limit": 1e300 }), &[]);
        check(json!({}), &["/path is missing"]);
        check(json!([]), &["the whole must be an object, but it is []"]);
        check(
            json!({ "limit": 0.5, "mode": "x", "path": 1 }),
            &[
                "/limit must be an integer or null, but it is 0.5",
                r#"/mode must be one of ["r","w"], but it is "x""#,
                "/path must be a string, but it is 1",
            ],
        );
        check(
            json!({ "path": "a", "pth": 1, "tags": ["x", 1] }),
            &[
                "/pth is unknown, did you mean `path`?",
                "/tags/1 must be a string, but it is 1",
            ],
        );
    }

    #[test]
    fn a_schema_without_a_shape_is_refused() {
        let check = |schema: Value, expected: Result<(), &str>| {
            let found = read(&Path::ROOT, &schema);
            assert_eq!(found, expected.map_err(str::to_owned), "{schema}");
        };
        check(
            json!({ "properties": { "a": { "items": { "type": "string" } } } }),
            Ok(()),
        );
        check(
            json!({ "properties": { "a": { "items": { "type": "text" } } } }),
            Err("at /properties/a/items/type: \"text\" is not a type"),
        );
        check(
            json!({ "properties": 3 }),
            Err("at /properties: 3 is not of type \"object\""),
        );
        check(
            json!({ "required": "a" }),
            Err("at /required: \"a\" is not an array of names"),
        );
        check(json!({ "enum": 1 }), Err("at /enum: 1 is not an array"));
    }

    #[test]
    fn an_open_schema_takes_everything() {
        let check = |schema: Value, arguments: Value| {
            assert_eq!(Schema.violations(&schema, &arguments), [""; 0], "{schema}");
        };
        check(json!({}), json!({ "a": [1, { "b": null }] }));
        check(json!(true), json!({ "a": 1 }));
        check(json!({ "type": "object" }), json!({ "a": 1 }));
        let patterns = json!({ "patternProperties": { "^x": {} }, "additionalProperties": false });
        check(patterns, json!({ "x1": 1 }));
    }
}
