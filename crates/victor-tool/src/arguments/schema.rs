//! The check of arguments by their whole JSON Schema.

use std::iter;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::{FEW, no_option, place, properties, shown, unknown, wrong_type};

/// A schema, compiled once.
#[derive(Debug)]
pub(crate) struct Schema(Validator);

impl Schema {
    /// Compiles a schema, or says why it is not one.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        let compiled = jsonschema::options().build(schema);
        compiled
            .map(Self)
            .map_err(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                path => format!("at {path}: {error}"),
            })
    }

    /// Lists how arguments do not fit. `schema` is the one that was compiled.
    pub(super) fn violations(&self, schema: &Value, arguments: &Value) -> Vec<String> {
        if self.0.is_valid(arguments) {
            return Vec::new();
        }
        let mut errors = self.0.iter_errors(arguments);
        let listed = errors.by_ref().take(FEW);
        let mut violations: Vec<_> = listed.map(|error| violation(&error, schema)).collect();
        // Further ones are only counted.
        violations.extend(iter::repeat_n(String::new(), errors.count()));
        violations
    }
}

fn violation(error: &ValidationError<'_>, schema: &Value) -> String {
    let path = error.instance_path().as_str();
    let found = error.instance();
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            format!("{path}/{name} is missing")
        }
        Kind::Type {
            kind: TypeKind::Single(kind),
        } => wrong_type(path, &kind.to_string(), found),
        Kind::Enum { options } => no_option(path, options, found),
        Kind::AdditionalProperties { unexpected } => {
            let known: Vec<_> = match path {
                "" => properties(schema).map(|(name, _)| name).collect(),
                _ => Vec::new(), // the schema of a nested object is not at hand
            };
            let unexpected = unexpected
                .iter()
                .map(|name| unknown(path, name, known.iter().copied()));
            unexpected.collect::<Vec<_>>().join("; ")
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let alternatives = context
                .iter()
                .filter_map(|errors| errors.first())
                .map(|error| violation(error, schema))
                .take(FEW)
                .collect::<Vec<_>>()
                .join(", or ");
            format!(
                "{} is {}, which fits no alternative: {alternatives}",
                place(path),
                shown(found)
            )
        }
        _ => {
            let masked = error.masked_with("the value");
            format!("{} is {}: {masked}", place(path), shown(found))
        }
    }
}
