//! Schemas that model APIs refuse. One tool with such a schema makes every request fail.

use std::fmt;

use serde_json::Value;
use victor_core::JsonMap;

use super::keywords::{Form, form, has_form, is_address, is_typed};

/// The longest key of an argument.
const MAX_KEY: usize = 64;

/// An API of models, with rules of its own for the schemas of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level`, `object schema
    /// missing properties`, `array schema missing items`: what the errors of OpenAI say.
    OpenAi,
    /// `input_schema does not support oneOf, allOf, or anyOf at the top level`, `Property keys should match pattern
    /// '^[a-zA-Z0-9_.-]{1,64}$'` (of those at the top), `It must match JSON Schema draft 2020-12`: what those of
    /// Anthropic say.
    Anthropic,
    /// A type for everything and only one, `items` of arrays and of nothing else, no references, no schemas that are
    /// `true` or `false`, and only properties that there are in `required`: what those of Gemini say.
    Gemini,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenAi => "OpenAI",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Gemini",
        })
    }
}

/// The first API that would refuse a schema, and why.
pub(crate) fn refusal(schema: &JsonMap) -> Option<(Dialect, &'static str)> {
    refusal_at_top(schema).or_else(|| refusal_within(schema))
}

fn refusal_at_top(schema: &JsonMap) -> Option<(Dialect, &'static str)> {
    let has = |keywords: &[&str]| keywords.iter().any(|keyword| schema.contains_key(*keyword));
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Some((
            Dialect::OpenAi,
            "its input schema does not describe an object",
        ));
    }
    if has(&["allOf", "anyOf", "oneOf"]) {
        return Some((
            Dialect::Anthropic,
            "its input schema has alternatives at the top",
        ));
    }
    if has(&["const", "enum", "not"]) {
        return Some((
            Dialect::OpenAi,
            "its input schema has a condition at the top",
        ));
    }
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Some((Dialect::OpenAi, "its input schema has no properties"));
    };
    (!properties.keys().all(|key| is_key(key))).then_some((
        Dialect::Anthropic,
        "an argument has a name that is not allowed",
    ))
}

/// Whether a name may be that of an argument.
pub(super) fn is_key(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=MAX_KEY).contains(&name.len()) && name.bytes().all(is_letter)
}

fn refusal_within(schema: &JsonMap) -> Option<(Dialect, &'static str)> {
    let malformed = |(keyword, value): (&String, &Value)| !has_form(keyword, value);
    if schema.iter().any(malformed) {
        return Some((
            Dialect::Anthropic,
            "its input schema is not of draft 2020-12",
        ));
    }
    if schema
        .iter()
        .any(|(keyword, value)| is_address(keyword, value))
    {
        return Some((Dialect::Gemini, "its input schema refers to others"));
    }
    let kind = schema.get("type");
    if kind.is_some_and(Value::is_array) || !is_typed(schema) {
        return Some((
            Dialect::Gemini,
            "something in its input schema has not one type",
        ));
    }
    let is_array = kind.is_some_and(|kind| kind == "array");
    if is_array != schema.contains_key("items") {
        return Some((
            Dialect::OpenAi,
            "a list in its input schema does not say of what",
        ));
    }
    if let Some(Value::Array(required)) = schema.get("required") {
        let properties = schema.get("properties").and_then(Value::as_object);
        let is_there = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            properties.is_some_and(|properties| properties.contains_key(name))
        };
        if !required.iter().all(is_there) {
            return Some((
                Dialect::Gemini,
                "it requires an argument that it does not describe",
            ));
        }
    }
    schema.iter().find_map(|(keyword, value)| {
        let of = |value: &Value| match value {
            Value::Object(schema) => refusal_within(schema),
            Value::Bool(_) if keyword == "additionalProperties" => None,
            _ => Some((
                Dialect::Gemini,
                "its input schema has a part that is no object",
            )),
        };
        match (form(keyword), value) {
            (Form::Schema, schema) => of(schema),
            (Form::Schemas, Value::Array(schemas)) => schemas.iter().find_map(of),
            (Form::Named, Value::Object(schemas)) => schemas.values().find_map(of),
            _ => None,
        }
    })
}
