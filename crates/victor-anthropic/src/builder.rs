//! Settings of the provider.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use victor_core::ModelId;
use victor_http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use victor_http::{HttpClient, HttpOptions};
use victor_provider_protocol::{Capabilities, CapabilitySource, ProviderError, ProviderErrorKind};

use crate::provider::AnthropicProvider;
use crate::request::Bodies;
use crate::{DIALECT, error};

/// Where the API is.
const BASE_URL: &str = "https://api.anthropic.com";
/// The model that is asked where none is chosen.
const MODEL: &str = "claude-sonnet-5-5";
/// The version of the API that this crate speaks. The one after it, 2026-10-21, only takes away: it refuses requests
/// that name a temperature, which earlier models and other servers understand.
const VERSION: &str = "2023-06-01";

/// Settings of an [`AnthropicProvider`]. Made by [`AnthropicProvider::builder`].
#[derive(Clone)]
pub struct AnthropicBuilder {
    base_url: String,
    api_key: Option<SecretString>,
    auth_token: Option<SecretString>,
    headers: Vec<(String, SecretString)>,
    betas: Vec<String>,
    http: Option<HttpClient>,
    http_options: HttpOptions,
    pub(crate) prompt_caching: bool,
    pub(crate) drop_refused_thinking: bool,
    default_model: Option<ModelId>,
    pub(crate) capabilities: Vec<(ModelId, Capabilities)>,
}

impl Default for AnthropicBuilder {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            api_key: None,
            auth_token: None,
            headers: Vec::new(),
            betas: Vec::new(),
            http: None,
            http_options: HttpOptions::default(),
            prompt_caching: true,
            drop_refused_thinking: true,
            default_model: None,
            capabilities: Vec::new(),
        }
    }
}

impl AnthropicBuilder {
    /// What the environment says: `ANTHROPIC_API_KEY`, `ANTHROPIC_AUTH_TOKEN`, `ANTHROPIC_BASE_URL` and
    /// `ANTHROPIC_MODEL`. What is empty counts as absent.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    pub(crate) fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name| var(name).filter(|value| !value.trim().is_empty());
        let secret = |name| var(name).map(SecretString::from);
        let defaults = Self::default();
        Self {
            base_url: var("ANTHROPIC_BASE_URL").unwrap_or(defaults.base_url),
            api_key: secret("ANTHROPIC_API_KEY"),
            auth_token: secret("ANTHROPIC_AUTH_TOKEN"),
            default_model: var("ANTHROPIC_MODEL").map(ModelId::from),
            ..Self::default()
        }
    }

    /// Sets the API key, sent as `x-api-key`.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Sets a token that is sent as `Authorization: Bearer`, which many servers besides the original want.
    #[must_use]
    pub fn auth_token(mut self, token: impl Into<SecretString>) -> Self {
        self.auth_token = Some(token.into());
        self
    }

    /// Sets where the API is, with or without `/v1`; `https://api.anthropic.com` by default. Elsewhere, no key is
    /// needed.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Adds a header to every request, or replaces one that would be sent, for example `anthropic-version`. Its value
    /// counts as secret.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Asks for a feature that is being tried out, by its name in the header `anthropic-beta`.
    #[must_use]
    pub fn beta(mut self, name: impl Into<String>) -> Self {
        self.betas.push(name.into());
        self
    }

    /// Sets the client, to share its connections and limits with others.
    #[must_use]
    pub fn http(mut self, client: HttpClient) -> Self {
        self.http = Some(client);
        self
    }

    /// Sets the options of the client that is made where none is set.
    #[must_use]
    pub fn http_options(mut self, options: HttpOptions) -> Self {
        self.http_options = options;
        self
    }

    /// Sets whether prompts are cached, which they are by default. Turn it off for servers that refuse the field
    /// `cache_control`.
    #[must_use]
    pub fn prompt_caching(mut self, on: bool) -> Self {
        self.prompt_caching = on;
        self
    }

    /// Sets whether the API is told to leave out thoughts that the model would refuse, which it is by default.
    ///
    /// The latest models bind their thoughts to the system prompt, the tools and all messages before them. Once one of
    /// these has changed, as after a compaction, they refuse the whole request, now and ever after. It concerns these
    /// models only, and no request that says `thinking` itself.
    #[must_use]
    pub fn drop_refused_thinking(mut self, on: bool) -> Self {
        self.drop_refused_thinking = on;
        self
    }

    /// Sets the model that is asked where none is chosen: `claude-sonnet-5-5` by default, and none at another base URL.
    #[must_use]
    pub fn default_model(mut self, model: impl Into<ModelId>) -> Self {
        self.default_model = Some(model.into());
        self
    }

    /// Declares what a model can do, whatever is known of it otherwise.
    #[must_use]
    pub fn capabilities(
        mut self,
        model: impl Into<ModelId>,
        mut capabilities: Capabilities,
    ) -> Self {
        capabilities.source = CapabilitySource::Declared;
        self.capabilities.push((model.into(), capabilities));
        self
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// - [`Authentication`](ProviderErrorKind::Authentication): there is no key for the original API, or it has
    ///   characters that no header may have.
    /// - [`InvalidRequest`](ProviderErrorKind::InvalidRequest): a header is none, or no client can be built with the
    ///   options.
    pub fn build(self) -> Result<AnthropicProvider, ProviderError> {
        let base = self.base_url.trim().trim_end_matches('/');
        let base = base.strip_suffix("/v1").unwrap_or(base);
        let is_original = base == BASE_URL;
        if is_original && self.api_key.is_none() && self.auth_token.is_none() {
            let message = "there is no API key; set ANTHROPIC_API_KEY, or give one to the builder";
            return Err(ProviderError::new(
                ProviderErrorKind::Authentication,
                DIALECT,
                message,
            ));
        }
        let headers = self.headers()?;
        let client = match &self.http {
            Some(client) => client.clone(),
            None => {
                HttpClient::new(&self.http_options).map_err(|failed| error::of_http(&failed))?
            }
        };
        let original = is_original.then(|| ModelId::from(MODEL));
        let given = self.headers.iter().map(|(_, value)| value);
        let secrets = self
            .api_key
            .iter()
            .chain(&self.auth_token)
            .chain(given)
            .cloned();
        Ok(AnthropicProvider {
            messages_url: format!("{base}/v1/messages"),
            is_original,
            client,
            headers,
            secrets: secrets.collect(),
            default_model: self.default_model.clone().or(original),
            settings: self,
            bodies: Bodies::default(),
        })
    }

    fn headers(&self) -> Result<HeaderMap, ProviderError> {
        use ProviderErrorKind::{Authentication, InvalidRequest};
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
        if let Some(key) = &self.api_key {
            let key = key.expose_secret().trim();
            headers.insert("x-api-key", value(key, "the API key", Authentication)?);
        }
        if let Some(token) = &self.auth_token {
            let bearer = format!("Bearer {}", token.expose_secret().trim());
            headers.insert(AUTHORIZATION, value(&bearer, "the token", Authentication)?);
        }
        if !self.betas.is_empty() {
            let names = self.betas.join(",");
            headers.insert(
                BETA,
                value(&names, "a name of a beta feature", InvalidRequest)?,
            );
        }
        for (name, secret) in &self.headers {
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                let message = format!("`{name}` cannot be the name of a header");
                ProviderError::new(InvalidRequest, DIALECT, message)
            })?;
            let what = format!("the header `{name}`");
            headers.insert(
                header,
                value(secret.expose_secret(), &what, InvalidRequest)?,
            );
        }
        Ok(headers)
    }
}

