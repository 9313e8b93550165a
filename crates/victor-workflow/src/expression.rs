//! Expressions and templates over the data of a run.

use std::fmt::{self, Write};
use std::sync::LazyLock;

use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, Error, UndefinedBehavior};
use serde_json::Value as Json;

pub(crate) type Value = minijinja::Value;

/// Steps of computation that one expression may take.
const FUEL: u64 = 1_000_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A name that is misspelt is an error, and not false.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // The outcome of an expression depends on the data of the run alone.
    for name in ["debug", "namespace"] {
        environment.remove_global(name);
    }
    environment
});

/// A JSON value, for expressions.
pub(crate) fn from_json(value: &Json) -> Value {
    Value::from(Serde(value))
}

/// The JSON form of the value of an expression.
pub(crate) fn to_json(value: &Value) -> Result<Json, String> {
    if value.is_undefined() {
        return Err("the value is undefined".into());
    }
    serde_json::to_value(value).map_err(|error| format!("the value is no JSON: {error}"))
}

/// An expression that was parsed.
pub(crate) struct Expression {
    text: String,
    compiled: minijinja::Expression<'static, 'static>,
}

impl Expression {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let compiled = ENVIRONMENT.compile_expression_owned(text.to_owned());
        Ok(Self {
            compiled: compiled.map_err(|error| message(text, &error))?,
            text: text.to_owned(),
        })
    }

    pub(crate) fn eval(&self, data: &Value) -> Result<Value, String> {
        let value = self.compiled.eval(data.clone());
        let value = value.map_err(|error| message(&self.text, &error))?;
        if value.is_undefined() {
            return Err(format!("`{}` is undefined", self.text));
        }
        Ok(value)
    }

    pub(crate) fn is_true(&self, data: &Value) -> Result<bool, String> {
        self.eval(data).map(|value| value.is_true())
    }

    /// The names that it takes from the data, with the fields that it asks for: `steps.review.score`.
    fn names(&self, names: &mut Vec<String>) {
        names.extend(self.compiled.undeclared_variables(true));
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

fn message(text: &str, error: &Error) -> String {
    let reason = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    format!("`{text}`: {reason}")
}

/// A JSON value in which texts may have holes, `{{ expression }}`. A text that is one hole is the value of its
/// expression; in other texts the values are written as text.
#[derive(Debug)]
pub(crate) enum Template {
    Constant(Json),
    Hole(Expression),
    Text(Vec<Piece>),
    List(Vec<Template>),
    Map(Vec<(String, Template)>),
}

#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Hole(Expression),
}

impl Template {
    pub(crate) fn parse(value: &Json) -> Result<Self, String> {
        Ok(match value {
            Json::String(text) => Self::parse_text(text)?,
            Json::Array(items) if items.iter().any(has_holes) => {
                Self::List(items.iter().map(Self::parse).collect::<Result<_, _>>()?)
            }
            Json::Object(fields) if fields.values().any(has_holes) => {
                let field = |(key, value): (&String, _)| Ok((key.clone(), Self::parse(value)?));
                Self::Map(fields.iter().map(field).collect::<Result<_, String>>()?)
            }
            constant => Self::Constant(constant.clone()),
        })
    }

    pub(crate) fn parse_text(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (hole, after) = split_hole(after)?;
            pieces.push(Piece::Hole(hole));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(match pieces.as_mut_slice() {
            [] | [Piece::Text(_)] => Self::Constant(text.into()),
            [Piece::Hole(_)] => match pieces.pop() {
                Some(Piece::Hole(hole)) => Self::Hole(hole),
                _ => Self::Text(pieces),
            },
            _ => Self::Text(pieces),
        })
    }

    pub(crate) fn eval(&self, data: &Value) -> Result<Json, String> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Hole(expression) => to_json(&expression.eval(data)?)
                .map_err(|error| format!("`{}`: {error}", expression.text)),
            Self::Text(_) => self.text(data).map(Json::String),
            Self::List(items) => items.iter().map(|item| item.eval(data)).collect(),
            Self::Map(fields) => {
                let field = |(key, value): &(String, Self)| Ok((key.clone(), value.eval(data)?));
                fields
                    .iter()
                    .map(field)
                    .collect::<Result<_, _>>()
                    .map(Json::Object)
            }
        }
    }

    /// The value as a text.
    pub(crate) fn text(&self, data: &Value) -> Result<String, String> {
        let Self::Text(pieces) = self else {
            return Ok(match self.eval(data)? {
                Json::String(text) => text,
                other => other.to_string(),
            });
        };
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Hole(expression) => {
                    let value = expression.eval(data)?;
                    // A `String` takes everything.
                    let _ = match value.kind() {
                        ValueKind::String => write!(text, "{value}"),
                        _ => write!(text, "{}", to_json(&value)?),
                    };
                }
            }
        }
        Ok(text)
    }

    /// The names that its expressions take from the data.
    pub(crate) fn names(&self, names: &mut Vec<String>) {
        match self {
            Self::Constant(_) => {}
            Self::Hole(expression) => expression.names(names),
            Self::Text(pieces) => {
                for piece in pieces {
                    if let Piece::Hole(expression) = piece {
                        expression.names(names);
                    }
                }
            }
            Self::List(items) => items.iter().for_each(|item| item.names(names)),
            Self::Map(fields) => fields.iter().for_each(|(_, value)| value.names(names)),
        }
    }
}

