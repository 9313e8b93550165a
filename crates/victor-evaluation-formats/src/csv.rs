//! Cases in CSV.

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value, json};

use crate::dataset::Cases;
use crate::record::case_of;

/// Reads rows behind a header. Lists (`tags`, and `target` where it is a JSON list) stand in one field.
pub(crate) fn read(text: &str, cases: &mut Cases) {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return cases.problem("the header", &error.to_string()),
    };
    if !header.iter().any(|name| name == "input") {
        let found: Vec<&str> = header.iter().collect();
        return cases.problem(
            "the header",
            &format!("no column `input` among `{}`", found.join("`, `")),
        );
    }
    for (number, row) in (1..).zip(reader.records()) {
        let line = |row: &StringRecord| row.position().map_or(number + 1, csv::Position::line);
        match row {
            Ok(row) if row.len() != header.len() => {
                let problem = format!("{} fields, and the header has {}", row.len(), header.len());
                cases.problem(&format!("line {}", line(&row)), &problem);
            }
            Ok(row) => {
                let place = format!("line {}", line(&row));
                cases.push(&place, case_of(record(&header, &row), &number.to_string()));
            }
            Err(error) => cases.problem(&format!("row {number}"), &error.to_string()),
        }
    }
}

/// A row as an object. Columns that are none of ours are metadata; empty fields are absent.
fn record(header: &StringRecord, row: &StringRecord) -> Value {
    let (mut fields, mut metadata) = (Map::new(), Map::new());
    for (name, field) in header
        .iter()
        .zip(row)
        .filter(|(_, field)| !field.is_empty())
    {
        match name {
            "input" | "id" | "group" => fields.insert(name.to_owned(), field.into()),
            "target" => fields.insert(name.to_owned(), list(field).unwrap_or_else(|| field.into())),
            "tags" => {
                let tags =
                    list(field).unwrap_or_else(|| field.split([',', ';']).map(str::trim).collect());
                fields.insert(name.to_owned(), tags)
            }
            _ => metadata.insert(name.to_owned(), field.into()),
        };
    }
    fields.entry("input").or_insert_with(|| "".into());
    fields.insert("metadata".to_owned(), json!(metadata));
    Value::Object(fields)
}

/// A JSON list of strings, if the field is one.
fn list(field: &str) -> Option<Value> {
    let list: Vec<String> = serde_json::from_str(field).ok()?;
    Some(json!(list))
}
