//! Schemas that a provider can hold a model to, token by token.

use serde_json::{Value, json};
use victor_core::JsonMap;

/// Rewrites a schema in the dialect that providers with constrained decoding take, or returns `None` if it has no such
/// form.
///
/// In that dialect every object names all its properties, requires them and allows no others; nothing refers to
/// anything; and only the keywords occur that every such provider knows. Other restrictions become part of
/// descriptions.
///
/// A value that fits the result fits the schema, except for the restrictions that became descriptions and for
/// alternatives of which more than one fits.
#[must_use]
pub fn strict_schema(schema: &Value) -> Option<Value> {
    let (mut result, mut described) = (JsonMap::new(), JsonMap::new());
    for (keyword, value) in schema.as_object()? {
        match keyword.as_str() {
            "type" | "enum" | "const" | "description" => {
                result.insert(keyword.clone(), value.clone());
            }
            "properties" => {
                let properties = value.as_object()?;
                let strict_properties: Option<JsonMap> = properties
                    .iter()
                    .map(|(name, property)| Some((name.clone(), strict_schema(property)?)))
                    .collect();
                result.insert(keyword.clone(), strict_properties?.into());
                result.insert("required".into(), properties.keys().cloned().collect());
                result.insert("additionalProperties".into(), false.into());
            }
            "items" => {
                result.insert(keyword.clone(), strict_schema(value)?);
            }
            "anyOf" | "oneOf" => {
                let alternatives: Option<Vec<_>> =
                    value.as_array()?.iter().map(strict_schema).collect();
                let taken = result.insert("anyOf".into(), alternatives?.into());
                if taken.is_some() {
                    return None;
                }
            }
            "additionalProperties" if *value == json!(false) => {}
            "required" if names_only(value, schema.get("properties")) => {}
            "title" | "default" => {}
            "format" | "pattern" | "minimum" | "maximum" | "exclusiveMinimum"
            | "exclusiveMaximum" | "multipleOf" | "minLength" | "maxLength" | "minItems"
            | "maxItems" | "uniqueItems" | "examples" => {
                described.insert(keyword.clone(), value.clone());
            }
            _ => return None,
        }
    }
    let has = |keyword: &str| result.contains_key(keyword);
    let is = |kind: &str| match result.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        one => one.is_some_and(|one| one == kind),
    };
    // Closed objects do not add up: none fits two of them. So there is a type, or there are alternatives.
    let is_one = has("type") != has("anyOf") && !(has("anyOf") && (has("enum") || has("const")));
    if !is_one || is("object") != has("properties") || is("array") != has("items") {
        return None;
    }
    if !described.is_empty() {
        let description = result.get("description").and_then(Value::as_str);
        let description = format!(
            "{} {}",
            description.unwrap_or_default(),
            Value::from(described)
        );
        result.insert("description".into(), description.trim().into());
    }
    Some(result.into())
}

/// Whether what is required has a schema.
fn names_only(required: &Value, properties: Option<&Value>) -> bool {
    let required = required.as_array().into_iter().flatten();
    let mut names = required.map(|name| name.as_str().unwrap_or_default());
    names.all(|name| properties.is_some_and(|properties| properties.get(name).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: &Value, expected: &Value) {
        assert_eq!(strict_schema(schema).as_ref(), Some(expected));
    }

    #[test]
    fn objects_are_closed_at_every_depth() {
        let point = json!({"type": "object", "properties": {"x": {"type": "number"}}});
        let closed = json!({
            "type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"], "additionalProperties": false,
        });
        check(&point, &closed);
        check(
            &json!({"type": "array", "title": "Line", "items": point}),
            &json!({"type": "array", "items": closed}),
        );
        check(
            &json!({"oneOf": [point, {"type": "null"}]}),
            &json!({"anyOf": [closed, {"type": "null"}]}),
        );
    }

    #[test]
    fn what_providers_do_not_know_becomes_a_description() {
        check(
            &json!({"type": "integer", "format": "uint8", "minimum": 1, "description": "A die."}),
            &json!({"type": "integer", "description": "A die. {\"format\":\"uint8\",\"minimum\":1}"}),
        );
        check(
            &json!({"type": "string", "default": ""}),
            &json!({"type": "string"}),
        );
    }

    #[test]
    fn what_has_no_strict_form_is_said_to_have_none() {
        for schema in [
            json!(true),
            json!({}),
            json!({"description": "anything"}),
            json!({"$ref": "#/$defs/Tree", "$defs": {}}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "properties": {"any": true}}),
            json!({"type": "object", "properties": {}, "additionalProperties": true}),
            json!({"type": "object", "properties": {}, "required": ["x"]}),
            json!({"type": "object", "properties": {}, "oneOf": [{"type": "object", "properties": {}}]}),
            json!({"const": "of no type"}),
            json!({"type": "array"}),
            json!({"type": "array", "prefixItems": [{"type": "string"}]}),
            json!({"anyOf": [{"type": "string"}], "enum": ["a"]}),
            json!({"allOf": [{"type": "string"}]}),
            json!({"anyOf": [{"type": "string"}], "oneOf": [{"type": "string"}]}),
        ] {
            assert_eq!(strict_schema(&schema), None, "{schema}");
        }
    }
}
