//! Builds an exporter piece by piece.

use std::time::Duration;

use victor_http::{HttpError, Secret};

use super::WebhookExporter;
use super::signature::SigningKey;
use crate::endpoint::{EndpointBuilder, endpoint_setters};

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

    endpoint_setters! {
        timeout: "Sets the time limit of one request, with its whole answer. Defaults to 30 seconds.",
        http_options: "Sets the options of the HTTP client, but for the time limit of the exchange as a whole.",
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
