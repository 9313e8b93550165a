//! The window of a model, and contexts that fit into it.

use victor_chat_protocol::{ModelCall, ModelCallError, TooLong};
use victor_config_protocol::EffectiveConfig;
use victor_context_protocol::{ContextError, Prepared, WindowRequest};
use victor_core::{ModelId, SessionId, contain, contain_sync};
use victor_provider_protocol::CapabilitySource;

use crate::preamble::Preamble;
use crate::{RequestRoles, TurnRequests};

/// Tokens that an answer is assumed to need where no limit is known.
const ANSWER_TOKENS: u64 = 4096;

/// Returns the window that a session's context must fit into: that of its model, less the room for an answer.
pub(crate) fn window_request(
    roles: &RequestRoles,
    session: &SessionId,
    config: &EffectiveConfig,
    model: Option<&ModelId>,
) -> WindowRequest {
    let settings = &config.settings;
    let model = roles.model(session, model);
    let capabilities = roles.provider.session_capabilities(session, &model);
    let learned = match capabilities.source {
        CapabilitySource::Learned => capabilities.context_window,
        _ => None,
    };
    // A window in the settings may be smaller than the model's, and cannot be larger than its provider accepts.
    let set = settings
        .context_window
        .filter(|set| learned.is_none_or(|learned| *set <= learned));
    let window = set.or(capabilities.context_window);
    let is_declared = set.is_some() || capabilities.source == CapabilitySource::Declared;
    let answer = settings
        .max_output_tokens
        .map(u64::from)
        .or(capabilities.max_output_tokens);
    let mut request = WindowRequest::default();
    request.window = window;
    // Whoever declares a window may know that the server cuts longer requests. Otherwise counts are estimates.
    request.best_effort = !is_declared;
    request.model = Some(model);
    // A model may be able to fill its whole window with one answer; it need not be able to at any time.
    request.reserved = answer
        .unwrap_or(ANSWER_TOKENS)
        .min(window.map_or(u64::MAX, |window| window / 4));
    // Where these are not set, the coordinator has defaults.
    request.threshold = config
        .is_set("context_compaction_threshold")
        .then_some(settings.context_compaction_threshold);
    request.strategy = config
        .is_set("context_compaction_strategy")
        .then(|| settings.context_compaction_strategy.clone());
    request
}

impl TurnRequests {
    /// Returns a context that fits beside the preamble, compacted if it must be.
    pub(crate) async fn fit_context(
        &self,
        call: &ModelCall,
        preamble: &Preamble,
    ) -> Result<Prepared, ModelCallError> {
        let (roles, session) = (&self.maker.roles, self.scope.session());
        let context = &roles.context;
        let model = preamble.model.as_ref();
        let mut request = window_request(roles, session, &self.scope.config, model);
        request.preamble = preamble.tokens;
        let refused = call.too_long.as_ref();
        request.force = refused.is_some();
        if let Some(told) = refused.and_then(|refused| refused.context_window) {
            // A router that learns the window has told it already.
            request.window = Some(request.window.map_or(told, |window| window.min(told)));
            request.reserved = request.reserved.min(told / 4);
            request.best_effort = true;
        }
        let counted = refused.and_then(|refused| refused.request_tokens);
        if let (Some(tokens), Some(model)) = (counted, &request.model) {
            // A failure of the report does not affect the turn.
            let _ = contain_sync(|| context.observe_usage(session, model, tokens));
        }
        match contain(context.prepare(session, &request)).await {
            Ok(prepared) => prepared.map_err(|error| not_fitting(error, refused)),
            Err(panicked) => {
                self.scope.notice("context", panicked.to_string()).await;
                Ok(Prepared::new(context.context(session), None))
            }
        }
    }
}

/// Returns the error of a context that no request can be made of, with the words of the provider that has refused it.
fn not_fitting(error: ContextError, refused: Option<&TooLong>) -> ModelCallError {
    let ContextError::TooLarge(mut too_large) = error else {
        return ModelCallError::Coordinator {
            coordinator: "context",
            source: error.into(),
        };
    };
    too_large.refusal = refused.map(|refused| refused.message.clone().into());
    ModelCallError::ContextTooLarge {
        tokens: too_large.preamble + too_large.messages,
        limit: too_large.window,
        source: ContextError::TooLarge(too_large).into(),
    }
}