/// The header that names the features that are asked for.
pub(crate) const BETA: &str = "anthropic-beta";

fn value(text: &str, what: &str, kind: ProviderErrorKind) -> Result<HeaderValue, ProviderError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        let message =
            format!("{what} has characters that no header may have, perhaps a line break");
        ProviderError::new(kind, DIALECT, message)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for AnthropicBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("AnthropicBuilder")
            .field("base_url", &shown(&self.base_url))
            .field("has_api_key", &self.api_key.is_some())
            .field("has_auth_token", &self.auth_token.is_some())
            .field("headers", &headers)
            .field("betas", &self.betas)
            .field("prompt_caching", &self.prompt_caching)
            .field("drop_refused_thinking", &self.drop_refused_thinking)
            .finish_non_exhaustive()
    }
}

/// A URL without a user, a password and a query.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use victor_provider_protocol::ChatProvider;

    use super::*;

    fn of(vars: &[(&str, &str)]) -> AnthropicBuilder {
        let find = |name: &str| vars.iter().find(|(var, _)| *var == name);
        AnthropicBuilder::from_vars(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_says_where_and_as_whom() {
        let provider = of(&[("ANTHROPIC_API_KEY", "k")]).build().unwrap();
        assert_eq!(
            provider.messages_url,
            "https://api.anthropic.com/v1/messages"
        );
        assert_eq!(
            (
                &provider.headers["x-api-key"],
                provider.headers.get(AUTHORIZATION)
            ),
            (&"k".parse().unwrap(), None)
        );
        assert_eq!(provider.default_model(), Some(MODEL.into()));

        let local = [
            ("ANTHROPIC_BASE_URL", "http://h:1/v1/"),
            ("ANTHROPIC_API_KEY", " "),
        ];
        let provider = of(&local).build().unwrap();
        assert_eq!(provider.messages_url, "http://h:1/v1/messages");
        assert_eq!(
            (provider.headers.len(), provider.default_model()),
            (1, None)
        );

        let provider = of(&[("ANTHROPIC_AUTH_TOKEN", "t"), ("ANTHROPIC_MODEL", "m")])
            .build()
            .unwrap();
        assert_eq!(
            (&provider.headers[AUTHORIZATION], provider.default_model()),
            (&"Bearer t".parse().unwrap(), Some("m".into()))
        );
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        let check = |builder: AnthropicBuilder, kind: &str, message: &str| {
            let error = builder.build().unwrap_err();
            assert_eq!(
                (error.kind.as_str(), error.message.as_str()),
                (kind, message)
            );
        };
        let keyed = || AnthropicBuilder::default().api_key("k");
        check(
            of(&[]),
            "authentication",
            "there is no API key; set ANTHROPIC_API_KEY, or give one to the builder",
        );
        check(
            of(&[("ANTHROPIC_API_KEY", "a\nb")]),
            "authentication",
            "the API key has characters that no header may have, perhaps a line break",
        );
        check(
            keyed().header("a b", "c"),
            "invalid_request",
            "`a b` cannot be the name of a header",
        );
    }

    #[test]
    fn headers_are_added_and_replaced() {
        let builder = AnthropicBuilder::default()
            .api_key("k")
            .beta("a")
            .beta("b")
            .header("Anthropic-Version", "v");
        let headers = builder.build().unwrap().headers;
        assert_eq!(
            (&headers["anthropic-version"], &headers[BETA]),
            (&"v".parse().unwrap(), &"a,b".parse().unwrap())
        );
        assert!(headers.values().all(HeaderValue::is_sensitive));
    }
}
