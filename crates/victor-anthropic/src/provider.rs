//! The provider.

use std::collections::VecDeque;
use std::fmt;

use async_trait::async_trait;
use futures_util::stream::unfold;
use victor_core::{ModelId, Part};
use victor_http::header::{HeaderMap, HeaderValue};
use victor_http::{ApiEndpoint, EventStream, HttpBody, HttpResponse};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ListModels, ProviderError, ProviderErrorKind,
};

use crate::builder::AnthropicBuilder;
use crate::content::Thoughts;
use crate::request::{Bodies, Encoding, Mode};
use crate::{BETA, DIALECT, MessageDecoder, capabilities, decoder};

/// The longest answer that is asked for without streaming. A longer one may take more than the ten minutes that the
/// API keeps such a request open.
const LONGEST_UNSTREAMED: u64 = 21_333;

/// The feature by which the API can be told to leave out thoughts that a model refuses.
const BINDING_BETA: &str = "thinking-binding-controls-2026-08-01";

/// The Anthropic Messages API, or another server that speaks it.
///
/// See the [crate's documentation](crate) for how a neutral request becomes one of this API.
pub struct AnthropicProvider {
    pub(crate) endpoint: ApiEndpoint,
    /// Whether it is Anthropic's own API.
    pub(crate) is_original: bool,
    pub(crate) settings: AnthropicBuilder,
    pub(crate) bodies: Bodies,
}

impl AnthropicProvider {
    /// The settings of a provider, with their defaults.
    #[must_use]
    pub fn builder() -> AnthropicBuilder {
        AnthropicBuilder::default()
    }

    /// A provider as the environment says; see [`AnthropicBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// Those of [`AnthropicBuilder::build`].
    pub fn from_env() -> Result<Self, ProviderError> {
        AnthropicBuilder::from_env().build()
    }

    /// Asks how many tokens a request has, which costs nothing but time.
    ///
    /// # Errors
    ///
    /// Those of a request: see [`ProviderErrorKind`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the request.
    pub async fn count_tokens(&self, request: &ChatRequest) -> Result<u64, ProviderError> {
        let model = request.model_for(self)?;
        let response = self.send(request, &model, Mode::Count).await?;
        self.read(response, decoder::token_count).await
    }

    /// Reads an answer that is a document.
    async fn read<T>(
        &self,
        response: HttpResponse,
        decode: impl FnOnce(&[u8]) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        let body = response
            .bytes()
            .await
            .map_err(|failed| self.endpoint.failed(&failed))?;
        decode(&body).map_err(|error| self.endpoint.without_secrets(error))
    }

    fn max_tokens(&self, request: &ChatRequest, model: &ModelId) -> u64 {
        let own = || self.capabilities(model).max_output_tokens;
        request
            .max_output_tokens
            .map(u64::from)
            .or_else(own)
            .unwrap_or(capabilities::UNKNOWN_OUTPUT)
    }

    /// Encodes a request whose answer is streamed, or is not. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ProviderErrorKind::InvalidRequest): no model is named, and there is no default.
    pub fn request_body(
        &self,
        request: &ChatRequest,
        stream: bool,
    ) -> Result<HttpBody, ProviderError> {
        let model = request.model_for(self)?;
        let mode = if stream { Mode::Stream } else { Mode::Whole };
        self.body(request, &model, mode)
    }

    fn body(
        &self,
        request: &ChatRequest,
        model: &ModelId,
        mode: Mode,
    ) -> Result<HttpBody, ProviderError> {
        let encoding = Encoding {
            model: model.as_str(),
            mode,
            max_tokens: self.max_tokens(request, model),
            caching: self.settings.caches_prompts(),
            drop_refused_thinking: self.drops_refused_thinking(request, model),
            thoughts: if self.is_original {
                Thoughts::Sealed
            } else {
                Thoughts::All
            },
        };
        let body = self.bodies.encode(request, encoding);
        body.map_err(|failed| self.endpoint.unwritten(&failed))
    }

    /// Whether the API is asked to leave out thoughts that the model refuses.
    fn drops_refused_thinking(&self, request: &ChatRequest, model: &ModelId) -> bool {
        self.settings.drop_refused_thinking
            && capabilities::binds_thinking(model.as_str())
            && !request.extra.contains_key("thinking")
    }

    /// Sends a request. The answer is not an error.
    async fn send(
        &self,
        request: &ChatRequest,
        model: &ModelId,
        mode: Mode,
    ) -> Result<HttpResponse, ProviderError> {
        let body = self.body(request, model, mode)?;
        let mut headers = self.endpoint.headers_at(request.trace.as_ref());
        if self.drops_refused_thinking(request, model) {
            add_beta(&mut headers, BINDING_BETA);
        }
        let path = match mode {
            Mode::Count => "/v1/messages/count_tokens",
            Mode::Stream | Mode::Whole => "/v1/messages",
        };
        self.endpoint.post_with(path, headers, body).await
    }

    fn decoder(&self, model: &ModelId) -> MessageDecoder {
        MessageDecoder::new(model.clone()).with_limits(self.settings.limits)
    }

