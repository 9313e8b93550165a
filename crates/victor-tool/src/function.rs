//! A closure as a tool.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use victor_core::ToolSpec;
use victor_tool_protocol::{Preview, Tool, ToolContext, ToolError, ToolLimits, ToolOutput};

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
        limits: ToolLimits::default(),
        preview: None,
        arguments: PhantomData,
    }
}

/// Shows a person what a call would do.
pub(crate) type ShowPreview<A> =
    Box<dyn Fn(ToolContext, A) -> BoxFuture<'static, Option<Preview>> + Send + Sync>;

pub(crate) fn erased<A, R, P>(
    preview: impl Fn(ToolContext, A) -> R + Send + Sync + 'static,
) -> ShowPreview<A>
where
    R: Future<Output = Option<P>> + Send + 'static,
    P: Into<Preview>,
{
    Box::new(move |cx, arguments| {
        let shown = preview(cx, arguments);
        Box::pin(async move { shown.await.map(Into::into) })
    })
}

/// A closure as a tool: what [`tool_fn`] makes.
pub struct FunctionTool<A, F> {
    spec: ToolSpec,
    function: F,
    limits: ToolLimits,
    pub(crate) preview: Option<ShowPreview<A>>,
    arguments: PhantomData<fn(A)>,
}

impl<A, F> FunctionTool<A, F> {
    /// Sets within which limits its calls run.
    #[must_use]
    pub fn with_limits(mut self, limits: ToolLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what shows a person what a call would do. It changes nothing.
    #[must_use]
    pub fn with_preview<R, P>(
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
}

impl<A, F> fmt::Debug for FunctionTool<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTool")
            .field("spec", &self.spec)
            .field("limits", &self.limits)
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

    async fn preview(&self, cx: &ToolContext, arguments: &Value) -> Option<Preview> {
        let preview = self.preview.as_ref()?;
        // Where they do not fit the type, the call will say so.
        preview(cx.clone(), A::deserialize(arguments).ok()?).await
    }

    fn limits(&self) -> ToolLimits {
        self.limits.clone()
    }
}
