//! The requests of one turn.

use std::sync::{Arc, OnceLock};

use victor_chat_protocol::{ModelCall, ModelCallError, model_call_trace};
use victor_context_protocol::CompactionReport;
use victor_core::{Effect, Message, ModelId, ToolSpec};
use victor_provider_protocol::{ChatRequest, ResponseFormat, ToolChoice};

use crate::preamble::Preamble;
use crate::{RequestMaker, TurnScope};

/// Makes the requests of one turn, one for each model call.
#[derive(Debug)]
pub struct TurnRequests {
    pub(crate) maker: Arc<RequestMaker>,
    /// The values that all pieces of the turn share.
    pub scope: TurnScope,
    /// The system prompt without the mode's addition.
    pub(crate) prompt: Arc<str>,
    /// The model that the session's own configuration names.
    pub(crate) model: Option<ModelId>,
    /// The user's latest text, which stays the same throughout the turn.
    pub(crate) user_text: OnceLock<Arc<str>>,
}

/// A request, ready to be sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct ModelRequest {
    /// The request.
    pub request: ChatRequest,
    /// The report of the compaction by which the context fits, if there was one.
    pub compaction: Option<CompactionReport>,
}

impl TurnRequests {
    /// Makes the request of a model call. The mode may have been switched since the last one, tools may have been
    /// added, and the context is compacted if it must be.
    ///
    /// # Errors
    ///
    /// The context does not fit, and cannot be made to.
    pub async fn next(&self, call: &ModelCall) -> Result<ModelRequest, ModelCallError> {
        let preamble = self.preamble(call).await;
        let prepared = self.fit_context(call, &preamble).await?;
        let mut context = prepared.context;
        if let Some(note) = &call.note {
            context.push(Message::note(note));
        }
        let mut request = ChatRequest::to_current_model(context);
        request.model.clone_from(&preamble.model);
        request.system = (!preamble.prompt.is_empty()).then(|| preamble.prompt.clone());
        // The tools stay in the request when they may not be called: providers demand them where the history has
        // calls, and their prompt caches begin with them.
        request.tools = preamble.tools.clone();
        request.tool_choice = if call.tools {
            ToolChoice::Auto
        } else {
            ToolChoice::None
        };
        if let Some(contract) = &call.output {
            self.request_format(&contract.format, &preamble, &mut request);
        }
        let settings = &self.scope.config.settings;
        request.max_output_tokens = settings.max_output_tokens;
        request.temperature = settings.temperature;
        request.session = Some(self.scope.session().clone());
        request.turn = Some(self.scope.turn());
        request.tags.clone_from(&self.scope.tags);
        let tokens = prepared.tokens;
        request.input_tokens = tokens.map(|tokens| tokens.saturating_add(preamble.tokens));
        let turn = self.scope.trace.as_ref();
        request.trace = turn.map(|turn| model_call_trace(turn, call.number));
        Ok(ModelRequest {
            request,
            compaction: prepared.compaction,
        })
    }

    /// Asks for an answer of a form: natively where the provider can hold the model to it, and otherwise by a tool that
    /// takes the answer. The model is not forced to call it, since some models refuse that, and an answer in plain text
    /// is understood too.
    fn request_format(
        &self,
        format: &Arc<ResponseFormat>,
        preamble: &Preamble,
        request: &mut ChatRequest,
    ) {
        let (roles, session) = (&self.maker.roles, self.scope.session());
        let model = roles.model(session, preamble.model.as_ref());
        let capabilities = roles.provider.session_capabilities(session, &model);
        if format.strict && capabilities.structured_output {
            request.response_format = Some(format.clone());
            return;
        }
        let ResponseFormat {
            name,
            description,
            schema,
            ..
        } = &**format;
        let tool = ToolSpec::new(name, description, schema.clone()).with_effect(Effect::ReadOnly);
        request.tools = preamble.tools.iter().cloned().chain([tool]).collect();
        request.tool_choice = ToolChoice::Auto;
        let system = format!(
            "{}\n\nGive your final answer by calling the tool `{name}`, once, when you have all that it takes.",
            preamble.prompt
        );
        request.system = Some(system.trim_start().into());
    }
}
