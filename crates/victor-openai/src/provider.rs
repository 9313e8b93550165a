//! The provider.

use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::stream::unfold;
use serde::Deserialize;
use victor_core::ModelId;
use victor_http::{ApiEndpoint, EventStream, HttpBody, HttpResponse};
use victor_provider_protocol::{
    Capabilities, CapabilitySource, ChatProvider, ChatRequest, Completion, CompletionEvent,
    CompletionStream, ListModels, ProviderError, ProviderErrorKind,
};

use crate::body::{Bodies, Encoding};
use crate::windows::{Told, Windows};
use crate::{AnswerLimits, Dialect, OpenAiBuilder, Quirks, StreamDecoder, capabilities, error};

/// OpenAI, or another server that speaks one of its dialects.
///
/// See the [crate's documentation](crate) for how a neutral request becomes one of theirs.
#[derive(Debug)]
pub struct OpenAiProvider {
    pub(crate) endpoint: ApiEndpoint,
    pub(crate) dialect: Dialect,
    pub(crate) quirks: Quirks,
    pub(crate) bodies: Bodies,
    pub(crate) limits: AnswerLimits,
    pub(crate) windows: Windows,
}

impl OpenAiProvider {
    /// The settings of a provider, with their defaults.
    #[must_use]
    pub fn builder() -> OpenAiBuilder {
        OpenAiBuilder::default()
    }

    /// A provider as the environment says; see [`OpenAiBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// Those of [`OpenAiBuilder::build`].
    pub fn from_env() -> Result<Self, ProviderError> {
        OpenAiBuilder::from_env().build()
    }

    /// Encodes a request whose answer is streamed, or is not. Sends nothing.
    ///
    /// # Errors
    ///
    /// The API does not take the request, or no model is named and there is no default
    /// ([`ProviderErrorKind::InvalidRequest`]).
    pub fn request_body(
        &self,
        request: &ChatRequest,
        stream: bool,
    ) -> Result<HttpBody, ProviderError> {
        self.body(request, &request.model_for(self)?, stream)
    }

    fn body(
        &self,
        request: &ChatRequest,
        model: &ModelId,
        stream: bool,
    ) -> Result<HttpBody, ProviderError> {
        let provider = self.endpoint.provider();
        let thinks = match self.dialect {
            Dialect::ChatCompletions => false,
            Dialect::Responses if !request.stop_sequences.is_empty() => {
                let message = "the Responses API knows no stop sequences: leave them out, or use Chat Completions";
                let kind = ProviderErrorKind::InvalidRequest;
                return Err(ProviderError::new(kind, provider, message));
            }
            Dialect::Responses => self.capabilities(model).thinking,
        };
        let encoding = Encoding {
            model: model.as_str(),
            dialect: self.dialect,
            provider,
            quirks: self.quirks,
            stream,
            thinks,
        };
        let body = self.bodies.encode(request, encoding);
        body.map_err(|failed| self.endpoint.unwritten(&failed))
    }

    async fn send(
        &self,
        request: &ChatRequest,
        model: &ModelId,
        stream: bool,
    ) -> Result<HttpResponse, ProviderError> {
        let path = match self.dialect {
            Dialect::ChatCompletions => "/chat/completions",
            Dialect::Responses => "/responses",
        };
        let body = self.body(request, model, stream)?;
        let headers = self.endpoint.headers_at(request.trace.as_ref());
        self.endpoint.post_with(path, headers, body).await
    }

    fn decoder(&self, model: &ModelId) -> StreamDecoder {
        StreamDecoder::new(self.dialect, self.endpoint.provider(), model.clone())
            .with_limits(self.limits)
    }

    /// Reads an answer as it comes.
    fn stream(&self, response: HttpResponse, model: &ModelId) -> CompletionStream {
        let state = Streaming {
            events: response.events(),
            decoder: self.decoder(model),
            shown: VecDeque::new(),
            endpoint: self.endpoint.clone(),
        };
        CompletionStream::new(unfold(Box::new(state), |mut state| async {
            Some((state.next().await, state))
        }))
    }

    /// Reads an answer that came whole.
    async fn whole(
        &self,
        response: HttpResponse,
        model: &ModelId,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<Completion, ProviderError> {
        let content_type = response.content_type();
        let body = response
            .text()
            .await
            .map_err(|failed| self.endpoint.failed(&failed))?;
        let mut decoder = self.decoder(model);
        let completion = decoder.whole(&body, show).and_then(|()| decoder.finish());
        completion.map_err(|mut error| {
            if error.kind == ProviderErrorKind::Malformed {
                error.message = format!("{} (content type `{content_type}`)", error.message);
            }
            self.endpoint.without_secrets(error)
        })
    }
}

/// The list of OpenAI, or that of Ollama.
#[derive(Deserialize)]
struct ModelList {
    #[serde(default)]
    data: Vec<Model>,
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: Option<String>,
    name: Option<String>,
    #[serde(flatten)]
    told: Told,
}

#[async_trait]
impl ChatProvider for OpenAiProvider {
    fn name(&self) -> &str {
        self.endpoint.provider()
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let model = request.model_for(self)?;
        let response = self.send(request, &model, true).await?;
        if response.may_be_events() {
            return Ok(self.stream(response, &model));
        }
        // An error, or a server that does not stream.
        let mut events = Vec::new();
        let completion = self.whole(response, &model, &mut events).await?;
        events.push(CompletionEvent::finished(completion));
        Ok(CompletionStream::from_events(events.into_iter().map(Ok)))
    }

