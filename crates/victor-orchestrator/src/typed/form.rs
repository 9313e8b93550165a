//! The form of an answer that is to be a value of a type.

use std::fmt;
use std::marker::PhantomData;

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use victor_core::contain_sync;
use victor_provider_protocol::ResponseFormat;

use super::strict::strict;
use crate::ports::CheckOutput;

/// The field that holds a value which is not an object by itself, since arguments and answers must be objects.
const FIELD: &str = "value";

/// How many violations a model is told of at once.
const FEW: usize = 5;

/// The form of an answer that is to be a `T`.
pub(crate) struct Form<T> {
    /// The form as the model is told of it.
    pub(crate) format: ResponseFormat,
    /// The schema of the type itself, which may demand more than a strict one can say; none if it is not a schema.
    validator: Option<Validator>,
    wrapped: bool,
    value: PhantomData<fn() -> T>,
}

impl<T: JsonSchema> Form<T> {
    pub(crate) fn new(name: &str) -> Self {
        let (schema, wrapped) = schema::<T>();
        let validator = jsonschema::validator_for(&schema).ok();
        let strict = strict(&schema);
        let mut format = ResponseFormat::new(name, Value::Null);
        format.description =
            "Takes the final answer. Call it once, when you know all that it takes.".into();
        format.strict = strict.is_some();
        format.schema = strict.unwrap_or(schema);
        Self {
            format,
            validator,
            wrapped,
            value: PhantomData,
        }
    }
}

/// The schema of a type, in which nothing refers to anything unless it refers to itself, and whether it is that of an
/// object which holds the value.
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

impl<T: DeserializeOwned> Form<T> {
    /// The value that a text says, or what is wrong with it. The type reads itself, in code that may panic.
    pub(crate) fn read(&self, text: &str) -> Result<T, String> {
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
            let errors = validator.iter_errors(&value).take(FEW);
            let errors: Vec<_> = errors.map(|error| describe(&error)).collect();
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

impl<T: DeserializeOwned> CheckOutput for Form<T> {
    fn check(&self, text: &str) -> Result<(), String> {
        self.read(text).map(drop)
    }
}

impl<T> fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}