    /// Reads an answer as it comes.
    fn stream(&self, response: HttpResponse, model: &ModelId) -> CompletionStream {
        let state = Streaming {
            events: response.events(),
            decoder: self.decoder(model),
            endpoint: self.endpoint.clone(),
            waiting: VecDeque::new(),
            has_begun: false,
        };
        CompletionStream::new(unfold(Box::new(state), |mut state| async {
            Some((state.next().await, state))
        }))
    }

    /// Reads an answer that came whole. A wrong type of content explains why it cannot be read, and is no error itself.
    async fn whole(
        &self,
        response: HttpResponse,
        model: &ModelId,
    ) -> Result<Completion, ProviderError> {
        let content_type = response.content_type();
        let mut decoder = self.decoder(model);
        let decode = |body: &[u8]| {
            decoder.whole(body).map_err(|mut error| {
                if error.kind == ProviderErrorKind::Malformed {
                    error.message = format!("{} (content type `{content_type}`)", error.message);
                }
                error
            })
        };
        self.read(response, decode).await
    }
}

#[async_trait]
impl ChatProvider for AnthropicProvider {
    fn name(&self) -> &str {
        DIALECT
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let model = request.model_for(self)?;
        let response = self.send(request, &model, Mode::Stream).await?;
        if response.may_be_events() {
            return Ok(self.stream(response, &model));
        }
        // An error, or a server that does not stream.
        let completion = self.whole(response, &model).await?;
        Ok(CompletionStream::from_events(events(completion).map(Ok)))
    }

    /// Asks without streaming, unless the answer may be so long that it must be streamed.
    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        let model = request.model_for(self)?;
        if self.max_tokens(request, &model) > LONGEST_UNSTREAMED {
            return self.stream_chat(request).await?.completion().await;
        }
        let response = self.send(request, &model, Mode::Whole).await?;
        if response.is_events() {
            // A server that always streams.
            return self.stream(response, &model).completion().await;
        }
        self.whole(response, &model).await
    }

    fn default_model(&self) -> Option<ModelId> {
        self.endpoint.default_model().cloned()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        match self.endpoint.declared(model) {
            Some(declared) => declared.clone(),
            None => {
                let mut known = capabilities::of(model.as_str());
                known.prompt_caching &= self.settings.caches_prompts();
                known
            }
        }
    }
}

#[async_trait]
impl ListModels for AnthropicProvider {
    /// Asks for the names of the models, the newest first.
    async fn models(&self) -> Result<Vec<ModelId>, ProviderError> {
        // Of the most that one page holds; there are some dozens.
        let response = self.endpoint.get("/v1/models?limit=1000").await?;
        self.read(response, decoder::models).await
    }
}

/// An answer that is being received.
struct Streaming {
    events: EventStream,
    decoder: MessageDecoder,
    endpoint: ApiEndpoint,
    /// Events that are read and not yet returned.
    waiting: VecDeque<CompletionEvent>,
    /// Whether an event has come.
    has_begun: bool,
}

impl Streaming {
    async fn next(&mut self) -> Result<CompletionEvent, ProviderError> {
        if let Some(event) = self.waiting.pop_front() {
            return Ok(event);
        }
        let next = self.advance().await;
        next.map_err(|error| self.endpoint.without_secrets(error))
    }

    async fn advance(&mut self) -> Result<CompletionEvent, ProviderError> {
        let event = match self.events.next().await {
            Some(Ok(event)) => event,
            // The connection may break once it was said why the answer ends.
            Some(Err(failed)) => {
                let end = self.decoder.end();
                return end.map_err(|_| self.decoder.failed(self.endpoint.failed(&failed)));
            }
            None => return self.decoder.end(),
        };
        let before = self.decoder.progress();
        match self.decoder.event(event.event, event.data) {
            // What lacks its end may have been cut off anywhere.
            Err(error) if !event.complete && error.kind == ProviderErrorKind::Malformed => {
                self.decoder.end()
            }
            // A document that came instead of events.
            Ok(CompletionEvent::Finished(completion)) if !self.has_begun => {
                self.waiting.extend(events(*completion));
                Ok(self.waiting.pop_front().unwrap_or(CompletionEvent::Working))
            }
            decoded => {
                self.has_begun = true;
                if self.decoder.progress() == before {
                    self.events.no_content();
                }
                decoded
            }
        }
    }
}

/// The events of an answer that came whole.
fn events(completion: Completion) -> impl Iterator<Item = CompletionEvent> + Send {
    let deltas: Vec<_> = completion
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(CompletionEvent::TextDelta(text.text.clone())),
            Part::Thinking(thinking) => Some(CompletionEvent::ThinkingDelta(thinking.text.clone())),
            _ => None,
        })
        .collect();
    deltas
        .into_iter()
        .chain([CompletionEvent::finished(completion)])
}

fn add_beta(headers: &mut HeaderMap, name: &str) {
    let given = headers.get(BETA).and_then(|given| given.to_str().ok());
    let names = given.map_or_else(|| name.to_owned(), |given| format!("{given},{name}"));
    if let Ok(names) = HeaderValue::from_str(&names) {
        headers.insert(BETA, names);
    }
}

impl fmt::Debug for AnthropicProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnthropicProvider")
            .field("settings", &self.settings)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
