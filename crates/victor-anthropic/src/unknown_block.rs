//! Blocks of kinds that are not known here, put together from their pieces.

use std::mem;

use serde_json::Value;
use serde_json::value::RawValue;
use victor_model_api::RawFields as Fields;

/// A block of a kind that is not known here, put together from its beginning and its pieces.
#[derive(Debug)]
pub(crate) struct UnknownBlock {
    fields: Vec<(String, Piece)>,
    /// The JSON text of its field `input`, where that comes in pieces.
    input: String,
}

#[derive(Debug)]
enum Piece {
    Raw(Box<RawValue>),
    Text(String),
}

impl UnknownBlock {
    /// The block as it begins.
    pub(crate) fn new(raw: &RawValue) -> serde_json::Result<Self> {
        let fields = Fields::parse(raw.get())?;
        let fields = fields
            .iter()
            .map(|(field, value)| (field.to_owned(), Piece::Raw(value.to_owned())));
        Ok(Self {
            fields: fields.collect(),
            input: String::new(),
        })
    }

    /// Takes the fields of a piece: texts are appended, everything else takes the place of what was there. A piece that
    /// cannot be read changes nothing.
    pub(crate) fn take(&mut self, delta: &Fields<'_>) -> serde_json::Result<()> {
        let fields = delta.iter().filter(|(field, _)| *field != "type");
        let pieces = fields.map(|(field, value)| {
            let is_text = value.get().starts_with('"');
            let text: Option<String> = is_text
                .then(|| serde_json::from_str(value.get()))
                .transpose()?;
            Ok((field, value, text))
        });
        for (field, value, text) in pieces.collect::<serde_json::Result<Vec<_>>>()? {
            match text {
                Some(more) if field == "partial_json" => self.input.push_str(&more),
                Some(more) => match self.slot(field) {
                    Piece::Text(text) => text.push_str(&more),
                    slot @ Piece::Raw(_) => {
                        let Piece::Raw(raw) = &*slot else { continue };
                        let begun: String = serde_json::from_str(raw.get()).unwrap_or_default();
                        *slot = Piece::Text(begun + &more);
                    }
                },
                None => *self.slot(field) = Piece::Raw(value.to_owned()),
            }
        }
        Ok(())
    }

    fn slot(&mut self, field: &str) -> &mut Piece {
        let index = self
            .fields
            .iter()
            .position(|(name, _)| name == field)
            .unwrap_or_else(|| {
                self.fields
                    .push((field.to_owned(), Piece::Text(String::new())));
                self.fields.len() - 1
            });
        &mut self.fields[index].1
    }

    /// The block as it is now.
    pub(crate) fn into_json(mut self) -> String {
        if let Ok(input) = RawValue::from_string(mem::take(&mut self.input)) {
            *self.slot("input") = Piece::Raw(input);
        }
        let quoted = |text: &str| Value::from(text).to_string();
        let mut json = String::from("{");
        for (index, (field, piece)) in self.fields.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(&quoted(field));
            json.push(':');
            match piece {
                Piece::Raw(raw) => json.push_str(raw.get()),
                Piece::Text(text) => json.push_str(&quoted(text)),
            }
        }
        json.push('}');
        json
    }
}
