//! Settings of the provider.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use victor_core::ModelId;
use victor_http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use victor_http::{BaseUrl, HttpClient, HttpOptions};
use victor_provider_protocol::{Capabilities, CapabilitySource, ProviderError, ProviderErrorKind};

use crate::provider::AnthropicProvider;
use crate::request::Bodies;
use crate::{AnswerLimits, DIALECT, KeyHeader, Server, error};

/// The model that is asked where none is chosen.
const MODEL: &str = "claude-sonnet-5-5";
/// The version of the API that this crate speaks. The one after it, 2026-10-21, only takes away: it refuses requests
/// that name a temperature, which earlier models and other servers understand.
const VERSION: &str = "2023-06-01";

/// Settings of an [`AnthropicProvider`]. Made by [`AnthropicProvider::builder`].
#[derive(Clone)]
pub struct AnthropicBuilder {
    server: Server,
    base_url: Option<String>,
    api_key: Option<SecretString>,
    auth_token: Option<SecretString>,
    headers: Vec<(String, SecretString)>,
    betas: Vec<String>,
    http: Option<HttpClient>,
    http_options: HttpOptions,
    pub(crate) limits: AnswerLimits,
    prompt_caching: Option<bool>,
    pub(crate) drop_refused_thinking: bool,
    default_model: Option<ModelId>,
    pub(crate) capabilities: Vec<(ModelId, Capabilities)>,
}

