//! Settings of the provider.

use std::fmt;

use victor_core::ModelId;
use victor_http::{ApiEndpointBuilder, BaseUrl, Secret, non_blank};
use victor_provider_protocol::ProviderError;

use crate::provider::AnthropicProvider;
use crate::request::Bodies;
use crate::{AnswerLimits, BETA, Server};

/// The model that is asked where none is chosen.
const MODEL: &str = "claude-sonnet-5-5";

/// Settings of an [`AnthropicProvider`]. Made by [`AnthropicProvider::builder`].
#[derive(Clone)]
pub struct AnthropicBuilder {
    server: Server,
    endpoint: ApiEndpointBuilder,
    betas: Vec<String>,
    pub(crate) limits: AnswerLimits,
    prompt_caching: Option<bool>,
    pub(crate) drop_refused_thinking: bool,
}

impl Default for AnthropicBuilder {
    fn default() -> Self {
        Self {
            server: Server::ANTHROPIC,
            endpoint: ApiEndpointBuilder::default(),
            betas: Vec::new(),
            limits: AnswerLimits::default(),
            prompt_caching: None,
            drop_refused_thinking: true,
        }
    }
}

impl AnthropicBuilder {
    /// Reads the environment: `ANTHROPIC_API_KEY`, `ANTHROPIC_AUTH_TOKEN`, `ANTHROPIC_BASE_URL` and `ANTHROPIC_MODEL`.
    /// A blank value counts as absent.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    pub(crate) fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = non_blank(var);
        let mut builder = Self::default();
        if let Some(url) = var("ANTHROPIC_BASE_URL") {
            builder = builder.server(Server::at(&url)).base_url(url);
        }
        if let Some(key) = var("ANTHROPIC_API_KEY") {
            builder = builder.api_key(key);
        }
        if let Some(token) = var("ANTHROPIC_AUTH_TOKEN") {
            builder = builder.auth_token(token);
        }
        if let Some(model) = var("ANTHROPIC_MODEL") {
            builder = builder.default_model(model);
        }
        builder
    }

    /// Takes a server, with the key that the environment has for it in [`Server::key_variable`].
    #[must_use]
    pub fn server_from_env(server: Server) -> Self {
        let builder = Self::default().server(server);
        let var = non_blank(|name| std::env::var(name).ok());
        match server.key_variable.and_then(var) {
            Some(key) => builder.api_key(key),
            None => builder,
        }
    }

    victor_http::endpoint_setters!();

    /// Sets the server. Defaults to Anthropic.
    #[must_use]
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Sets a token that is sent as `Authorization: Bearer`, which many servers besides the original want.
    #[must_use]
    pub fn auth_token(mut self, token: impl Into<Secret>) -> Self {
        self.endpoint.set_auth_token(token);
        self
    }

    /// Asks for a feature that is being tried out, by its name in the header `anthropic-beta`.
    #[must_use]
    pub fn beta(mut self, name: impl Into<String>) -> Self {
        self.betas.push(name.into());
        self
    }

    /// Sets the limits on the content of one answer. The limits on its time are among the
    /// [HTTP options](Self::http_options).
    #[must_use]
    pub fn answer_limits(mut self, limits: AnswerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets whether prompts are cached, in place of [the server's quirks](crate::Quirks::prompt_caching). Turn it off
    /// for servers that refuse the field `cache_control`.
    #[must_use]
    pub fn prompt_caching(mut self, on: bool) -> Self {
        self.prompt_caching = Some(on);
        self
    }

    pub(crate) fn caches_prompts(&self) -> bool {
        self.prompt_caching
            .unwrap_or(self.server.quirks.prompt_caching)
    }

    /// Sets whether the API is told to leave out thoughts that the model would refuse. Defaults to `true`.
    ///
    /// The latest models bind their thoughts to the system prompt, the tools and all messages before them. Once one of
    /// these has changed, as after a compaction, they refuse the whole request, now and ever after. It concerns these
    /// models only, and no request that says `thinking` itself.
    #[must_use]
    pub fn drop_refused_thinking(mut self, on: bool) -> Self {
        self.drop_refused_thinking = on;
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    ///
    /// - [`Authentication`](victor_provider_protocol::ProviderErrorKind::Authentication): there is no key for a server
    ///   that needs one, or it has characters that no header may have.
    /// - [`InvalidRequest`](victor_provider_protocol::ProviderErrorKind::InvalidRequest): the base URL or a header is
    ///   invalid, or no client can be built with the options.
    pub fn build(self) -> Result<AnthropicProvider, ProviderError> {
        let is_original =
            |url: &BaseUrl| url.is_one_of(Server::ANTHROPIC.base_url, Server::ANTHROPIC.hosts);
        let mut server = self.server.endpoint();
        if !self.betas.is_empty() {
            server = server.with_header(BETA, self.betas.join(","));
        }
        let default_model = |url: &BaseUrl| is_original(url).then(|| ModelId::from(MODEL));
        let endpoint = self.endpoint.build(&server, default_model)?;
        Ok(AnthropicProvider {
            is_original: is_original(endpoint.base_url()),
            endpoint,
            settings: self,
            bodies: Bodies::default(),
        })
    }
}

impl fmt::Debug for AnthropicBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnthropicBuilder")
            .field("server", &self.server.name)
            .field("endpoint", &self.endpoint)
            .field("betas", &self.betas)
            .field("prompt_caching", &self.caches_prompts())
            .field("drop_refused_thinking", &self.drop_refused_thinking)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use victor_provider_protocol::ChatProvider;

    use victor_http::header::{AUTHORIZATION, HeaderValue};

    use super::*;

    fn of(vars: &[(&str, &str)]) -> AnthropicBuilder {
        let find = |name: &str| vars.iter().find(|(var, _)| *var == name);
        AnthropicBuilder::from_vars(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_says_where_and_as_whom() {
        let provider = of(&[("ANTHROPIC_API_KEY", "k")]).build().unwrap();
        assert_eq!(
            provider.endpoint.base_url().join("/v1/messages"),
            "https://api.anthropic.com/v1/messages"
        );
        assert_eq!(
            (
                &provider.endpoint.headers()["x-api-key"],
                provider.endpoint.headers().get(AUTHORIZATION)
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
            provider.endpoint.base_url().join("/v1/messages"),
            "http://h:1/v1/messages"
        );
        assert_eq!(
            (provider.endpoint.headers().len(), provider.default_model()),
            (1, None)
        );

        let provider = of(&[("ANTHROPIC_AUTH_TOKEN", "t"), ("ANTHROPIC_MODEL", "m")])
            .build()
            .unwrap();
        assert_eq!(
            (
                &provider.endpoint.headers()[AUTHORIZATION],
                provider.default_model()
            ),
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
            kimi.endpoint.base_url().join("/v1/messages"),
            "https://api.moonshot.ai/anthropic/v1/messages"
        );
        assert_eq!(kimi.endpoint.headers()[AUTHORIZATION], "Bearer k");
        assert_eq!(build(Server::MINIMAX).endpoint.headers()["x-api-key"], "k");
        let deepseek = build(Server::DEEPSEEK);
        assert!(!deepseek.settings.caches_prompts() && !deepseek.is_original);
        let none = AnthropicBuilder::default().server(Server::ZAI).build();
        assert!(none.unwrap_err().message.contains("ZAI_API_KEY"));
        let at = |url: &str| {
            let provider = AnthropicBuilder::default()
                .base_url(url)
                .api_key("k")
                .build();
            provider.unwrap().endpoint.base_url().join("/v1/messages")
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
        assert_eq!(
            secret.endpoint.headers()[AUTHORIZATION],
            "Basic dXNlcjpQTEFOVA=="
        );
    }

    #[test]
    fn headers_are_added_and_replaced() {
        let builder = AnthropicBuilder::default()
            .api_key("k")
            .beta("a")
            .beta("b")
            .header("Anthropic-Version", "v");
        let headers = builder.build().unwrap().endpoint.headers().clone();
        assert_eq!(
            (&headers["anthropic-version"], &headers[BETA]),
            (&"v".parse().unwrap(), &"a,b".parse().unwrap())
        );
        assert!(headers.values().all(HeaderValue::is_sensitive));
    }
}
