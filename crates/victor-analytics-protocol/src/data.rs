//! What an event says.

use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Value;
use victor_core::JsonMap;

/// Content of an event: a JSON object, kept as text.
///
/// Events are made by the thousand, held by the thousand and seldom looked into, so the object is written once, without
/// a tree of it, and parsed by whoever looks.
///
/// ```
/// use victor_analytics_protocol::EventData;
///
/// let data = EventData::default().with("tool", "read").with("lines", 12);
/// assert_eq!(data.as_json(), r#"{"tool":"read","lines":12}"#);
/// assert_eq!(data.get("lines"), Some(12.into()));
/// ```
#[derive(Clone, Default)]
pub struct EventData(Option<Box<str>>);

impl EventData {
    /// The fields of a value: a struct or a map.
    ///
    /// # Errors
    ///
    /// It cannot be written as JSON, or not as an object.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let json = serde_json::to_string(value)?;
        match json.as_str() {
            "{}" => Ok(Self::default()),
            object if object.starts_with('{') => Ok(Self(Some(json.into()))),
            other => {
                let found = other.chars().take(20).collect::<String>();
                Err(serde_json::Error::custom(format_args!(
                    "an event says a JSON object, not `{found}`"
                )))
            }
        }
    }

    /// The same with one field more. One that is there already is replaced.
    #[must_use]
    pub fn with(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let mut map = self.to_map();
        let (key, value) = (key.into(), value.into());
        if map.contains_key(&key) {
            map.insert(key, value);
            return Self::from(map);
        }
        let mut json = self.as_json().to_owned();
        json.pop();
        let comma = if map.is_empty() { "" } else { "," };
        json += &format!("{comma}{}:{value}}}", Value::String(key));
        Self(Some(json.into()))
    }

    /// The value of a field, if it is there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        self.to_map().remove(key)
    }

    /// All fields.
    #[must_use]
    pub fn to_map(&self) -> JsonMap {
        // The text is a JSON object, since nothing else becomes event data.
        serde_json::from_str(self.as_json()).unwrap_or_default()
    }

    /// The object as it is written.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.as_deref().unwrap_or("{}")
    }

    /// Whether it has no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl From<JsonMap> for EventData {
    fn from(map: JsonMap) -> Self {
        Self((!map.is_empty()).then(|| Value::Object(map).to_string().into()))
    }
}

impl PartialEq for EventData {
    /// Whether the fields are the same, in whatever order.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.to_map() == other.to_map()
    }
}

impl fmt::Debug for EventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl Serialize for EventData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_map().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EventData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonMap::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_added_or_replaced() {
        let check = |json: &str, key: &str, value: Value, expected: &str| {
            let data: EventData = serde_json::from_str(json).unwrap();
            assert_eq!(data.with(key, value).as_json(), expected);
        };
        check("{}", "a", json!(1), r#"{"a":1}"#);
        check(
            r#"{"a":1}"#,
            "b\"",
            json!(["x\n"]),
            r#"{"a":1,"b\"":["x\n"]}"#,
        );
        check(r#"{"a":1,"b":2}"#, "a", json!(null), r#"{"a":null,"b":2}"#);
    }

    #[test]
    fn only_objects_are_event_data() {
        assert!(EventData::of(&json!({})).unwrap().is_empty());
        assert_eq!(
            EventData::of(&json!({"a": 1})).unwrap().get("a"),
            Some(json!(1))
        );
        let error = EventData::of(&json!([1])).unwrap_err().to_string();
        assert_eq!(error, "an event says a JSON object, not `[1]`");
        assert!(serde_json::from_str::<EventData>("7").is_err());
    }

    #[test]
    fn the_order_of_fields_does_not_count() {
        let read = |json: &str| serde_json::from_str::<EventData>(json).unwrap();
        let (one, other) = (
            EventData::default().with("b", 1).with("a", 2),
            read(r#"{"a":2,"b":1}"#),
        );
        assert_eq!(one, other);
        assert_ne!(one, read(r#"{"a":2}"#));
    }
}
