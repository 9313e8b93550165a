//! The input of a run on the command line.

use std::io::{self, Read as _};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Map, Value};

use crate::exit::Failure;

/// The flag for the input of a run.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// The input: KEY=TEXT, KEY:=JSON, a JSON value, or `-` for JSON from standard input; may be repeated for fields
    #[arg(long, short, value_name = "INPUT", allow_hyphen_values = true)]
    input: Vec<String>,
}

impl InputArgs {
    /// Returns the value; null if there is none.
    pub(super) fn value(&self) -> Result<Value, Failure> {
        let mut stdin = String::new();
        if self.input.iter().any(|input| input == "-") {
            let read = io::stdin().lock().read_to_string(&mut stdin);
            read.context("the input cannot be read from standard input")
                .map_err(Failure::usage)?;
        }
        value(&self.input, &stdin).map_err(Failure::usage)
    }
}

fn value(inputs: &[String], stdin: &str) -> anyhow::Result<Value> {
    let mut fields = Map::new();
    for input in inputs {
        if let Some((key, value)) = field(input)? {
            if fields.insert(key.clone(), value).is_some() {
                bail!("the input has the field `{key}` twice");
            }
            continue;
        }
        let (text, name) = match input.as_str() {
            "-" => (stdin, "the standard input"),
            text => (text, "the input"),
        };
        let value: Value = serde_json::from_str(text).with_context(|| {
            format!("{name} is no JSON; write KEY=TEXT for a field, or KEY:=JSON")
        })?;
        match value {
            Value::Object(more) if inputs.len() > 1 => fields.extend(more),
            value if inputs.len() == 1 => return Ok(value),
            _ => bail!("{name} is no object, so further fields cannot be added to it"),
        }
    }
    Ok(if inputs.is_empty() {
        Value::Null
    } else {
        fields.into()
    })
}

/// A field, if the input is one.
fn field(input: &str) -> anyhow::Result<Option<(String, Value)>> {
    let is_key = |key: &str| {
        let is_part = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        !key.is_empty() && key.chars().all(is_part)
    };
    let Some((key, value)) = input.split_once('=') else {
        return Ok(None);
    };
    if let Some(key) = key.strip_suffix(':').filter(|key| is_key(key)) {
        let value = serde_json::from_str(value).map_err(|error| {
            anyhow!("the value of `{key}` is no JSON: {error}; write {key}=TEXT for a text")
        })?;
        return Ok(Some((key.to_owned(), value)));
    }
    Ok(is_key(key).then(|| (key.to_owned(), value.into())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "cases are written in place")]
    fn check(inputs: &[&str], expected: Result<Value, &str>) {
        let inputs: Vec<_> = inputs.iter().map(|&input| input.to_owned()).collect();
        let found = value(&inputs, "{\"n\": 1}").map_err(|error| format!("{error:#}"));
        match (&found, &expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{inputs:?}"),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{inputs:?}: {error}"),
            _ => panic!("{inputs:?} is {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn inputs_are_fields_or_json() {
        check(&[], Ok(json!(null)));
        check(&["name=victor"], Ok(json!({ "name": "victor" })));
        check(
            &["version=1.10", "n:=2"],
            Ok(json!({ "version": "1.10", "n": 2 })),
        );
        check(
            &["query=a=b", "empty="],
            Ok(json!({ "query": "a=b", "empty": "" })),
        );
        check(&["{\"a\": \"x=y\"}"], Ok(json!({ "a": "x=y" })));
        check(&["[1, 2]"], Ok(json!([1, 2])));
        check(&["-"], Ok(json!({ "n": 1 })));
        check(&["-", "m=x"], Ok(json!({ "n": 1, "m": "x" })));
        check(&["name"], Err("the input is no JSON; write KEY=TEXT"));
        check(&["n:=x"], Err("the value of `n` is no JSON"));
        check(&["[1]", "n=1"], Err("no object"));
        check(&["n=1", "n=2"], Err("the field `n` twice"));
    }
}
