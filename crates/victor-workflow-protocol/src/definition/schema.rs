//! The JSON Schema of definitions.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

use super::{StepAction, Workflow};

impl Workflow {
    /// Returns the JSON Schema (draft 2020-12) of definitions, for editors that complete and check them.
    #[must_use]
    pub fn json_schema() -> Value {
        let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(unwrap));
        let generator = settings.into_generator();
        let mut schema = generator.into_root_schema_for::<Self>();
        schema.insert("title".to_owned(), "Workflow of Victor".into());
        schema.to_value()
    }
}

/// Demands exactly one of the keys that say what a step does.
pub(super) fn one_action(schema: &mut Schema) {
    let one = StepAction::KINDS
        .iter()
        .map(|kind| json!({ "required": [kind] }));
    schema.insert("oneOf".to_owned(), one.collect());
}

/// Puts the lines of a description into one, which editors wrap as they like.
fn unwrap(schema: &mut Schema) {
    let description = schema.get("description").and_then(Value::as_str);
    if let Some(text) = description.map(|text| text.replace('\n', " ")) {
        schema.insert("description".to_owned(), text.into());
    }
}
