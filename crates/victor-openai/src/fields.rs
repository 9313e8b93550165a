//! The fields of a request.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::{JsonMap, ToolSpec};

/// Writes the fields of a request. What the caller sets in `extra` takes the place of what we would set.
pub(crate) struct Fields<'a, M> {
    map: M,
    extra: &'a JsonMap,
}

impl<'a, M: SerializeMap> Fields<'a, M> {
    pub(crate) fn new(map: M, extra: &'a JsonMap) -> Self {
        Self { map, extra }
    }

    pub(crate) fn put(
        &mut self,
        name: &'static str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), M::Error> {
        if self.extra.contains_key(name) {
            return Ok(());
        }
        self.map.serialize_entry(name, value)
    }

    pub(crate) fn put_some(
        &mut self,
        name: &'static str,
        value: Option<impl Serialize>,
    ) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.put(name, &value))
    }

    /// Writes the caller's fields and then the last one. The conversation is the last, so that the bytes of a request
    /// are those of the request before it, and more.
    pub(crate) fn end(
        mut self,
        name: &'static str,
        value: &impl Serialize,
    ) -> Result<M::Ok, M::Error> {
        for (name, value) in self.extra {
            self.map.serialize_entry(name, value)?;
        }
        self.put(name, value)?;
        self.map.end()
    }
}

/// Bytes in base64, as an address.
#[derive(Debug)]
pub(crate) struct DataUrl<'a> {
    pub(crate) media_type: &'a str,
    pub(crate) data: &'a str,
}

impl Serialize for DataUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!(
            "data:{};base64,{}",
            self.media_type, self.data
        ))
    }
}

/// Writes JSON as text.
pub(crate) fn as_text<S: Serializer>(json: &RawValue, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(json.get())
}

/// Whether the tool's schema is to be enforced, where the tool says so in a field of its own.
pub(crate) fn strict(tool: &ToolSpec) -> Option<bool> {
    tool.extra
        .get(crate::EXTRA)?
        .get("strict")
        .and_then(Value::as_bool)
}

/// The key of the prompt cache, as long as it may be.
pub(crate) fn cache_key(session: &str) -> &str {
    session
        .char_indices()
        .nth(64)
        .map_or(session, |(end, _)| &session[..end])
}
