//! The way to a server.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use victor_http::header::HeaderMap;
use victor_http::{BaseUrl, HttpBody, HttpClient, HttpError, HttpResponse, retry_after};
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use crate::error;

/// A server, and as whom it is asked.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) name: Arc<str>,
    pub(crate) base_url: BaseUrl,
    pub(crate) client: HttpClient,
    pub(crate) headers: HeaderMap,
    /// What no error may contain.
    pub(crate) secrets: Arc<[SecretString]>,
}

impl Connection {
    /// Sends a request. The answer is not an error.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: impl Into<HttpBody>,
    ) -> Result<HttpResponse, ProviderError> {
        let body = body.into();
        let url = self.base_url.join(path);
        tracing::debug!(provider = %self.name, path, bytes = body.len(), "asking");
        let response = self
            .client
            .post_json(&url, self.headers.clone(), body)
            .await;
        self.check(response).await
    }

    /// Asks at a path below the base URL. The answer is not an error.
    pub(crate) async fn get(&self, path: &str) -> Result<HttpResponse, ProviderError> {
        let url = self.base_url.join(path);
        let response = self.client.get(&url, self.headers.clone()).await;
        self.check(response).await
    }

    async fn check(
        &self,
        response: Result<HttpResponse, HttpError>,
    ) -> Result<HttpResponse, ProviderError> {
        let response = response.map_err(|failed| self.failed(&failed))?;
        let status = response.status();
        tracing::debug!(provider = %self.name, status = status.as_u16(), "answered");
        if status.is_success() {
            return Ok(response);
        }
        let delay = retry_after(response.headers());
        let id = response.headers().get("x-request-id").cloned();
        // A body that cannot be read adds nothing to what the status says.
        let body = response.bytes().await.unwrap_or_default();
        let mut error = error::of_answer(&self.name, status.as_u16(), &body, delay);
        if let Some(id) = id.as_ref().and_then(|id| id.to_str().ok()) {
            error.message = format!("{} (request {id})", error.message);
        }
        Err(self.without_secrets(error))
    }

    /// The same server above `/v1`, where some have an API of their own; none if the base URL does not end so.
    pub(crate) fn at_root(&self) -> Option<Self> {
        let base_url = self.base_url.without("/v1");
        (base_url != self.base_url).then(|| Self {
            base_url,
            ..self.clone()
        })
    }

    /// The error of a request that cannot be written.
    pub(crate) fn unwritten(&self, error: &serde_json::Error) -> ProviderError {
        let message = format!("the request cannot be written: {error}");
        ProviderError::new(ProviderErrorKind::InvalidRequest, &*self.name, message)
    }

    /// The error of an exchange that brought no answer, or not all of it.
    pub(crate) fn failed(&self, error: &HttpError) -> ProviderError {
        self.without_secrets(error::of_http(&self.name, error))
    }

    /// The same error without the secrets, should a server have repeated them.
    pub(crate) fn without_secrets(&self, mut error: ProviderError) -> ProviderError {
        for secret in self.secrets.iter() {
            let secret = secret.expose_secret().trim();
            // What is shorter is no secret, and might be part of any word.
            if secret.len() >= 8 && error.message.contains(secret) {
                error.message = error.message.replace(secret, "[redacted]");
            }
        }
        error
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("client", &self.client)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
