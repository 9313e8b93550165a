//! The form of an answer that is read as a value of a type.

use std::fmt;
use std::marker::PhantomData;

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use victor_chat_protocol::{CheckOutput, OutputContract};
use victor_core::contain_sync;
use victor_provider_protocol::ResponseFormat;

use crate::strict_schema;

/// The field that holds a value which is not an object by itself, since arguments and answers must be objects.
const FIELD: &str = "value";

/// The number of violations that a model is told of at once.
const MOST_VIOLATIONS: usize = 5;

/// The form of an answer that is read as a `T`.
///
/// A type whose schema is not that of an object is wrapped: the model gives `{"value": ..}`, and the bare value is
/// accepted too.
pub struct OutputForm<T> {
    contract: OutputContract,
    /// The schema of the type itself, which may demand more than a strict one can say; `None` if it is no valid schema.
    validator: Option<Validator>,
    wrapped: bool,
    value: PhantomData<fn() -> T>,
}

impl<T: JsonSchema> OutputForm<T> {
    /// Derives the form from the schema of `T`.
    ///
    /// `name` is that of the form, and of the tool by which a model gives its answer where its provider cannot hold it
    /// to a schema; no other tool of the turn may have it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let (schema, wrapped) = schema::<T>();
        let validator = jsonschema::validator_for(&schema).ok();
        let strict = strict_schema(&schema);
        let mut format = ResponseFormat::new(name, Value::Null);
        format.description =
            "Takes the final answer. Call it once, when you know all that it takes.".into();
        format.strict = strict.is_some();
        format.schema = strict.unwrap_or(schema);
        Self {
            contract: OutputContract::new(format),
            validator,
            wrapped,
            value: PhantomData,
        }
    }
}

impl<T> OutputForm<T> {
    /// The contract that a turn is given: the schema as the model is shown it, and three attempts.
    #[must_use]
    pub fn contract(&self) -> &OutputContract {
        &self.contract
    }
}

/// Returns the schema of a type, in which nothing refers to anything unless it refers to itself, and whether it is that
/// of an object which wraps the value.
fn schema<T: JsonSchema>() -> (Value, bool) {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings
        .clone()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    if schema["type"] == "object" {
        return (schema, false);
    }
    let mut generator = settings.into_generator();
    let value = generator.subschema_for::<T>();
    let mut schema = json!({"type": "object", "properties": {FIELD: value}, "required": [FIELD]});
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema["$defs"] = definitions.into();
    }
    (schema, true)
}

impl<T: DeserializeOwned> OutputForm<T> {
    /// Reads the value from the text of an answer. A panic in the type's own code is contained.
    ///
    /// # Errors
    ///
    /// The answer does not fit. The message says how, with the place of each of the first five violations, and is meant
    /// for the model.
    pub fn read(&self, text: &str) -> Result<T, String> {
        contain_sync(|| self.parse(text))
            .unwrap_or_else(|panicked| Err(format!("it could not be read ({panicked})")))
    }

    fn parse(&self, text: &str) -> Result<T, String> {
        let mut value: Value =
            serde_json::from_str(text).map_err(|error| format!("it is not JSON ({error})"))?;
        if self.wrapped && value.get(FIELD).is_none() {
            value = json!({FIELD: value});
        }
        if let Some(validator) = &self.validator {
            let errors: Vec<_> = validator
                .iter_errors(&value)
                .take(MOST_VIOLATIONS)
                .map(|error| describe(&error))
                .collect();
            if !errors.is_empty() {
                return Err(errors.join("; "));
            }
        }
        if self.wrapped {
            value = value[FIELD].take();
        }
        serde_path_to_error::deserialize(value).map_err(|error| error.to_string())
    }
}

fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    let masked = error.masked_with("the value");
    match error.instance_path().as_str() {
        "" => masked.to_string(),
        path => format!("at {path}, {masked}"),
    }
}

impl<T: DeserializeOwned> CheckOutput for OutputForm<T> {
    fn check(&self, text: &str) -> Result<(), String> {
        self.read(text).map(drop)
    }
}

impl<T> fmt::Debug for OutputForm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputForm")
            .field("contract", &self.contract)
            .finish_non_exhaustive()
    }
}
