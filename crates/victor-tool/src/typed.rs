//! A closure as a tool, with a schema from the type of its arguments.

use std::fmt;
use std::future::Future;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use victor_core::{Effect, ToolSpec};
use victor_tool_protocol::{Preview, ToolContext, ToolError, ToolLimits, ToolOutput};

use crate::function::{ShowPreview, erased};
use crate::{FunctionTool, tool_fn};

/// Begins a tool of which the arguments are an `A`, with the schema of that type.
///
/// The documentation of the type's fields is what a model is told about them. In the schema nothing refers to anything
/// unless the type contains itself, and there is nothing in it that a model has no use for.
///
/// Arguments that the type does not name are refused, although serde would ignore them: a model that misspelt one is
/// told which it meant, and does not take the call for one that did what it wished. A type with alternatives, or one
/// that takes up other fields by itself (`#[serde(flatten)]` on a map), decides that itself, and so do types within it.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use victor_core::Effect;
/// use victor_tool::typed_tool;
/// use victor_tool_protocol::{ToolError, ToolLimits};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Divide {
///     /// The number that is divided
///     dividend: f64,
///     divisor: f64,
/// }
///
/// let divide = typed_tool::<Divide>("divide", "Divides a number by another")
///     .effect(Effect::ReadOnly)
///     .limits(ToolLimits::default().with_max_concurrent(2))
///     .run(|_cx, Divide { dividend, divisor }| async move {
///         if divisor == 0.0 {
///             return Err(ToolError::InvalidArguments("nothing can be divided by zero".into()));
///         }
///         Ok((dividend / divisor).to_string())
///     });
/// ```
///
/// A type without a schema is no type of arguments:
///
/// ```compile_fail,E0277
/// #[derive(serde::Deserialize)]
/// struct Args {}
///
/// victor_tool::typed_tool::<Args>("t", "d");
/// ```
pub fn typed_tool<A: ToolArguments>(
    name: impl Into<String>,
    description: impl Into<String>,
) -> TypedTool<A> {
    TypedTool {
        spec: ToolSpec::new(name, description, schema::<A>()),
        limits: ToolLimits::default(),
        preview: None,
    }
}

/// Arguments of a tool, as a type: whatever serde can read and schemars can describe.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a tool",
    label = "not the type of a tool's arguments",
    note = "derive `serde::Deserialize` and `schemars::JsonSchema` for it, and let it own what it has"
)]
pub trait ToolArguments: DeserializeOwned + JsonSchema + Send + 'static {}

impl<A: DeserializeOwned + JsonSchema + Send + 'static> ToolArguments for A {}

/// A tool that is being made: what [`typed_tool`] begins and [`run`](Self::run) ends.
#[must_use = "it becomes a tool when `run` says what it does"]
pub struct TypedTool<A> {
    spec: ToolSpec,
    limits: ToolLimits,
    preview: Option<ShowPreview<A>>,
}

impl<A: ToolArguments> TypedTool<A> {
    /// Declares what the tool does to the world. Default: [`Effect::Write`].
    pub fn effect(mut self, effect: Effect) -> Self {
        self.spec.effect = effect;
        self
    }

    /// Sets within which limits its calls run.
    pub fn limits(mut self, limits: ToolLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what shows a person what a call would do. It changes nothing.
    pub fn preview<R, P>(
        mut self,
        preview: impl Fn(ToolContext, A) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Option<P>> + Send + 'static,
        P: Into<Preview>,
    {
        self.preview = Some(erased(preview));
        self
    }

    /// The tool, which does this.
    pub fn run<F, R, O>(self, function: F) -> FunctionTool<A, F>
    where
        F: Fn(ToolContext, A) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, ToolError>> + Send + 'static,
        O: Into<ToolOutput> + 'static,
    {
        let mut tool = tool_fn(self.spec, function).with_limits(self.limits);
        tool.preview = self.preview;
        tool
    }
}

impl<A> fmt::Debug for TypedTool<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedTool")
            .field("spec", &self.spec)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The schema of a type, as a model is shown it.
fn schema<A: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    // Only where a schema may stand: a property or a value may be named `title` too.
    let untitled = RecursiveTransform(|schema: &mut Schema| {
        schema.remove("title");
    });
    let generator = settings.with_transform(untitled).into_generator();
    let mut schema = generator.into_root_schema_for::<A>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        // The tool's own description says what the type's would.
        schema.remove("description");
        // What has alternatives does not say so itself, and providers demand it.
        if is_open(schema, &["type"]) {
            schema.insert("type".into(), "object".into());
        }
        let decides = [
            "additionalProperties",
            "unevaluatedProperties",
            "patternProperties",
            "oneOf",
            "anyOf",
            "allOf",
            "$ref",
        ];
        if is_open(schema, &decides) {
            schema.insert("additionalProperties".into(), false.into());
        }
    }
    schema
}

/// Whether a schema says nothing in these words.
fn is_open(schema: &Map<String, Value>, words: &[&str]) -> bool {
    !words.iter().any(|word| schema.contains_key(*word))
}
