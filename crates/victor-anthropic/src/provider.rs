//! The provider.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::unfold;
use secrecy::{ExposeSecret, SecretString};
use victor_core::{ModelId, Part};
use victor_http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use victor_http::{
    BaseUrl, EventStream, HttpBody, HttpClient, HttpError, HttpResponse, retry_after,
};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError, ProviderErrorKind,
};

use crate::builder::{AnthropicBuilder, BETA};
use crate::content::Thoughts;
use crate::request::{Bodies, Encoding, Mode};
use crate::{DIALECT, MessageDecoder, capabilities, decoder, error};

/// The longest answer that is asked for without streaming. A longer one may take more than the ten minutes that the
/// API keeps such a request open.
const LONGEST_UNSTREAMED: u64 = 21_333;

/// The feature by which the API can be told to leave out thoughts that a model refuses.
const BINDING_BETA: &str = "thinking-binding-controls-2026-08-01";

/// The Anthropic Messages API, or another server that speaks it.
///
/// See the [crate's documentation](crate) for how a neutral request becomes one of this API.
pub struct AnthropicProvider {
    pub(crate) base_url: BaseUrl,
    /// Whether it is Anthropic's own API.
    pub(crate) is_original: bool,
    pub(crate) client: HttpClient,
    pub(crate) headers: HeaderMap,
    /// What no error may contain.
    pub(crate) secrets: Arc<[SecretString]>,
    pub(crate) default_model: Option<ModelId>,
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
        let body = response.bytes().await;
        let body = body.map_err(|failed| error::of_http(&failed));
        body.and_then(|body| decoder::token_count(&body))
            .map_err(|error| without(&self.secrets, error))
    }

    /// Asks which models there are, in the order of the API: the newest first.
    ///
    /// # Errors
    ///
    /// Those of a request: see [`ProviderErrorKind`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the request.
    pub async fn models(&self) -> Result<Vec<ModelId>, ProviderError> {
        // Of the most that one page holds; there are some dozens.
        let url = self.base_url.join("/v1/models?limit=1000");
        let response = self.client.get(&url, self.headers.clone()).await;
        let body = self.checked(response).await?.bytes().await;
        let body = body.map_err(|failed| error::of_http(&failed));
        body.and_then(|body| decoder::models(&body))
            .map_err(|error| without(&self.secrets, error))
    }

    fn max_tokens(&self, request: &ChatRequest, model: &ModelId) -> u64 {
        let own = || self.capabilities(model).max_output_tokens;
        request
            .max_output_tokens
            .map(u64::from)
            .or_else(own)
            .unwrap_or(capabilities::UNKNOWN_OUTPUT)
    }

    /// What is sent for a request whose answer is streamed, or is not. Nothing is sent here.
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
        self.bodies.encode(request, encoding).map_err(|failed| {
            let message = format!("the request cannot be written: {failed}");
            ProviderError::new(ProviderErrorKind::InvalidRequest, DIALECT, message)
        })
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
        let mut headers = self.headers.clone();
        if self.drops_refused_thinking(request, model) {
            add_beta(&mut headers, BINDING_BETA);
        }
        let url = self.base_url.join(match mode {
            Mode::Count => "/v1/messages/count_tokens",
            Mode::Stream | Mode::Whole => "/v1/messages",
        });
        let messages = request.context.messages().len();
        tracing::debug!(%model, ?mode, messages, bytes = body.len(), "asking anthropic");
        self.checked(self.client.post_json(&url, headers, body).await)
            .await
    }

    /// An answer that is not an error.
    async fn checked(
        &self,
        response: Result<HttpResponse, HttpError>,
    ) -> Result<HttpResponse, ProviderError> {
        let response =
            response.map_err(|failed| without(&self.secrets, error::of_http(&failed)))?;
        let status = response.status();
        tracing::debug!(status = status.as_u16(), "anthropic answers");
        if status.is_success() {
            return Ok(response);
        }
        let delay = retry_after(response.headers());
        let id = response
            .headers()
            .get("request-id")
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        // A body that cannot be read adds nothing to what the status says.
        let body = response.bytes().await.unwrap_or_default();
        let mut error = error::of_body(Some(status.as_u16()), id.as_deref(), &body);
        error.retry_after = delay.or(error.retry_after);
        Err(without(&self.secrets, error))
    }

    fn decoder(&self, model: &ModelId) -> MessageDecoder {
        MessageDecoder::new(model.clone()).with_limits(self.settings.limits)
    }

    /// Reads an answer as it comes.
    fn stream(&self, response: HttpResponse, model: &ModelId) -> CompletionStream {
        let state = Streaming {
            events: response.events(),
            decoder: self.decoder(model),
            secrets: self.secrets.clone(),
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
        let content_type = content_type(&response);
        let body = response.bytes().await;
        let body = body.map_err(|failed| without(&self.secrets, error::of_http(&failed)))?;
        self.decoder(model).whole(&body).map_err(|mut error| {
            if error.kind == ProviderErrorKind::Malformed {
                error.message = format!("{} (content type `{content_type}`)", error.message);
            }
            without(&self.secrets, error)
        })
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
        if is_stream(&content_type(&response)) {
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
        if content_type(&response).starts_with("text/event-stream") {
            // A server that always streams.
            return self.stream(response, &model).completion().await;
        }
        self.whole(response, &model).await
    }

    fn default_model(&self) -> Option<ModelId> {
        self.default_model.clone()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        let mut declared = self.settings.capabilities.iter().rev();
        match declared.find(|(name, _)| name == model) {
            Some((_, capabilities)) => capabilities.clone(),
            None => {
                let mut known = capabilities::of(model.as_str());
                known.prompt_caching &= self.settings.caches_prompts();
                known
            }
        }
    }
}

/// An answer that is being received.
struct Streaming {
    events: EventStream,
    decoder: MessageDecoder,
    secrets: Arc<[SecretString]>,
    /// What is read and not yet handed out.
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
        next.map_err(|error| without(&self.secrets, error))
    }

    async fn advance(&mut self) -> Result<CompletionEvent, ProviderError> {
        let event = match self.events.next().await {
            Some(Ok(event)) => event,
            // The connection may break once it was said why the answer ends.
            Some(Err(failed)) => {
                let end = self.decoder.end();
                return end.map_err(|_| self.decoder.failed(error::of_http(&failed)));
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
    let deltas = completion.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(CompletionEvent::TextDelta(text.text.clone())),
        Part::Thinking(thinking) => Some(CompletionEvent::ThinkingDelta(thinking.text.clone())),
        _ => None,
    });
    let deltas: Vec<_> = deltas.collect();
    deltas
        .into_iter()
        .chain([CompletionEvent::finished(completion)])
}

/// Whether an answer is a stream of events, which some servers send as plain text or as nothing in particular.
fn is_stream(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    matches!(
        kind,
        "" | "text/event-stream" | "text/plain" | "application/octet-stream"
    )
}

fn content_type(response: &HttpResponse) -> String {
    let value = response.headers().get(CONTENT_TYPE);
    value
        .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
        .unwrap_or_default()
}

fn add_beta(headers: &mut HeaderMap, name: &str) {
    let given = headers.get(BETA).and_then(|given| given.to_str().ok());
    let names = given.map_or_else(|| name.to_owned(), |given| format!("{given},{name}"));
    if let Ok(names) = HeaderValue::from_str(&names) {
        headers.insert(BETA, names);
    }
}

/// The same error without the secrets, should a server have repeated them.
fn without(secrets: &[SecretString], mut error: ProviderError) -> ProviderError {
    for secret in secrets {
        let secret = secret.expose_secret().trim();
        // What is shorter is no secret, and might be part of any word.
        if secret.len() >= 8 && error.message.contains(secret) {
            error.message = error.message.replace(secret, "[redacted]");
        }
    }
    error
}

impl fmt::Debug for AnthropicProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnthropicProvider")
            .field("settings", &self.settings)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