    /// Asks without streaming.
    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        let model = request.model_for(self)?;
        let response = self.send(request, &model, false).await?;
        if response.is_events() {
            // A server that always streams.
            return self.stream(response, &model).completion().await;
        }
        self.whole(response, &model, &mut Vec::new()).await
    }

    fn default_model(&self) -> Option<ModelId> {
        self.endpoint.default_model().cloned()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        match self.endpoint.declared(model) {
            Some(declared) => declared.clone(),
            None => {
                let mut known = capabilities::of(model.as_str());
                known.structured_output |=
                    self.quirks.structured_output && self.dialect == Dialect::ChatCompletions;
                if let Some(window) = self.windows.of(model) {
                    known.context_window = Some(window);
                    known.source = CapabilitySource::Provider;
                }
                known
            }
        }
    }
}

#[async_trait]
impl ListModels for OpenAiProvider {
    /// Asks for the names of the models. The windows that the list tells are known from then on, and beat those of the
    /// table.
    async fn models(&self) -> Result<Vec<ModelId>, ProviderError> {
        let found = self.endpoint.get("/models").await;
        let response = match found {
            // Old versions of Ollama know only their own list.
            Err(error) if error.kind == ProviderErrorKind::NotFound => {
                let root = self.endpoint.above("/v1");
                let root = root.as_ref().unwrap_or(&self.endpoint);
                root.get("/api/tags").await.map_err(|_| error)?
            }
            found => found?,
        };
        let body = response
            .bytes()
            .await
            .map_err(|failed| self.endpoint.failed(&failed))?;
        let list: ModelList = serde_json::from_slice(&body).map_err(|failed| {
            let message = "the list of models cannot be read";
            let error = error::malformed(self.endpoint.provider(), message, &failed);
            self.endpoint.without_secrets(error)
        })?;
        let mut found = Vec::new();
        let mut windows = HashMap::new();
        for model in list.data.into_iter().chain(list.models) {
            let Some(name) = model.id.or(model.name).map(ModelId::from) else {
                continue;
            };
            if let Some(window) = model.told.window() {
                windows.insert(name.clone(), window);
            }
            // llama.cpp lists its models twice, as OpenAI does and as Ollama does.
            if !found.contains(&name) {
                found.push(name);
            }
        }
        self.windows.set(windows);
        Ok(found)
    }
}

/// An answer that is being received.
struct Streaming {
    events: EventStream,
    decoder: StreamDecoder,
    /// Events that are decoded and not yet returned.
    shown: VecDeque<CompletionEvent>,
    endpoint: ApiEndpoint,
}

impl Streaming {
    async fn next(&mut self) -> Result<CompletionEvent, ProviderError> {
        if let Some(event) = self.shown.pop_front() {
            return Ok(event);
        }
        let next = self.advance().await;
        next.map_err(|error| self.endpoint.without_secrets(error))
    }

    async fn advance(&mut self) -> Result<CompletionEvent, ProviderError> {
        if self.decoder.is_done() {
            // Where the end of the body is there already, the connection can be used again.
            let _ = self.events.next().now_or_never();
            return self.finish();
        }
        match self.events.next().await {
            Some(Ok(event)) => {
                let before = self.decoder.progress();
                match self.decoder.event(event.data, &mut self.shown) {
                    Ok(()) => {
                        if self.decoder.progress() == before {
                            self.events.no_content();
                        }
                        Ok(self.shown.pop_front().unwrap_or(CompletionEvent::Working))
                    }
                    // What lacks its end may have been cut off anywhere.
                    Err(error) if !event.complete && error.kind == ProviderErrorKind::Malformed => {
                        self.finish()
                    }
                    Err(error) => Err(error),
                }
            }
            // The connection may break once the model has said all; only the usage can be missing then.
            Some(Err(failed)) => self
                .finish()
                .map_err(|_| self.decoder.with_usage(self.endpoint.failed(&failed))),
            None => self.finish(),
        }
    }

    fn finish(&mut self) -> Result<CompletionEvent, ProviderError> {
        self.decoder.finish().map(CompletionEvent::finished)
    }
}
