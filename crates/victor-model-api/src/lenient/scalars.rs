//! Texts and numbers, each of which some servers send as the other.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads a text, for `deserialize_with`. A number is read as its digits, and anything else as nothing.
///
/// # Errors
///
/// None but those of broken JSON.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text_borrowed(deserializer)?.map(Cow::into_owned))
}

/// Reads a text as [`text`] does, and borrows it unless something in it is escaped.
///
/// # Errors
///
/// None but those of broken JSON.
pub fn text_borrowed<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'de, str>>, D::Error> {
    Ok(match deserializer.deserialize_any(Scalars)? {
        Scalar::Text(text) => Some(text),
        Scalar::Integer(number) => Some(number.to_string().into()),
        Scalar::Float(number) => Some(number.to_string().into()),
        Scalar::Other => None,
    })
}

/// Reads a whole number, for `deserialize_with`. `3.0` and `"3"` are 3, and anything else is nothing.
///
/// # Errors
///
/// None but those of broken JSON.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = match deserializer.deserialize_any(Scalars)? {
        Scalar::Text(text) => text.trim().parse().ok(),
        Scalar::Integer(number) => Some(number),
        // Larger ones are not exact.
        Scalar::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(number as i128)
        }
        Scalar::Float(_) | Scalar::Other => None,
    };
    Ok(number.and_then(|number| number.try_into().ok()))
}

/// Reads a count as [`integer`] does; what is negative is nothing.
///
/// # Errors
///
/// None but those of broken JSON.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(integer(deserializer)?.and_then(|number| number.try_into().ok()))
}

enum Scalar<'de> {
    Text(Cow<'de, str>),
    Integer(i128),
    Float(f64),
    Other,
}

struct Scalars;

impl<'de> Visitor<'de> for Scalars {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(number))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Read<'a> {
        #[serde(deserialize_with = "text")]
        text: Option<String>,
        #[serde(deserialize_with = "integer")]
        integer: Option<i64>,
        #[serde(deserialize_with = "count")]
        count: Option<u64>,
        #[serde(borrow, deserialize_with = "text_borrowed")]
        borrowed: Option<Cow<'a, str>>,
    }

    #[test]
    fn scalars_are_read_in_either_form() {
        let check = |json: &str, text: Option<&str>, integer: Option<i64>, count: Option<u64>| {
            let all = format!(
                r#"{{"text":{json},"integer":{json},"count":{json},"borrowed":{json},"end":0}}"#
            );
            let expected = Read {
                text: text.map(str::to_owned),
                integer,
                count,
                borrowed: text.map(Cow::Borrowed),
            };
            assert_eq!(serde_json::from_str::<Read<'_>>(&all).unwrap(), expected);
        };
        check(r#""a""#, Some("a"), None, None);
        check(r#""a\n""#, Some("a\n"), None, None);
        check(r#"" 7""#, Some(" 7"), Some(7), Some(7));
        check("7", Some("7"), Some(7), Some(7));
        check("7.0", Some("7"), Some(7), Some(7));
        check("-1", Some("-1"), Some(-1), None);
        check("7.5", Some("7.5"), None, None);
        check("1e300", Some(&1e300.to_string()), None, None);
        check(
            "18446744073709551615",
            Some("18446744073709551615"),
            None,
            None,
        );
        check("null", None, None, None);
        check("true", None, None, None);
        check(r#"[1,{"a":[]}]"#, None, None, None);
        check(r#"{"a":{"b":[1]}}"#, None, None, None);
    }
}
