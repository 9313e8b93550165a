//! Requests to models.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::{Context, JsonMap, ModelId, SessionId, ToolSpec, TraceContext, TurnId};

use crate::{ChatProvider, ProviderError, ProviderErrorKind};

/// A request to a model. It shares its large parts, so making and cloning one copies no text.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The model that is to answer. If absent, a [router](crate::ProviderRouter) takes its current model, and a
    /// provider that is called directly its own default.
    pub model: Option<ModelId>,
    /// The system prompt.
    pub system: Option<Arc<str>>,
    /// The conversation.
    pub context: Context,
    /// The tools that the model may call, in a stable order.
    pub tools: Arc<[ToolSpec]>,
    /// Whether it may, must or must not call them.
    pub tool_choice: ToolChoice,
    /// The form that the answer must have; any if absent. Only for models whose
    /// [capabilities](crate::Capabilities::structured_output) say that they can be held to one.
    pub response_format: Option<Arc<ResponseFormat>>,
    /// The longest answer, in tokens; the provider's own limit if absent.
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature, usually 0 to 1; the provider's own default if absent.
    pub temperature: Option<f64>,
    /// Texts at which the model stops.
    pub stop_sequences: Vec<String>,
    /// The session, by which a provider may find its prompt cache.
    pub session: Option<SessionId>,
    /// The turn in which the request is made, for the [ledger](crate::LedgerEntry::turn).
    pub turn: Option<TurnId>,
    /// Names to which the request is charged besides, such as a tenant.
    pub tags: Arc<[Arc<str>]>,
    /// The tokens of the request, as the context manager counts them; limits and budgets reserve by it.
    pub input_tokens: Option<u64>,
    /// The place of the model call in a distributed trace, for providers that pass it on to their server.
    pub trace: Option<TraceContext>,
    /// Fields for this provider alone, added to the body of the request as they are.
    pub extra: JsonMap,
}

impl ChatRequest {
    /// Asks `model` to continue a conversation, without tools.
    pub fn new(model: impl Into<ModelId>, context: Context) -> Self {
        Self {
            model: Some(model.into()),
            ..Self::to_current_model(context)
        }
    }

    /// Asks the current model of a router to continue a conversation, without tools.
    #[must_use]
    pub fn to_current_model(context: Context) -> Self {
        Self {
            model: None,
            system: None,
            context,
            tools: Arc::default(),
            tool_choice: ToolChoice::default(),
            response_format: None,
            max_output_tokens: None,
            temperature: None,
            stop_sequences: Vec::new(),
            session: None,
            turn: None,
            tags: Arc::default(),
            input_tokens: None,
            trace: None,
            extra: JsonMap::new(),
        }
    }

    /// Returns the model of the request, or else `default`.
    pub fn model_or(&self, default: impl Into<ModelId>) -> ModelId {
        self.model.clone().unwrap_or_else(|| default.into())
    }

    /// Returns the model of the request, or else the default of the provider that is to answer it.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ProviderErrorKind::InvalidRequest): the request names no model, and the provider has no
    /// default.
    pub fn model_for(&self, provider: &dyn ChatProvider) -> Result<ModelId, ProviderError> {
        let model = self.model.clone().or_else(|| provider.default_model());
        model.ok_or_else(|| {
            ProviderError::new(
                ProviderErrorKind::InvalidRequest,
                provider.name(),
                "the request names no model, and this provider has no default: set `ChatRequest::model`",
            )
        })
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

/// The form that an answer must have: a JSON value that fits a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResponseFormat {
    /// Its name. Providers accept 1 to 64 ASCII letters, digits, `_` and `-`.
    pub name: String,
    /// Description for the model; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The JSON Schema, which must describe an object.
    pub schema: Value,
    /// Whether the schema is of the kind that providers can hold a model to, token by token: every object names all of
    /// its properties, requires them and allows no others, and nothing refers to anything.
    #[serde(default)]
    pub strict: bool,
}

impl ResponseFormat {
    /// A form that is not strict.
    pub fn new(name: impl Into<String>, schema: Value) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            schema,
            strict: false,
        }
    }
}
