//! YAML, without its surprises.

use serde_json::Value;
use victor_core::BoxError;

use super::finite;

pub(crate) fn parse(text: &str) -> Result<Value, BoxError> {
    // Through YAML's own values: straight into those of JSON, the last of two equal keys would win silently.
    let mut value: yaml_serde::Value = yaml_serde::from_str(text)?;
    value.apply_merge()?;
    from_yaml(value)
}

fn from_yaml(value: yaml_serde::Value) -> Result<Value, BoxError> {
    Ok(match value {
        yaml_serde::Value::Null => Value::Null,
        yaml_serde::Value::Bool(boolean) => boolean.into(),
        yaml_serde::Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => finite(number.as_f64().unwrap_or(f64::NAN))?,
        },
        yaml_serde::Value::String(text) => text.into(),
        yaml_serde::Value::Sequence(list) => {
            list.into_iter().map(from_yaml).collect::<Result<_, _>>()?
        }
        yaml_serde::Value::Mapping(table) => {
            let entries = table.into_iter().map(|(key, value)| match key {
                yaml_serde::Value::String(key) => Ok((key, from_yaml(value)?)),
                other => Err(format!("the key {} is not a text", from_yaml(other)?).into()),
            });
            Value::Object(entries.collect::<Result<_, BoxError>>()?)
        }
        yaml_serde::Value::Tagged(tagged) => {
            return Err(format!("the tag {} is not understood", tagged.tag).into());
        }
    })
}
