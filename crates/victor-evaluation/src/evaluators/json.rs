//! Evaluators of answers in JSON.

use async_trait::async_trait;
use jsonschema::Validator;
use serde_json::Value;
use serde_json_path::{JsonPath, ParseError};
use victor_core::BoxError;
use victor_evaluation_protocol::{EvalCase, Evaluator, EvaluatorError, Judgement, Score, Trial};

/// Whether the answer is the same JSON value as one of the expected ones, whatever the order of its fields.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonMatches;

#[async_trait]
impl Evaluator for JsonMatches {
    fn name(&self) -> &str {
        "json"
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        if case.expected.text.is_empty() {
            return Ok(Judgement::NotApplicable);
        }
        let mut expected = Vec::new();
        for text in &case.expected.text {
            let value: Value = serde_json::from_str(text).map_err(|error| {
                let message = format!("the expected answer of case `{}` is no JSON", case.id);
                EvaluatorError::new(message).with_source(error)
            })?;
            expected.push(value);
        }
        Ok(with_json(trial, |answer| {
            if expected.contains(answer) {
                return Judgement::passed(true);
            }
            let reason = format!("expected {}", case.expected.text.join(" or "));
            Score::new(0.0, false).with_reason(reason).into()
        }))
    }
}

/// Whether the answer is JSON that follows a schema.
#[derive(Debug)]
pub struct JsonSchemaMatches {
    validator: Validator,
}

impl JsonSchemaMatches {
    /// An evaluator by this schema. References to other documents are not followed.
    ///
    /// # Errors
    ///
    /// The schema is not valid.
    pub fn new(schema: &Value) -> Result<Self, BoxError> {
        let validator = jsonschema::validator_for(schema).map_err(|error| error.to_string())?;
        Ok(Self { validator })
    }
}

#[async_trait]
impl Evaluator for JsonSchemaMatches {
    fn name(&self) -> &str {
        "json_schema"
    }

    async fn evaluate(&self, _: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        Ok(with_json(trial, |answer| {
            match self.validator.validate(answer) {
                Ok(()) => Judgement::passed(true),
                Err(error) => {
                    let place = error.instance_path().to_string();
                    let reason = if place.is_empty() {
                        error.to_string()
                    } else {
                        format!("at `{place}`: {error}")
                    };
                    Score::new(0.0, false).with_reason(reason).into()
                }
            }
        }))
    }
}

/// Whether a path into the answer, which must be JSON, finds an expected value: any value where none is named.
///
/// Paths are those of [RFC 9535](https://www.rfc-editor.org/rfc/rfc9535).
#[derive(Debug, Clone)]
pub struct JsonPathMatches {
    name: String,
    path: JsonPath,
    expected: Option<Value>,
}

impl JsonPathMatches {
    /// An evaluator under this name, which asks for any value at the path.
    ///
    /// # Errors
    ///
    /// The path is not valid.
    pub fn new(name: impl Into<String>, path: &str) -> Result<Self, InvalidPath> {
        let path = JsonPath::parse(path).map_err(InvalidPath)?;
        Ok(Self {
            name: name.into(),
            path,
            expected: None,
        })
    }

    /// Asks for this value among those at the path.
    #[must_use]
    pub fn equal_to(mut self, expected: Value) -> Self {
        self.expected = Some(expected);
        self
    }
}

#[async_trait]
impl Evaluator for JsonPathMatches {
    fn name(&self) -> &str {
        &self.name
    }

    async fn evaluate(&self, _: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        Ok(with_json(trial, |answer| {
            let found = self.path.query(answer).all();
            let is_met = match &self.expected {
                Some(expected) => found.contains(&expected),
                None => !found.is_empty(),
            };
            let score = Score::new(f64::from(u8::from(is_met)), is_met);
            match is_met {
                true => score.into(),
                false => score
                    .with_reason(format!("{} values at `{}`", found.len(), self.path))
                    .into(),
            }
        }))
    }
}

/// A path into JSON that is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the path is not valid JSONPath: {0}")]
pub struct InvalidPath(ParseError);

/// Judges an answer that must be JSON, alone or in a fenced block.
fn with_json(trial: &Trial, judge: impl FnOnce(&Value) -> Judgement) -> Judgement {
    match serde_json::from_str(json_text(trial.answer())) {
        Ok(answer) => judge(&answer),
        Err(error) => Score::new(0.0, false)
            .with_reason(format!("the answer is no JSON: {error}"))
            .into(),
    }
}

/// The text within the fences of a block, if the answer is one.
pub(super) fn json_text(answer: &str) -> &str {
    let answer = answer.trim();
    let within = answer
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"));
    within.map_or(answer, |block| block.strip_prefix("json").unwrap_or(block))
}
