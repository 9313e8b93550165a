//! Attributes of spans and of points of metrics.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

/// A value of an attribute.
pub(crate) trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::StringValue(self.to_owned())
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Value::StringValue(self)
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        Value::BoolValue(self)
    }
}

impl IntoValue for u64 {
    fn into_value(self) -> Value {
        Value::IntValue(i64::try_from(self).unwrap_or(i64::MAX))
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Value {
        Value::DoubleValue(self)
    }
}

impl<S: AsRef<str>> IntoValue for &[S] {
    fn into_value(self) -> Value {
        let values = self.iter().map(|text| AnyValue {
            value: Some(text.as_ref().into_value()),
        });
        Value::ArrayValue(ArrayValue {
            values: values.collect(),
        })
    }
}

/// Makes an attribute.
pub(crate) fn attribute(key: &str, value: impl IntoValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(value.into_value()),
        }),
        ..KeyValue::default()
    }
}

/// A list of attributes that is being made.
pub(crate) trait Attributes {
    /// Adds an attribute.
    fn set(&mut self, key: &str, value: impl IntoValue);

    /// Adds an attribute if it has a value.
    fn set_some(&mut self, key: &str, value: Option<impl IntoValue>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }
}

impl Attributes for Vec<KeyValue> {
    fn set(&mut self, key: &str, value: impl IntoValue) {
        self.push(attribute(key, value));
    }
}
