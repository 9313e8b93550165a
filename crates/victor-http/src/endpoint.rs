//! An endpoint of a model API: the way to it, and the credentials for it.

mod builder;
mod server;
mod setters;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use victor_core::{ModelId, TraceContext};
use victor_provider_protocol::{Capabilities, ProviderError, ProviderErrorKind};

use crate::{
    BaseUrl, HttpBody, HttpClient, HttpError, HttpResponse, Secret, retry_after, should_retry,
};

pub use builder::{ApiEndpointBuilder, non_blank};
pub use server::{ApiServer, KeyHeader};

/// An endpoint of a model API: its address, a client, and the headers with the credentials. A clone shares the client's
/// connections.
///
/// Errors are [`ProviderError`]s without the endpoint's secrets, should a server have repeated them.
#[derive(Clone)]
pub struct ApiEndpoint {
    provider: Arc<str>,
    base_url: BaseUrl,
    headers: HeaderMap,
    secrets: Arc<[Secret]>,
    client: HttpClient,
    default_model: Option<ModelId>,
    declared: Vec<(ModelId, Capabilities)>,
    read_refusal: ReadRefusal,
}

/// Reads an answer with an error status, for the provider of this name.
pub type ReadRefusal = fn(&str, &RefusedRequest) -> ProviderError;

/// An answer with an error status. The endpoint itself adds the time to wait that the headers name.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RefusedRequest {
    /// The HTTP status.
    pub status: u16,
    /// Name by which the provider's support finds the request, from the headers.
    pub request_id: Option<String>,
    /// The body; empty if it could not be read.
    pub body: Bytes,
}

impl ApiEndpoint {
    /// Returns the name of the provider, for errors.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Returns the address up to the paths of the methods.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// Returns the headers that every request has. All of them are marked as sensitive.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the headers of a request that is at this place in a distributed trace: `traceparent` and `tracestate`
    /// are added to the [endpoint's](Self::headers), which a gateway or a server of one's own takes part in. A place
    /// that its caller does not record goes along too, so that nobody records it.
    #[must_use]
    pub fn headers_at(&self, trace: Option<&TraceContext>) -> HeaderMap {
        let mut headers = self.headers.clone();
        if let Some(trace) = trace {
            let state = trace.state().map(str::to_owned);
            let both = [
                ("traceparent", Some(trace.to_string())),
                ("tracestate", state),
            ];
            for (name, value) in both {
                // What a trace context holds can be sent.
                if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                    headers.insert(name, value);
                }
            }
        }
        headers
    }

    /// Returns the model that is asked where none is chosen.
    #[must_use]
    pub fn default_model(&self) -> Option<&ModelId> {
        self.default_model.as_ref()
    }

    /// Returns the declared capabilities of a model.
    #[must_use]
    pub fn declared(&self, model: &ModelId) -> Option<&Capabilities> {
        let mut declared = self.declared.iter().rev();
        let (_, capabilities) = declared.find(|(name, _)| name == model)?;
        Some(capabilities)
    }

    /// Returns the same server above the last segments of the base URL, such as `/v1`; none if it does not end so.
    #[must_use]
    pub fn above(&self, end: &str) -> Option<Self> {
        let base_url = self.base_url.without(end);
        (base_url != self.base_url).then(|| Self {
            base_url,
            ..self.clone()
        })
    }

    /// Sends a GET request to a path below the base URL.
    ///
    /// # Errors
    ///
    /// There is no answer, or one with an error status, in the class that [`ReadRefusal`] gives it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the request.
    pub async fn get(&self, path: &str) -> Result<HttpResponse, ProviderError> {
        let url = self.base_url.join(path);
        let response = self.client.get(&url, self.headers.clone()).await;
        self.check(response).await
    }

    /// Sends a POST request with a body of JSON to a path below the base URL.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the request.
    pub async fn post(
        &self,
        path: &str,
        body: impl Into<HttpBody>,
    ) -> Result<HttpResponse, ProviderError> {
        self.post_with(path, self.headers.clone(), body).await
    }

    /// Sends a POST request with these headers in place of the [endpoint's](Self::headers).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the request.
    pub async fn post_with(
        &self,
        path: &str,
        headers: HeaderMap,
        body: impl Into<HttpBody>,
    ) -> Result<HttpResponse, ProviderError> {
        let body = body.into();
        tracing::debug!(path, bytes = body.len(), "asking {}", self.provider);
        let url = self.base_url.join(path);
        let response = self.client.post_json(&url, headers, body).await;
        self.check(response).await
    }

    /// Returns the error of an exchange that brought no answer, or not all of it.
    #[must_use]
    pub fn failed(&self, error: &HttpError) -> ProviderError {
        self.without_secrets(error.provider_error(&self.provider))
    }

    /// Returns the error of a request that cannot be written as JSON.
    #[must_use]
    pub fn unwritten(&self, error: &serde_json::Error) -> ProviderError {
        let message = format!("the request cannot be written: {error}");
        ProviderError::new(ProviderErrorKind::InvalidRequest, &*self.provider, message)
    }

    /// Takes the endpoint's secrets out of an error's message.
    #[must_use]
    pub fn without_secrets(&self, mut error: ProviderError) -> ProviderError {
        for secret in self.secrets.iter() {
            secret.redact(&mut error.message);
        }
        error
    }

    async fn check(
        &self,
        response: Result<HttpResponse, HttpError>,
    ) -> Result<HttpResponse, ProviderError> {
        let response = response.map_err(|failed| self.failed(&failed))?;
        let status = response.status();
        tracing::debug!(status = status.as_u16(), "{} answered", self.provider);
        if status.is_success() {
            return Ok(response);
        }
        let delay = retry_after(response.headers());
        let should = should_retry(response.headers());
        let refused = RefusedRequest {
            status: status.as_u16(),
            request_id: request_id(response.headers()),
            // A body that cannot be read adds nothing to what the status says.
            body: response.bytes().await.unwrap_or_default(),
        };
        let mut error = (self.read_refusal)(&self.provider, &refused);
        error.retry_after = delay.or(error.retry_after);
        error.should_retry = should;
        Err(self.without_secrets(error))
    }
}

/// The name by which the provider's support finds a request.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let mut names = ["request-id", "x-request-id"].into_iter();
    let id = names.find_map(|name| headers.get(name))?;
    Some(id.to_str().ok()?.to_owned())
}

impl fmt::Debug for ApiEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiEndpoint")
            .field("provider", &self.provider)
            .field("base_url", &self.base_url)
            .field("client", &self.client)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
