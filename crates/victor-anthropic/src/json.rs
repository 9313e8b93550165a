//! JSON objects whose values are kept as the text that they came as.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::JsonMap;

/// The fields of an object, in their order, each value as its own text.
#[derive(Debug)]
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    pub(crate) fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The text of a value, unless it is absent or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(field, _)| field == name)?;
        (value.get() != "null").then_some(*value)
    }

    /// A value, or its default if it is absent or null.
    pub(crate) fn read<T: Deserialize<'a> + Default>(&self, name: &str) -> serde_json::Result<T> {
        self.get(name).map_or_else(
            || Ok(T::default()),
            |value| serde_json::from_str(value.get()),
        )
    }

    /// What says which kind of object it is; empty if nothing does.
    pub(crate) fn kind(&self) -> String {
        self.read("type").unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(field, value)| (&**field, *value))
    }

    /// The fields that are not null and not among those named.
    pub(crate) fn others(&self, known: &[&str]) -> serde_json::Result<JsonMap> {
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
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

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
                Ok(Fields(fields))
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
            Fields::parse(r#"{"type":"x","a":{ "b" : 1.0e2 },"n":null,"\u0063":"d"}"#).unwrap();
        assert_eq!(fields.kind(), "x");
        assert_eq!(fields.get("a").unwrap().get(), r#"{ "b" : 1.0e2 }"#);
        assert!(fields.get("n").is_none() && fields.get("absent").is_none());
        assert_eq!(fields.read::<String>("c").unwrap(), "d");
        assert_eq!(fields.read::<u64>("absent").unwrap(), 0);
        assert!(fields.read::<u64>("c").is_err());
        let others: Vec<_> = fields.others(&["a"]).unwrap().into_iter().collect();
        assert_eq!(others, [("c".to_owned(), Value::from("d"))]);
        assert!(Fields::parse("[]").is_err());
    }
}
