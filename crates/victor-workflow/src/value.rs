//! Values by reference: what a run keeps of a value is what is new in it.
//!
//! A value is kept as a text under its hash. Parts of it that are large are texts of their own, and a long list is kept
//! in blocks, so that one more item of a list, or one more field around a large value, costs itself and a few hashes:
//!
//! - `{"$ref": hash}` stands for the value of a text;
//! - `{"$part": hash}` in a list stands for the items of the list in a text;
//! - `{"$object": [[key, value], ...]}` is an object with a key that begins with `$`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{JsonMap, RunId};
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{JournalError, StoredValue, WorkflowJournal};

/// Bytes up to which a value stands in the record itself.
const INLINE: usize = 256;
/// Bytes from which a part of a value is a text of its own.
const LARGE: usize = 1024;
/// Number of items from which a list is kept in blocks, and of items in a block.
const BLOCK: usize = 32;

/// The texts of a run that its journal has or is about to get.
#[derive(Debug, Default)]
pub(crate) struct ValueWriter {
    known: HashSet<ContentHash>,
    new: Vec<(ContentHash, Arc<str>)>,
}

impl ValueWriter {
    /// Takes a hash for one that the journal has.
    pub(crate) fn know(&mut self, hash: ContentHash) {
        self.known.insert(hash);
    }

    /// Returns the texts that are not written yet.
    pub(crate) fn take(&mut self) -> Vec<(ContentHash, Arc<str>)> {
        std::mem::take(&mut self.new)
    }

    /// Takes texts back that were not written.
    pub(crate) fn put_back(&mut self, texts: Vec<(ContentHash, Arc<str>)>) {
        self.new = texts;
    }

    /// Returns the stored form of a value.
    pub(crate) fn store(&mut self, value: &Value) -> StoredValue {
        let plain = value.to_string();
        if plain.len() <= INLINE {
            return StoredValue::Value(value.clone());
        }
        let encoded = self.encode(value);
        StoredValue::Ref(self.text(&encoded.to_string()))
    }

    fn text(&mut self, text: &str) -> ContentHash {
        let hash = ContentHash::of(text.as_bytes());
        if self.known.insert(hash) {
            self.new.push((hash, text.into()));
        }
        hash
    }

    fn encode(&mut self, value: &Value) -> Value {
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.part(item)).collect();
                self.list(items)
            }
            Value::Object(fields) if fields.keys().any(|key| key.starts_with('$')) => {
                let fields = fields.iter();
                let pairs: Vec<_> = fields
                    .map(|(key, value)| json!([key, self.part(value)]))
                    .collect();
                json!({ "$object": pairs })
            }
            Value::Object(fields) => {
                let fields = fields.iter();
                fields
                    .map(|(key, value)| (key.clone(), self.part(value)))
                    .collect()
            }
            other => other.clone(),
        }
    }

    /// A part of a value: itself if it is small, else a reference.
    fn part(&mut self, value: &Value) -> Value {
        let encoded = self.encode(value);
        let text = encoded.to_string();
        if text.len() < LARGE {
            return encoded;
        }
        json!({ "$ref": self.text(&text) })
    }

    /// A list in blocks, and those in blocks, until a block has room for all.
    fn list(&mut self, mut items: Vec<Value>) -> Value {
        while items.len() > 2 * BLOCK {
            let blocks = items.chunks(BLOCK);
            let blocks = blocks.map(|block| match block.len() {
                BLOCK => vec![json!({ "$part": self.text(&json!(block).to_string()) })],
                // The last ones stay as they are until they fill a block.
                _ => block.to_vec(),
            });
            items = blocks.collect::<Vec<_>>().concat();
        }
        Value::Array(items)
    }
}

/// Reads the values of a run.
#[derive(Debug, Default)]
pub(crate) struct ValueReader {
    texts: HashMap<ContentHash, Arc<str>>,
}

impl ValueReader {
    /// Fetches the texts of these values with all that they refer to.
    pub(crate) async fn fetch(
        &mut self,
        journal: &dyn WorkflowJournal,
        run: RunId,
        values: impl IntoIterator<Item = &StoredValue>,
    ) -> Result<(), JournalError> {
        let refs = values.into_iter().filter_map(|value| match value {
            StoredValue::Ref(hash) => Some(*hash),
            StoredValue::Value(_) => None,
        });
        let mut wanted: HashSet<_> = refs.collect();
        loop {
            wanted.retain(|hash| !self.texts.contains_key(hash));
            if wanted.is_empty() {
                return Ok(());
            }
            let hashes: Vec<_> = wanted.drain().collect();
            let texts = journal.values(run, &hashes).await?;
            for (hash, text) in hashes.into_iter().zip(texts) {
                // A text without a reference leads nowhere.
                if text.contains("\"$") {
                    references(&parse(&text)?, &mut wanted);
                }
                self.texts.insert(hash, text);
            }
        }
    }

