//! JSON objects whose values are kept as the text that they came as.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::JsonMap;

/// The fields of a JSON object, in their order, each value as the text that it came as.
///
/// It is read where a field that nobody knows must go back byte for byte. Written, it is the object again, or a part of
/// one by `#[serde(flatten)]`.
///
/// ```
/// use victor_model_api::RawFields;
///
/// let fields = RawFields::parse(r#"{"id":"a", "extra":{"y":1.0,"x":2}, "seed":null}"#)?;
/// assert_eq!(fields.read::<String>("id")?, "a");
/// assert_eq!(fields.unknown(&["id"]).as_deref(), Some(r#"{"extra":{"y":1.0,"x":2}}"#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct RawFields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> RawFields<'a> {
    /// Reads an object.
    ///
    /// # Errors
    ///
    /// The text is no JSON object.
    pub fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Returns the text of a value, unless it is absent or null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(field, _)| field == name)?;
        (value.get() != "null").then_some(*value)
    }

    /// Reads a value, or returns its default if it is absent or null.
    ///
    /// # Errors
    ///
    /// The value is of another type.
    pub fn read<T: Deserialize<'a> + Default>(&self, name: &str) -> serde_json::Result<T> {
        self.get(name).map_or_else(
            || Ok(T::default()),
            |value| serde_json::from_str(value.get()),
        )
    }

    /// Returns the field `type`; empty if it is absent or no text.
    #[must_use]
    pub fn kind(&self) -> String {
        self.read("type").unwrap_or_default()
    }

    /// Iterates over the fields in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(field, value)| (&**field, *value))
    }

    /// Returns the fields that are not null and not among those named, without `type`.
    ///
    /// # Errors
    ///
    /// A value cannot be held, for example a text with half of a surrogate pair.
    pub fn others(&self, known: &[&str]) -> serde_json::Result<JsonMap> {
        let unknown = |(field, value): &(&str, &RawValue)| {
            *field != "type" && !known.contains(field) && value.get() != "null"
        };
        self.iter()
            .filter(unknown)
            .map(|(field, value)| {
                Ok((
                    field.to_owned(),
                    serde_json::from_str::<Value>(value.get())?,
                ))
            })
            .collect()
    }

    /// Returns the fields that are not null and not among those named, as the text of an object; none if there are no
    /// such fields.
    #[must_use]
    pub fn unknown(&self, known: &[&str]) -> Option<String> {
        let unknown =
            |field: &str, value: &RawValue| !known.contains(&field) && value.get() != "null";
        let fields: Vec<_> = self
            .0
            .iter()
            .filter(|(field, value)| unknown(field, value))
            .map(|(field, value)| (field.clone(), *value))
            .collect();
        (!fields.is_empty()).then(|| serde_json::to_string(&Self(fields)).ok())?
    }
}

impl<'a> FromIterator<(Cow<'a, str>, &'a RawValue)> for RawFields<'a> {
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, &'a RawValue)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl Serialize for RawFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for RawFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Collect {
            type Value = RawFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(4));
                while let Some((Name(name), value)) =
                    map.next_entry::<Name<'de>, &'de RawValue>()?
                {
                    fields.push((name, value));
                }
                Ok(RawFields(fields))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text() {
        let fields =
            RawFields::parse(r#"{"type":"x","a":{ "b" : 1.0e2 },"n":null,"\u0063":"d"}"#).unwrap();
        assert_eq!(fields.kind(), "x");
        assert_eq!(fields.get("a").unwrap().get(), r#"{ "b" : 1.0e2 }"#);
        assert!(fields.get("n").is_none() && fields.get("absent").is_none());
        assert_eq!(fields.read::<String>("c").unwrap(), "d");
        assert_eq!(fields.read::<u64>("absent").unwrap(), 0);
        assert!(fields.read::<u64>("c").is_err());
        let others: Vec<_> = fields.others(&["a"]).unwrap().into_iter().collect();
        assert_eq!(others, [("c".to_owned(), Value::from("d"))]);
        assert!(RawFields::parse("[]").is_err());
    }

    #[test]
    fn unknown_fields_are_written_as_they_came() {
        let fields = RawFields::parse(r#"{"a":1,"z":[1.0, 2e0],"n":null,"b":"\ud83d"}"#).unwrap();
        assert_eq!(
            fields.unknown(&["a"]).unwrap(),
            r#"{"z":[1.0, 2e0],"b":"\ud83d"}"#
        );
        assert_eq!(fields.unknown(&["a", "z", "b"]), None);

        #[derive(Serialize)]
        struct Item<'a> {
            id: u8,
            #[serde(flatten)]
            own: Option<RawFields<'a>>,
        }
        let written = |own| serde_json::to_string(&Item { id: 1, own }).unwrap();
        assert_eq!(written(None), r#"{"id":1}"#);
        let own = RawFields::parse(r#"{"z":[1.0, 2e0]}"#).ok();
        assert_eq!(written(own), r#"{"id":1,"z":[1.0, 2e0]}"#);
    }
}
