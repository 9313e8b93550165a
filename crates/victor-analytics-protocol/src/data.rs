//! The content of an event.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Value;
use victor_core::JsonMap;

/// Content of an event: a JSON object, as text or as the value from which the text is written.
///
/// Events are made by the thousand, held by the thousand and seldom looked into. So a [deferred](Self::deferred) value
/// is written when somebody asks for it, most often an exporter in the background, and a text is parsed by those who
/// look into it. A clone shares both.
///
/// ```
/// use victor_analytics_protocol::EventData;
///
/// let data = EventData::default().with("tool", "read").with("lines", 12);
/// assert_eq!(data.to_json(), r#"{"tool":"read","lines":12}"#);
/// assert_eq!(data.get("lines"), Some(12.into()));
/// ```
#[derive(Clone, Default)]
pub struct EventData(Content);

#[derive(Clone, Default)]
enum Content {
    #[default]
    Empty,
    /// The text of an object that has fields.
    Json(Arc<str>),
    Deferred(Arc<dyn Deferred>),
}

/// A value that is written later.
trait Deferred: Send + Sync {
    fn write(&self) -> Result<String, serde_json::Error>;
}

impl<T: Serialize + Send + Sync> Deferred for T {
    fn write(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl EventData {
    /// Writes the fields of a value, which is a struct or a map.
    ///
    /// # Errors
    ///
    /// It cannot be written as JSON, or not as an object.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let json = serde_json::to_string(value)?;
        match json.as_str() {
            "{}" => Ok(Self::default()),
            object if object.starts_with('{') => Ok(Self(Content::Json(json.into()))),
            other => {
                let found = other.chars().take(20).collect::<String>();
                Err(serde_json::Error::custom(format_args!(
                    "an event says a JSON object, not `{found}`"
                )))
            }
        }
    }

    /// Keeps a value whose fields are written when somebody asks for them. One that cannot be written as a JSON object
    /// counts as empty.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use victor_analytics_protocol::EventData;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Read {
    ///     lines: u32,
    /// }
    ///
    /// let data = EventData::deferred(Arc::new(Read { lines: 12 }));
    /// assert_eq!(data.to_json(), r#"{"lines":12}"#);
    /// ```
    #[must_use]
    pub fn deferred(value: Arc<impl Serialize + Send + Sync + 'static>) -> Self {
        Self(Content::Deferred(value))
    }

    /// Adds a field. One that is there already is replaced.
    #[must_use]
    pub fn with(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let mut map = self.to_map();
        let (key, value) = (key.into(), value.into());
        if map.contains_key(&key) {
            map.insert(key, value);
            return Self::from(map);
        }
        let mut json = self.to_json().into_owned();
        json.pop();
        let comma = if map.is_empty() { "" } else { "," };
        json += &format!("{comma}{}:{value}}}", Value::String(key));
        Self(Content::Json(json.into()))
    }

    /// Returns the value of a field, if it is there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        self.to_map().remove(key)
    }

    /// Returns all fields.
    #[must_use]
    pub fn to_map(&self) -> JsonMap {
        match &self.0 {
            Content::Empty => JsonMap::new(),
            // The text is a JSON object, since nothing else becomes event data.
            Content::Json(json) => serde_json::from_str(json).unwrap_or_default(),
            Content::Deferred(_) => serde_json::from_str(&self.to_json()).unwrap_or_default(),
        }
    }

    /// Returns the object as it is written.
    #[must_use]
    pub fn to_json(&self) -> Cow<'_, str> {
        match &self.0 {
            Content::Empty => "{}".into(),
            Content::Json(json) => (&**json).into(),
            Content::Deferred(value) => match value.write() {
                Ok(json) if json.starts_with('{') => json.into(),
                _ => "{}".into(),
            },
        }
    }

    /// Returns whether it has no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Content::Empty => true,
            Content::Json(_) => false,
            Content::Deferred(_) => self.to_json() == "{}",
        }
    }
}

impl From<JsonMap> for EventData {
    fn from(map: JsonMap) -> Self {
        if map.is_empty() {
            return Self::default();
        }
        Self(Content::Json(Value::Object(map).to_string().into()))
    }
}

impl PartialEq for EventData {
    /// Whether the fields are the same, in whatever order.
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json() || self.to_map() == other.to_map()
    }
}

impl fmt::Debug for EventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
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
            assert_eq!(data.with(key, value).to_json(), expected);
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
    fn a_deferred_value_is_what_it_is_when_it_is_written() {
        let check = |value: Value, expected: &str| {
            let data = EventData::deferred(Arc::new(value));
            assert_eq!(data.to_json(), expected);
            assert_eq!(data.is_empty(), expected == "{}");
            assert_eq!(data, serde_json::from_str(expected).unwrap());
            assert_eq!(serde_json::to_string(&data).unwrap(), expected);
        };
        check(json!({"a": 1}), r#"{"a":1}"#);
        check(json!({}), "{}");
        check(json!([1]), "{}");
        let data = EventData::deferred(Arc::new(json!({"a": 1}))).with("b", 2);
        assert_eq!(data.to_json(), r#"{"a":1,"b":2}"#);
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
