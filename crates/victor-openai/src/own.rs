//! Data that only the server that sent it understands: kept with its part, and sent back to no other.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use victor_core::wire::Extra;
use victor_core::{JsonMap, Opaque, Part};
use victor_model_api::{Pieces, RawFields};

use crate::EXTRA;

/// The fields of a call or an item that are not known here.
pub(crate) const FIELDS: &str = "fields";
/// The fields of the function of a call that are not known here.
pub(crate) const FUNCTION: &str = "function";

/// The field that names the server whose fields these are.
const PROVIDER: &str = "provider";
/// The field that names where thoughts stood.
const FIELD: &str = "field";
/// Prefix of the kind of a part that is a field of its message. The rest is the field's name.
const MESSAGE: &str = "message.";

/// A value read from an object, and the object's text.
#[derive(Debug)]
pub(crate) struct Read<'a, T> {
    pub(crate) value: T,
    pub(crate) raw: &'a RawValue,
}

impl<'de: 'a, 'a, T: Deserialize<'a>> Deserialize<'de> for Read<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'a RawValue>::deserialize(deserializer)?;
        let value = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        Ok(Self { value, raw })
    }
}

/// Adds the fields of an object to `pieces` that are not among those named.
pub(crate) fn take_unknown(object: &RawValue, known: &[&str], pieces: &mut Pieces) {
    if let Ok(fields) = RawFields::parse(object.get()) {
        pieces.take(fields.iter().filter(|(name, _)| !known.contains(name)));
    }
}

/// Keeps fields of `provider` with a part, as the text of an object.
pub(crate) fn keep(extra: &mut Extra, provider: &str, name: &str, fields: Option<String>) {
    if let Some(fields) = fields {
        let mut own: JsonMap = extra
            .get(EXTRA)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        own.insert(PROVIDER.to_owned(), provider.into());
        own.insert(name.to_owned(), fields.into());
        extra.insert(EXTRA, own);
    }
}

/// The fields of `provider` that are kept with a part.
pub(crate) fn kept<'a>(extra: &'a Extra, provider: &str, name: &str) -> Option<RawFields<'a>> {
    let own = extra.get(EXTRA)?;
    let fields = own.get(name)?.as_str()?;
    let is_own = own.get(PROVIDER).and_then(Value::as_str) == Some(provider);
    RawFields::parse(fields).ok().filter(|_| is_own)
}

/// Remembers in which field of a message thoughts stood.
pub(crate) fn stood_in(extra: &mut Extra, field: &str) {
    extra.insert(EXTRA, json!({ FIELD: field }));
}

/// In which field of a message thoughts stood.
pub(crate) fn place(extra: &Extra) -> Option<&str> {
    extra.get(EXTRA)?.get(FIELD)?.as_str()
}

/// The fields of a message that are not known here, as parts.
pub(crate) fn parts(fields: &Pieces, provider: &str) -> impl Iterator<Item = Part> {
    fields.values().map(|(name, data)| {
        Part::Opaque(Opaque::new(
            provider.to_owned(),
            format!("{MESSAGE}{name}"),
            data,
        ))
    })
}

/// The name of the field that a part is of its message; none if it is none.
pub(crate) fn field(opaque: &Opaque) -> Option<&str> {
    opaque.kind.strip_prefix(MESSAGE)
}

/// The fields of a message that go back to `provider`.
pub(crate) fn fields<'a>(parts: &'a [Part], provider: &str) -> Vec<(Cow<'a, str>, &'a RawValue)> {
    let own = parts.iter().filter_map(|part| match part {
        Part::Opaque(opaque) if opaque.provider == provider => {
            let data = serde_json::from_str(&opaque.data).ok()?;
            Some((Cow::Borrowed(field(opaque)?), data))
        }
        _ => None,
    });
    own.collect()
}
