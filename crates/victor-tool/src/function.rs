//! A closure as a tool.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use victor_core::ToolSpec;
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

/// Makes a tool of a closure that takes typed arguments.
///
/// The arguments are read with serde from what the model sent, after it was found to fit the schema. Where they do
/// not fit the type all the same, the model is told which field is wrong. `serde_json::Value` as the type takes the
/// arguments as they are.
///
/// ```
/// use serde::Deserialize;
/// use serde_json::json;
/// use victor_core::{Effect, ToolSpec};
/// use victor_tool::tool_fn;
/// use victor_tool_protocol::ToolError;
///
/// #[derive(Deserialize)]
/// struct Divide {
///     dividend: f64,
///     divisor: f64,
/// }
///
/// let schema = json!({
///     "type": "object",
///     "properties": { "dividend": { "type": "number" }, "divisor": { "type": "number" } },
///     "required": ["dividend", "divisor"],
/// });
/// let spec = ToolSpec::new("divide", "Divides a number by another", schema).with_effect(Effect::ReadOnly);
/// let divide = tool_fn(spec, |_cx, Divide { dividend, divisor }| async move {
///     if divisor == 0.0 {
///         return Err(ToolError::InvalidArguments("nothing can be divided by zero".into()));
///     }
///     Ok((dividend / divisor).to_string())
/// });
/// ```
pub fn tool_fn<A, F, R, O>(spec: ToolSpec, function: F) -> FunctionTool<A, F>
where
    A: DeserializeOwned + Send + 'static,
    F: Fn(ToolContext, A) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, ToolError>> + Send + 'static,
    O: Into<ToolOutput> + 'static,
{
    FunctionTool {
        spec,
        function,
        arguments: PhantomData,
    }
}

/// A closure as a tool: what [`tool_fn`] makes.
pub struct FunctionTool<A, F> {
    spec: ToolSpec,
    function: F,
    arguments: PhantomData<fn(A)>,
}

impl<A, F> fmt::Debug for FunctionTool<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTool")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<A, F, R, O> Tool for FunctionTool<A, F>
where
    A: DeserializeOwned + Send + 'static,
    F: Fn(ToolContext, A) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, ToolError>> + Send + 'static,
    O: Into<ToolOutput> + 'static,
{
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let arguments = serde_path_to_error::deserialize(arguments)
            .map_err(|error| ToolError::InvalidArguments(error.to_string()))?;
        let output = (self.function)(cx.clone(), arguments).await?;
        Ok(output.into())
    }
}
