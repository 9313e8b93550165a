//! What goes out to a model.

use std::sync::Arc;

use victor_core::{Context, JsonMap, ModelId, SessionId, ToolSpec};

/// A request to a model. It shares its large parts, so making and cloning one copies no text.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The model that is to answer.
    pub model: ModelId,
    /// The system prompt.
    pub system: Option<Arc<str>>,
    /// The conversation.
    pub context: Context,
    /// The tools that the model may call, in a stable order.
    pub tools: Arc<[ToolSpec]>,
    /// Whether it may, must or must not call them.
    pub tool_choice: ToolChoice,
    /// The longest answer, in tokens; the provider's own limit if absent.
    pub max_output_tokens: Option<u32>,
    /// How freely the model chooses its words, usually 0 to 1; the provider's own default if absent.
    pub temperature: Option<f64>,
    /// Texts at which the model stops.
    pub stop_sequences: Vec<String>,
    /// The session, by which a provider may find its prompt cache.
    pub session: Option<SessionId>,
    /// Fields for this provider alone, added to the body of the request as they are.
    pub extra: JsonMap,
}

impl ChatRequest {
    /// A request to `model` to go on with a conversation, without tools.
    pub fn new(model: impl Into<ModelId>, context: Context) -> Self {
        Self {
            model: model.into(),
            system: None,
            context,
            tools: Arc::default(),
            tool_choice: ToolChoice::default(),
            max_output_tokens: None,
            temperature: None,
            stop_sequences: Vec::new(),
            session: None,
            extra: JsonMap::new(),
        }
    }
}

/// Whether a model may, must or must not call tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// It must not call tools.
    None,
    /// It must call some tool.
    Required,
    /// It must call the tool of this name.
    Named(String),
}
