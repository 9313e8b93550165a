//! Arguments of calls: read leniently, checked by the schema, and refused in words that help a model.

#[cfg(feature = "json-schema")]
mod schema;
#[cfg(any(test, not(feature = "json-schema")))]
mod shape;

use serde_json::Value;
use victor_core::{JsonMap, ToolCall, ToolSpec, closest};
use victor_text::excerpt;

use crate::registry::Registered;

#[cfg(feature = "json-schema")]
pub(crate) use schema::Schema;
#[cfg(not(feature = "json-schema"))]
pub(crate) use shape::Schema;

/// The most violations that an error lists.
const FEW: usize = 5;

/// Reads arguments as an object. An error says what is wrong with them, for the model. A whole number is written
/// without a point, as the types of tools read it: to a schema, `3.0` is an integer.
///
/// A whole number of more than 64 bits is refused, since a tool would be given another one.
pub(crate) fn parse(call: &ToolCall, spec: &ToolSpec) -> Result<JsonMap, String> {
    if let Some(number) = too_large_integer(&call.arguments) {
        return Err(format!(
            "the arguments of `{}` have the whole number {}, which is too large to be read exactly: send it as a \
             string, if the tool takes one",
            spec.name,
            excerpt(number, 80)
        ));
    }
    let parsed = call.parse_arguments().map(|mut arguments| {
        arguments.values_mut().for_each(write_whole);
        arguments
    });
    parsed.map_err(|error| {
        let cure = if error.is_eof() {
            "the text ends in the middle, so send it again and complete, in smaller pieces if it is long"
        } else if error.is_data() {
            "they must be one JSON object"
        } else {
            "send one JSON object, with quotes, backslashes and line breaks in strings escaped"
        };
        format!(
            "the arguments of `{}` cannot be read: {error}: {cure}; {}",
            spec.name,
            outline(&spec.input_schema)
        )
    })
}

/// The first whole number in a JSON text that does not fit into 64 bits.
fn too_large_integer(json: &str) -> Option<&str> {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let bytes = json.as_bytes();
    let (mut at, mut in_string) = (0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'-' | b'0'..=b'9' if !in_string => {
                let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let number = &json[at..at + length];
                let is_whole = number
                    .bytes()
                    .all(|byte| byte == b'-' || byte.is_ascii_digit());
                if is_whole
                    && length > 18
                    && number.parse::<i64>().is_err()
                    && number.parse::<u64>().is_err()
                {
                    return Some(number);
                }
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Writes the whole numbers in a value without a point. Those that a float does not hold exactly stay as they are.
fn write_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|float| number.is_f64() && float.fract() == 0.0)
                .filter(|float| float.abs() < EXACT && (*float != 0.0 || float.is_sign_positive()));
            if let Some(whole) = whole {
                *number = (whole as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_whole),
        Value::Object(fields) => fields.values_mut().for_each(write_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Writes arguments in the one form by which they are compared: with their fields in order.
pub(crate) fn canonical(mut arguments: Value) -> String {
    arguments.sort_all_objects();
    arguments.to_string()
}

/// Below this, a float holds every whole number: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Checks arguments against the schema of their tool. An error says what does not fit, for the model.
pub(crate) fn check(arguments: &Value, tool: &Registered) -> Result<(), String> {
    let schema = &tool.spec.input_schema;
    let mut violations = tool.schema.violations(schema, arguments);
    if violations.is_empty() {
        return Ok(());
    }
    let more = violations.len().saturating_sub(FEW);
    if more > 0 {
        violations.truncate(FEW);
        violations.push(format!("and {more} more"));
    }
    Err(format!(
        "the arguments of `{}` do not fit: {}; {}",
        tool.spec.name,
        violations.join("; "),
        outline(schema)
    ))
}

/// The violation of a value that has another type, which is called `kind`.
fn wrong_type(path: &str, kind: &str, found: &Value) -> String {
    let article = if kind.starts_with(['a', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!(
        "{} must be {article} {kind}, but it is {}",
        place(path),
        shown(found)
    )
}

/// The violation of a value that is not one of `options`.
fn no_option(path: &str, options: &Value, found: &Value) -> String {
    let options = excerpt(&options.to_string(), 500);
    format!(
        "{} must be one of {options}, but it is {}",
        place(path),
        shown(found)
    )
}

/// The violation of an object that has an argument it may not have. `known` are the names that it may have.
fn unknown<'a>(path: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let name = excerpt(name, 80);
    match closest(&name, known) {
        Some(meant) => format!("{path}/{name} is unknown, did you mean `{meant}`?"),
        None => format!("{path}/{name} is unknown"),
    }
}

fn place(path: &str) -> &str {
    if path.is_empty() { "the whole" } else { path }
}

fn shown(value: &Value) -> String {
    excerpt(&value.to_string(), 80)
}

/// The arguments that a schema describes, in one line.
fn outline(schema: &Value) -> String {
    let required: Vec<_> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut fields = Vec::new();
    for (name, property) in properties(schema).take(20) {
        let mut about = Vec::new();
        about.extend(property["type"].as_str());
        if required.contains(&name) {
            about.push("required");
        }
        let field = format!("`{name}`");
        fields.push(match about.as_slice() {
            [] => field,
            about => format!("{field} ({})", about.join(", ")),
        });
    }
    if fields.is_empty() {
        return "it takes no arguments that its schema names".to_owned();
    }
    format!("it takes {}", fields.join(", "))
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(name, property)| (name.as_str(), property))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_beyond_64_bits_are_found_outside_of_strings() {
        let check = |json: &str, expected: Option<&str>| {
            assert_eq!(too_large_integer(json), expected, "{json}");
        };
        check(
            r#"{"id": 18446744073709551615, "low": -9223372036854775808}"#,
            None,
        );
        check(
            r#"{"id": 18446744073709551616}"#,
            Some("18446744073709551616"),
        );
        check(
            r#"[1, [-9223372036854775809]]"#,
            Some("-9223372036854775809"),
        );
        check(
            r#"{"s": "184467440737095516160 \"184467440737095516160", "f": 1844674407370955161600.5e1}"#,
            None,
        );
        check("", None);
        check(
            "123456789012345678901234567890",
            Some("123456789012345678901234567890"),
        );
    }

    #[test]
    fn whole_numbers_are_written_without_a_point() {
        let check = |arguments: &str, expected: Value| {
            let call = ToolCall::new("1", "t", arguments);
            let parsed = parse(&call, &ToolSpec::new("t", "", json!({}))).unwrap();
            assert_eq!(Value::Object(parsed).to_string(), expected.to_string());
        };
        check(
            r#"{"a":3.0,"b":[-2.0,{"c":1e3}],"d":0.0}"#,
            json!({"a": 3, "b": [-2, {"c": 1000}], "d": 0}),
        );
        check(
            r#"{"a":3.5,"b":"3.0","c":-0.0,"d":1e300,"e":18446744073709551615}"#,
            json!({"a": 3.5, "b": "3.0", "c": -0.0, "d": 1e300, "e": u64::MAX}),
        );
    }
}