impl Default for AnthropicBuilder {
    fn default() -> Self {
        Self {
            server: Server::ANTHROPIC,
            base_url: None,
            api_key: None,
            auth_token: None,
            headers: Vec::new(),
            betas: Vec::new(),
            http: None,
            http_options: HttpOptions::default(),
            limits: AnswerLimits::default(),
            prompt_caching: None,
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
        let base_url = var("ANTHROPIC_BASE_URL");
        Self {
            server: base_url.as_deref().map_or(Server::ANTHROPIC, Server::at),
            base_url,
            api_key: secret("ANTHROPIC_API_KEY"),
            auth_token: secret("ANTHROPIC_AUTH_TOKEN"),
            default_model: var("ANTHROPIC_MODEL").map(ModelId::from),
            ..Self::default()
        }
    }

    /// A server with the key that the environment has for it, in [`Server::key_variable`].
    #[must_use]
    pub fn server_from_env(server: Server) -> Self {
        let key = server
            .key_variable
            .and_then(|name| std::env::var(name).ok());
        let key = key.filter(|key| !key.trim().is_empty());
        Self {
            server,
            api_key: key.map(SecretString::from),
            ..Self::default()
        }
    }

    /// Sets the server: Anthropic by default.
    #[must_use]
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Sets the API key, sent in the header that the server [wants it in](crate::Quirks::key_header).
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

    /// Sets where the API is, with or without `/v1`; by default where the server is. Elsewhere, no key is needed. It may
    /// have a query, a user and a password, or be behind a socket of the system; see [`BaseUrl`].
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
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

    /// Sets how much one answer may say. How long one may take is among the [HTTP options](Self::http_options).
    #[must_use]
    pub fn answer_limits(mut self, limits: AnswerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets whether prompts are cached, whatever [the server's quirks](crate::Quirks::prompt_caching) say. Turn it off for
    /// servers that refuse the field `cache_control`.
    #[must_use]
    pub fn prompt_caching(mut self, on: bool) -> Self {
        self.prompt_caching = Some(on);
        self
    }

    pub(crate) fn caches_prompts(&self) -> bool {
        self.prompt_caching
            .unwrap_or(self.server.quirks.prompt_caching)
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
    /// - [`Authentication`](ProviderErrorKind::Authentication): there is no key for a server that needs one, or it has
    ///   characters that no header may have.
    /// - [`InvalidRequest`](ProviderErrorKind::InvalidRequest): the base URL or a header is none, or no client can be
    ///   built with the options.
    pub fn build(self) -> Result<AnthropicProvider, ProviderError> {
        let refused =
            |message: &str| ProviderError::new(ProviderErrorKind::InvalidRequest, DIALECT, message);
        let base_url = self.base_url.as_deref().unwrap_or(self.server.base_url);
        if base_url.trim().is_empty() {
            return Err(refused("there is no base URL; give one to the builder"));
        }
        let base_url = BaseUrl::parse(base_url).map_err(|failed| error::of_http(&failed))?;
        // Whoever copies an address from an example copies the method with it.
        let base_url = base_url.without("/messages").without("/v1");
        let is_original = Server::ANTHROPIC.is_at(&base_url);
        if let Some(variable) = self.server.key_variable
            && !self.has_key()
            && self.server.is_at(&base_url)
        {
            let message =
                format!("there is no API key; set {variable}, or give one to the builder");
            return Err(ProviderError::new(
                ProviderErrorKind::Authentication,
                DIALECT,
                message,
            ));
        }
        let headers = self.headers(&base_url)?;
        let client = match (&self.http, base_url.socket()) {
            (Some(_), Some(_)) => {
                let message = "a server behind a socket needs a client of its own: give the builder HTTP options, and no client";
                return Err(refused(message));
            }
            (Some(client), None) => client.clone(),
            (None, socket) => {
                let mut options = self.http_options.clone();
                options.unix_socket = socket.map(Into::into).or(options.unix_socket);
                HttpClient::new(&options).map_err(|failed| error::of_http(&failed))?
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
            base_url,
            is_original,
            client,
            headers,
            secrets: secrets.collect(),
            default_model: self.default_model.clone().or(original),
            settings: self,
            bodies: Bodies::default(),
        })
    }

    /// Whether there is a key, or a header in its place.
    fn has_key(&self) -> bool {
        let is_key = |name: &str| ["authorization", "x-api-key"].contains(&&*name.to_lowercase());
        let mut headers = self.headers.iter();
        self.api_key.is_some() || self.auth_token.is_some() || headers.any(|(name, _)| is_key(name))
    }

    fn headers(&self, base_url: &BaseUrl) -> Result<HeaderMap, ProviderError> {
        use ProviderErrorKind::{Authentication, InvalidRequest};
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
        if let Some(user) = base_url.authorization() {
            headers.insert(AUTHORIZATION, user.clone());
        }
        if let Some(key) = &self.api_key {
            let key = key.expose_secret().trim();
            let (header, key) = match self.server.quirks.key_header {
                KeyHeader::ApiKey => (HeaderName::from_static("x-api-key"), key.to_owned()),
                KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            };
            headers.insert(header, value(&key, "the API key", Authentication)?);
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
        // What is no URL may be anything, a password for example.
        let base_url = self
            .base_url
            .as_deref()
            .and_then(|url| BaseUrl::parse(url).ok());
        f.debug_struct("AnthropicBuilder")
            .field("server", &self.server.name)
            .field("base_url", &base_url)
            .field("has_api_key", &self.api_key.is_some())
            .field("has_auth_token", &self.auth_token.is_some())
            .field("headers", &headers)
            .field("betas", &self.betas)
            .field("prompt_caching", &self.caches_prompts())
            .field("drop_refused_thinking", &self.drop_refused_thinking)
            .finish_non_exhaustive()
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
            provider.base_url.join("/v1/messages"),
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
        assert_eq!(
            provider.base_url.join("/v1/messages"),
            "http://h:1/v1/messages"
        );
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
    fn addresses_and_keys_are_those_of_the_server() {
        let build = |server: Server| {
            let builder = AnthropicBuilder::default().server(server);
            builder.api_key("k").build().unwrap()
        };
        let kimi = build(Server::KIMI);
        assert_eq!(
            kimi.base_url.join("/v1/messages"),
            "https://api.moonshot.ai/anthropic/v1/messages"
        );
        assert_eq!(kimi.headers[AUTHORIZATION], "Bearer k");
        assert_eq!(build(Server::MINIMAX).headers["x-api-key"], "k");
        let deepseek = build(Server::DEEPSEEK);
        assert!(!deepseek.settings.caches_prompts() && !deepseek.is_original);
        let none = AnthropicBuilder::default().server(Server::ZAI).build();
        assert!(none.unwrap_err().message.contains("ZAI_API_KEY"));
        let at = |url: &str| {
            let provider = AnthropicBuilder::default()
                .base_url(url)
                .api_key("k")
                .build();
            provider.unwrap().base_url.join("/v1/messages")
        };
        assert_eq!(at("http://h/v1/messages?a=b"), "http://h/v1/messages?a=b");
        assert_eq!(at("http://[::1]:8080/"), "http://[::1]:8080/v1/messages");
    }

    #[test]
    fn a_base_url_that_is_none_is_refused_and_not_shown() {
        let builder = AnthropicBuilder::default().base_url("user:PLANT@h");
        assert!(!format!("{builder:?}").contains("PLANT"));
        let error = builder.build().unwrap_err();
        assert_eq!(
            error.message,
            "`h` is not a URL of an HTTP server: it must begin with http:// or https://"
        );
        let secret = AnthropicBuilder::default()
            .base_url("http://user:PLANT@h")
            .build()
            .unwrap();
        assert!(!format!("{secret:?}").contains("PLANT"));
        assert_eq!(secret.headers[AUTHORIZATION], "Basic dXNlcjpQTEFOVA==");
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