    /// Returns the hashes of all texts that were fetched.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = ContentHash> {
        self.texts.keys().copied()
    }

    /// Returns a value whose texts were fetched.
    pub(crate) fn read(&self, value: &StoredValue) -> Result<Value, JournalError> {
        match value {
            StoredValue::Value(value) => Ok(value.clone()),
            StoredValue::Ref(hash) => self.decode(parse(self.text(hash)?)?),
        }
    }

    fn text(&self, hash: &ContentHash) -> Result<&str, JournalError> {
        let text = self.texts.get(hash);
        text.map(|text| &**text)
            .ok_or_else(|| damaged(format_args!("there is no value {hash}")))
    }

    fn decode(&self, value: Value) -> Result<Value, JournalError> {
        match value {
            Value::Array(items) => {
                let mut list = Vec::with_capacity(items.len());
                self.splice(items, &mut list)?;
                Ok(Value::Array(list))
            }
            Value::Object(mut fields) => {
                if let Some(hash) = single(&fields, "$ref") {
                    return self.decode(parse(self.text(&hash?)?)?);
                }
                if let Some(Value::Array(pairs)) = fields.remove("$object") {
                    let pair = |pair: Value| match <[Value; 2]>::try_from(into_list(pair)) {
                        Ok([Value::String(key), value]) => Ok((key, self.decode(value)?)),
                        _ => Err(damaged("a field is no pair")),
                    };
                    return pairs
                        .into_iter()
                        .map(pair)
                        .collect::<Result<JsonMap, _>>()
                        .map(Value::Object);
                }
                let field = |(key, value)| Ok((key, self.decode(value)?));
                fields
                    .into_iter()
                    .map(field)
                    .collect::<Result<_, _>>()
                    .map(Value::Object)
            }
            other => Ok(other),
        }
    }

    fn splice(&self, items: Vec<Value>, list: &mut Vec<Value>) -> Result<(), JournalError> {
        for item in items {
            let part = item.as_object().and_then(|fields| single(fields, "$part"));
            match part {
                Some(hash) => self.splice(into_list(parse(self.text(&hash?)?)?), list)?,
                None => list.push(self.decode(item)?),
            }
        }
        Ok(())
    }
}

/// The hash in an object that has this one key.
fn single(fields: &JsonMap, key: &str) -> Option<Result<ContentHash, JournalError>> {
    let hash = fields.get(key).filter(|_| fields.len() == 1)?;
    let hash = hash.as_str().and_then(|text| text.parse().ok());
    Some(hash.ok_or_else(|| damaged("a reference is no hash")))
}

fn references(value: &Value, found: &mut HashSet<ContentHash>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(fields) => {
            for key in ["$ref", "$part"] {
                found.extend(single(fields, key).and_then(Result::ok));
            }
            fields.values().for_each(|value| references(value, found));
        }
        _ => {}
    }
}

fn into_list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn parse(text: &str) -> Result<Value, JournalError> {
    serde_json::from_str(text).map_err(|error| damaged(format_args!("a value is no JSON: {error}")))
}

fn damaged(message: impl std::fmt::Display) -> JournalError {
    JournalError::Damaged {
        message: message.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads without a journal what was written.
    fn read(writer: &mut ValueWriter, texts: &mut ValueReader, stored: &StoredValue) -> Value {
        texts.texts.extend(writer.take());
        texts.read(stored).unwrap()
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[a-z$\"]{0,12}".prop_map(Value::from),
            (0_usize..3000).prop_map(|length| Value::from("x".repeat(length))),
        ];
        leaf.prop_recursive(4, 200, 80, |inner| {
            let key = prop_oneof![
                "[a-z]{1,3}",
                Just("$ref".to_owned()),
                Just("$object".to_owned()),
                Just("$part".to_owned())
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..100).prop_map(Value::Array),
                prop::collection::btree_map(key, inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_read_as_it_was_written(value in any_value()) {
            let mut writer = ValueWriter::default();
            let stored = writer.store(&value);
            prop_assert_eq!(read(&mut writer, &mut ValueReader::default(), &stored), value);
        }
    }

    #[test]
    fn a_value_costs_what_is_new_in_it() {
        let (mut writer, mut reader) = (ValueWriter::default(), ValueReader::default());
        let (mut list, mut bytes, mut worst) = (Vec::new(), 0, 0);
        for number in 0..600 {
            list.push(json!({ "role": "user", "content": format!("message {number}") }));
            let value = json!({ "conversation": list, "document": "x".repeat(5_000) });
            let stored = writer.store(&value);
            let new: usize = writer.new.iter().map(|(_, text)| text.len()).sum();
            (bytes, worst) = (bytes + new, worst.max(new));
            if number % 97 == 0 {
                assert_eq!(read(&mut writer, &mut reader, &stored), value);
            }
            reader.texts.extend(writer.take());
        }
        assert!(
            bytes / 600 < 8_000 && worst < 30_000,
            "{bytes} bytes in all, {worst} at most"
        );
    }
}