impl From<Expression> for Template {
    fn from(expression: Expression) -> Self {
        Self::Hole(expression)
    }
}

fn has_holes(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains("{{"),
        Json::Array(items) => items.iter().any(has_holes),
        Json::Object(fields) => fields.values().any(has_holes),
        _ => false,
    }
}

/// Splits a text after `{{` into the expression of the hole and what comes behind `}}`. An expression may have braces
/// in it, so the first end at which it is one counts.
fn split_hole(text: &str) -> Result<(Expression, &str), String> {
    let mut first = None;
    for (at, _) in text.match_indices("}}") {
        match Expression::parse(text[..at].trim()) {
            Ok(expression) => return Ok((expression, &text[at + 2..])),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| "`{{` has no `}}`: close the expression".into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "cases are written in place")]
    fn check(template: Json, expected: Result<Json, &str>) {
        let data = json!({
            "name": "Ada", "n": 3, "big": u64::MAX, "ratio": 0.5, "list": [1, { "a": null }], "none": null, "yes": true,
        });
        let found = Template::parse(&template).and_then(|parsed| parsed.eval(&from_json(&data)));
        match (&found, &expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{template}"),
            (Err(error), Err(expected)) => {
                assert!(error.contains(*expected), "{template}: {error}");
            }
            _ => panic!("{template} is {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_template_is_a_value_with_holes() {
        for constant in [
            json!(null),
            json!("a"),
            json!(""),
            json!([1, "}}"]),
            json!({ "a": true }),
        ] {
            check(constant.clone(), Ok(constant));
        }
        check(json!("{{ n }}"), Ok(json!(3)));
        check(json!("{{ n * 2 + 1 }}"), Ok(json!(7)));
        check(json!("{{ big }}"), Ok(json!(u64::MAX)));
        check(json!("{{ ratio }}"), Ok(json!(0.5)));
        check(json!("{{ none }}"), Ok(json!(null)));
        check(json!("{{list}}"), Ok(json!([1, { "a": null }])));
        check(json!("{{ list[1] }}"), Ok(json!({ "a": null })));
        check(
            json!("{{ {'a': {'b': n}} }}"),
            Ok(json!({ "a": { "b": 3 } })),
        );
        check(json!("{{ list + [n] }}"), Ok(json!([1, { "a": null }, 3])));
        check(json!("Hello, {{ name }}!"), Ok(json!("Hello, Ada!")));
        check(
            json!("{{ name }}{{ n }} {{ list }} {{ yes }}"),
            Ok(json!("Ada3 [1,{\"a\":null}] true")),
        );
        check(json!(" {{ n }}"), Ok(json!(" 3")));
        check(
            json!({ "to": "{{ name }}", "n": [1, "{{ n }}"] }),
            Ok(json!({ "to": "Ada", "n": [1, 3] })),
        );
        check(json!("{{ '{{' }} and {{ '}}' }}"), Ok(json!("{{ and }}")));
        check(json!("{{ missing is defined }}"), Ok(json!(false)));
        check(
            json!("{{ name | upper if n > 2 else 'x' }}"),
            Ok(json!("ADA")),
        );
    }

    #[test]
    fn a_template_that_fails_says_where() {
        check(json!("{{ missing }}"), Err("`missing` is undefined"));
        check(
            json!("{{ missing.field }}"),
            Err("`missing.field`: undefined value"),
        );
        check(json!("{{ n + }}"), Err("`n +`: syntax error"));
        check(json!("{{ n"), Err("`{{` has no `}}`"));
        check(json!("{{ name + 1 }}"), Err("`name + 1`: "));
        check(json!("{{ name | nothing }}"), Err("unknown filter"));
    }
}
