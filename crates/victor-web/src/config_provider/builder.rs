//! Puts a provider together.

use std::time::Duration;

use victor_config_protocol::ConfigError;
use victor_core::{Lock, RecentMap};

use super::{HttpConfigProvider, KEPT, PLACEHOLDER};
use crate::endpoint::{EndpointBuilder, endpoint_setters};

/// Puts an [`HttpConfigProvider`] together.
#[derive(Debug, Clone)]
#[must_use = "nothing is built until `build` is called"]
pub struct HttpConfigProviderBuilder {
    name: String,
    priority: i32,
    path: String,
    requires_session_id: bool,
    endpoint: EndpointBuilder,
}

impl HttpConfigProviderBuilder {
    pub(super) fn new(base_url: String) -> Self {
        let mut endpoint = EndpointBuilder::new(base_url, Duration::from_secs(4));
        endpoint.options.max_body_bytes = 1 << 20;
        Self {
            name: "http".to_owned(),
            priority: 50,
            path: format!("/config/{PLACEHOLDER}"),
            requires_session_id: false,
            endpoint,
        }
    }

    /// Sets the provider's name, as `explain` and health show it. Defaults to `http`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the provider's place in the order. Defaults to 50.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    endpoint_setters! {
        timeout: "Sets the time limit of one request, with its whole answer. Defaults to 4 seconds, which is less than the `provider_timeout` of a coordinator of configuration.",
        http_options: "Sets the options of the HTTP client, but for the time limit of the exchange as a whole. By default an answer has at most a mebibyte.",
    }

    /// Sets the path below the base URL, with a query where one is needed; `{session}` in it stands for the session's
    /// name. Defaults to `/config/{session}`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Refuses answers that do not name their session in `session_id`, so that no cache or gateway on the way can
    /// confuse two tenants.
    pub fn requires_session_id(mut self) -> Self {
        self.requires_session_id = true;
        self
    }

    /// Makes the provider. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The base URL is none, the token or a header has characters that no header may have, the path has no place for
    /// the session, or the HTTP options do not fit together.
    pub fn build(self) -> Result<HttpConfigProvider, ConfigError> {
        let origin = format!("config provider {}", self.name);
        if !self.path.contains(PLACEHOLDER) {
            let message = format!(
                "the path `{}` must have {PLACEHOLDER} in it, or all sessions would be one",
                self.path
            );
            return Err(ConfigError::new(origin, message));
        }
        let endpoint = self.endpoint.build();
        let endpoint = endpoint.map_err(|error| {
            ConfigError::new(origin, "its options are wrong").with_source(error)
        })?;
        Ok(HttpConfigProvider {
            name: self.name,
            priority: self.priority,
            path: self.path,
            requires_session_id: self.requires_session_id,
            endpoint,
            answers: Lock::new(RecentMap::new(KEPT)),
        })
    }
}
