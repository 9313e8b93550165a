//! The keywords of JSON Schema, and the form that each must have.

use serde_json::Value;
use victor_core::JsonMap;

/// The types of values.
pub(super) const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// The form of a keyword's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A schema.
    Schema,
    /// Schemas, at least one.
    Schemas,
    /// Schemas by name.
    Named,
    /// Anything that [`has_form`] lets pass.
    Plain,
}

/// The form of a keyword, as of draft 2020-12.
pub(super) fn form(keyword: &str) -> Form {
    match keyword {
        "additionalProperties"
        | "contains"
        | "else"
        | "if"
        | "items"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Form::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Form::Schemas,
        "dependentSchemas" | "patternProperties" | "properties" => Form::Named,
        _ => Form::Plain,
    }
}

/// Whether a keyword has a value of its form, so that the meta-schema of draft 2020-12 lets it pass. What is no keyword
/// may be anything.
pub(super) fn has_form(keyword: &str, value: &Value) -> bool {
    let is_schema = |value: &Value| value.is_object() || value.is_boolean();
    let is_texts = |value: &Value| {
        value.as_array().is_some_and(|names| {
            let mut texts: Vec<_> = names.iter().filter_map(Value::as_str).collect();
            texts.sort_unstable();
            texts.dedup();
            texts.len() == names.len()
        })
    };
    match form(keyword) {
        Form::Schema => return is_schema(value),
        Form::Schemas => {
            let schemas = value.as_array();
            return schemas.is_some_and(|all| !all.is_empty() && all.iter().all(is_schema));
        }
        Form::Named => {
            return value
                .as_object()
                .is_some_and(|all| all.values().all(is_schema));
        }
        Form::Plain => {}
    }
    match keyword {
        "type" => {
            let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
            let are_types = |all: &Vec<Value>| !all.is_empty() && all.iter().all(is_type);
            is_type(value) || (is_texts(value) && value.as_array().is_some_and(are_types))
        }
        "exclusiveMaximum" | "exclusiveMinimum" | "maximum" | "minimum" => value.is_number(),
        "multipleOf" => value.as_f64().is_some_and(|number| number > 0.0),
        "maxContains" | "maxItems" | "maxLength" | "maxProperties" | "minContains" | "minItems"
        | "minLength" | "minProperties" => value
            .as_f64()
            .is_some_and(|number| number >= 0.0 && number.fract() == 0.0),
        "deprecated" | "readOnly" | "uniqueItems" | "writeOnly" => value.is_boolean(),
        "$comment" | "contentEncoding" | "contentMediaType" | "description" | "format"
        | "pattern" | "title" => value.is_string(),
        "required" => is_texts(value),
        "enum" => value.as_array().is_some_and(|values| !values.is_empty()),
        "examples" => value.is_array(),
        "dependentRequired" => value
            .as_object()
            .is_some_and(|all| all.values().all(is_texts)),
        _ => true,
    }
}

/// Whether a keyword tells where a schema is and where others are. What refers to others has been put in their place.
pub(super) fn is_address(keyword: &str, value: &Value) -> bool {
    match keyword {
        // As a keyword it is a text; who has a property of that name has it among the properties.
        "id" => value.is_string(),
        "definitions" | "dependencies" => value.is_object(),
        // One schema for all items says what they say.
        "additionalItems" | "prefixItems" => true,
        keyword => matches!(
            keyword,
            "$anchor"
                | "$defs"
                | "$dynamicAnchor"
                | "$dynamicRef"
                | "$id"
                | "$recursiveAnchor"
                | "$recursiveRef"
                | "$ref"
                | "$schema"
                | "$vocabulary"
        ),
    }
}

/// Whether a schema has a type, or alternatives that have.
pub(super) fn is_typed(schema: &JsonMap) -> bool {
    ["type", "anyOf", "oneOf", "allOf"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword))
}
