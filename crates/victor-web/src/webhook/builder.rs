//! Builds an exporter piece by piece.

use std::time::Duration;

use victor_http::{HttpError, HttpOptions, Secret};

use super::WebhookExporter;
use super::signature::SigningKey;
use crate::endpoint::EndpointBuilder;

/// Builds a [`WebhookExporter`] piece by piece.
#[derive(Debug, Clone)]
#[must_use = "nothing is built until `build` is called"]
pub struct WebhookExporterBuilder {
    name: String,
    path: &'static str,
    secret: Option<Secret>,
    compresses: bool,
    endpoint: EndpointBuilder,
}

impl WebhookExporterBuilder {
    pub(super) fn new(url: String) -> Self {
        let before_query = url.split(['?', '#']).next().unwrap_or_default();
        Self {
            name: "webhook".to_owned(),
            // A base URL has no slash at its end, and a webhook may want one.
            path: if before_query.ends_with('/') { "/" } else { "" },
            secret: None,
            compresses: false,
            endpoint: EndpointBuilder::new(url, Duration::from_secs(30)),
        }
    }

    /// Sets the exporter's name. Defaults to `webhook`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the token that is sent as `Authorization: Bearer`. Defaults to none.
    pub fn bearer_token(mut self, token: impl Into<Secret>) -> Self {
        self.endpoint.token = Some(token.into());
        self
    }

    /// Adds a header to every request. Its value counts as secret.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.endpoint.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the secret that requests are signed with: `whsec_` and base64, as Standard Webhooks has it, or any text.
    /// Defaults to none, and requests have no signature then.
    pub fn secret(mut self, secret: impl Into<Secret>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Compresses the body with gzip (`Content-Encoding`). The signature is that of the JSON. Defaults to no
    /// compression.
    pub fn gzip(mut self) -> Self {
        self.compresses = true;
        self
    }

    /// Sets the time limit of one request, with its whole answer. Defaults to 30 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.endpoint.timeout = timeout;
        self
    }

    /// Sets the options of the HTTP client, but for the time limit of the exchange as a whole.
    pub fn http_options(mut self, options: HttpOptions) -> Self {
        self.endpoint.options = options;
        self
    }

    /// Builds the exporter. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The URL is none, the token or a header has characters that no header may have, the secret is none, or the HTTP
    /// options do not fit together.
    pub fn build(self) -> Result<WebhookExporter, HttpError> {
        let key = self.secret.as_ref().map(SigningKey::read).transpose();
        let key = key.map_err(|reason| HttpError::InvalidOptions {
            reason: reason.to_owned(),
        })?;
        Ok(WebhookExporter {
            name: self.name,
            endpoint: self.endpoint.build()?,
            path: self.path,
            key,
            compresses: self.compresses,
        })
    }
}
