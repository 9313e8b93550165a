//! YAML as JSON.

use serde_json::{Map, Number, Value};

/// Reads YAML. Merge keys (`<<`) are applied; a key that stands twice, or is no text, is an error.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut value: yaml_serde::Value =
        yaml_serde::from_str(text).map_err(|error| error.to_string())?;
    value.apply_merge().map_err(|error| error.to_string())?;
    json(value)
}

fn json(value: yaml_serde::Value) -> Result<Value, String> {
    Ok(match value {
        yaml_serde::Value::Null => Value::Null,
        yaml_serde::Value::Bool(boolean) => boolean.into(),
        yaml_serde::Value::String(text) => text.into(),
        yaml_serde::Value::Number(number) => {
            match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => number.into(),
                (_, Some(number), _) => number.into(),
                (.., number) => {
                    let finite = number.and_then(Number::from_f64);
                    Value::Number(finite.ok_or("a number is infinite or none")?)
                }
            }
        }
        yaml_serde::Value::Sequence(list) => {
            list.into_iter().map(json).collect::<Result<_, _>>()?
        }
        yaml_serde::Value::Mapping(fields) => {
            let mut object = Map::new();
            for (key, value) in fields {
                let key = match key {
                    yaml_serde::Value::String(key) => key,
                    yaml_serde::Value::Number(key) => key.to_string(),
                    yaml_serde::Value::Bool(key) => key.to_string(),
                    key => return Err(format!("a key is no text: {key:?}")),
                };
                object.insert(key, json(value)?);
            }
            Value::Object(object)
        }
        // The tag of pydantic's own types says nothing to us.
        yaml_serde::Value::Tagged(tagged) => json(tagged.value)?,
    })
}
