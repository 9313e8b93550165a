//! Settings of the provider.

use std::fmt;

use victor_core::ModelId;
use victor_http::{ApiEndpointBuilder, BaseUrl, non_blank};
use victor_provider_protocol::ProviderError;

use crate::body::Bodies;
use crate::windows::Windows;
use crate::{AnswerLimits, Dialect, OpenAiProvider, Quirks, Server};

/// The model of OpenAI that is asked where none is chosen.
const MODEL: &str = "gpt-5.6-terra";

/// Settings of an [`OpenAiProvider`]. Made by [`OpenAiProvider::builder`].
#[derive(Clone)]
pub struct OpenAiBuilder {
    server: Server,
    name: Option<String>,
    endpoint: ApiEndpointBuilder,
    limits: AnswerLimits,
}

impl Default for OpenAiBuilder {
    /// OpenAI itself, without a key.
    fn default() -> Self {
        Self {
            server: Server::OPENAI,
            name: None,
            endpoint: ApiEndpointBuilder::default(),
            limits: AnswerLimits::default(),
        }
    }
}

impl OpenAiBuilder {
    /// Reads the environment: `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID` and
    /// `OPENAI_MODEL`. A blank value counts as absent.
    ///
    /// At another base URL than OpenAI's own, the server is the one that is known to be there, or
    /// [`Server::COMPATIBLE`]; see [`Server::at`].
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_vars(None, |name| std::env::var(name).ok())
    }

    /// Takes a server, with the key that the environment has for it in [`Server::key_variable`].
    #[must_use]
    pub fn server_from_env(server: Server) -> Self {
        Self::from_vars(Some(server), |name| std::env::var(name).ok())
    }

    fn from_vars(server: Option<Server>, var: impl Fn(&str) -> Option<String>) -> Self {
        let var = non_blank(var);
        let is_openai = server.is_none_or(|server| server == Server::OPENAI);
        let of_openai = |name| var(name).filter(|_| is_openai);
        let base_url = of_openai("OPENAI_BASE_URL");
        let server = server.filter(|_| base_url.is_none());
        let server =
            server.unwrap_or_else(|| base_url.as_deref().map_or(Server::OPENAI, Server::at));
        let mut builder = Self::default().server(server);
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        let key = server.key_variable.and_then(&var);
        if let Some(key) = key.or_else(|| of_openai("OPENAI_API_KEY")) {
            builder = builder.api_key(key);
        }
        if let Some(model) = of_openai("OPENAI_MODEL") {
            builder = builder.default_model(model);
        }
        if let Some(organization) = of_openai("OPENAI_ORG_ID") {
            builder = builder.organization(organization);
        }
        if let Some(project) = of_openai("OPENAI_PROJECT_ID") {
            builder = builder.project(project);
        }
        builder
    }

    victor_http::endpoint_setters!();

    /// Sets the server. Defaults to OpenAI.
    #[must_use]
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Sets the provider's name. Defaults to that of the server.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the dialect. Defaults to that of the server.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.server.dialect = dialect;
        self
    }

    /// Sets the differences between the server and others.
    #[must_use]
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.server.quirks = quirks;
        self
    }

    /// Sets the organization that the requests are counted for.
    #[must_use]
    pub fn organization(self, id: impl Into<String>) -> Self {
        self.header("openai-organization", id.into())
    }

    /// Sets the project that the requests are counted for.
    #[must_use]
    pub fn project(self, id: impl Into<String>) -> Self {
        self.header("openai-project", id.into())
    }

    /// Sets the limits on the content of one answer. The limits on its time are among the
    /// [HTTP options](Self::http_options).
    #[must_use]
    pub fn answer_limits(mut self, limits: AnswerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    ///
    /// - [`Authentication`](victor_provider_protocol::ProviderErrorKind::Authentication): there is no key for a server
    ///   that needs one, or it has characters that no header may have.
    /// - [`InvalidRequest`](victor_provider_protocol::ProviderErrorKind::InvalidRequest): the base URL is missing or
    ///   invalid, a header is invalid, or no client can be built with the options.
    pub fn build(self) -> Result<OpenAiProvider, ProviderError> {
        let name = self.name.as_deref().unwrap_or(self.server.name);
        let default_model = |url: &BaseUrl| {
            let is_openai = url.is_one_of(Server::OPENAI.base_url, Server::OPENAI.hosts);
            is_openai.then(|| ModelId::from(MODEL))
        };
        Ok(OpenAiProvider {
            endpoint: self
                .endpoint
                .build(&self.server.endpoint(name), default_model)?,
            dialect: self.server.dialect,
            quirks: self.server.quirks,
            bodies: Bodies::default(),
            limits: self.limits,
            windows: Windows::default(),
        })
    }
}

impl fmt::Debug for OpenAiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiBuilder")
            .field("server", &self.server)
            .field("name", &self.name)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use victor_provider_protocol::ChatProvider;

    use victor_http::header::{AUTHORIZATION, HeaderValue};
    use victor_provider_protocol::ProviderErrorKind;

    use super::*;

    fn of(server: Option<Server>, vars: &[(&str, &str)]) -> OpenAiBuilder {
        let find = |name: &str| vars.iter().find(|(var, _)| *var == name);
        OpenAiBuilder::from_vars(server, |name| {
            find(name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_where_and_as_whom() {
        let vars = [
            ("OPENAI_API_KEY", "k"),
            ("OPENAI_ORG_ID", "o"),
            ("OPENAI_PROJECT_ID", "p"),
        ];
        let openai = of(None, &vars).build().unwrap();
        let headers = &openai.endpoint.headers();
        assert_eq!(headers[AUTHORIZATION], "Bearer k");
        assert_eq!(
            (&headers["openai-organization"], &headers["openai-project"]),
            (&"o".parse().unwrap(), &"p".parse().unwrap())
        );
        assert!(headers.values().all(HeaderValue::is_sensitive));
        assert_eq!(
            (openai.name(), openai.default_model()),
            ("openai", Some(MODEL.into()))
        );

        let vars = [
            ("OPENAI_BASE_URL", "http://localhost:11434/v1/"),
            ("OPENAI_API_KEY", " "),
        ];
        let ollama = of(None, &vars).build().unwrap();
        assert_eq!((ollama.name(), ollama.default_model()), ("ollama", None));
        assert_eq!(
            ollama.endpoint.base_url().join(""),
            "http://localhost:11434/v1"
        );
        assert!(ollama.endpoint.headers().is_empty());

        let vars = [
            ("OPENAI_BASE_URL", "http://gateway"),
            ("OPENAI_API_KEY", "k"),
            ("OPENAI_MODEL", "m"),
        ];
        let other = of(None, &vars).build().unwrap();
        assert_eq!(
            (other.name(), other.default_model()),
            ("openai-compatible", Some("m".into()))
        );
        assert_eq!(other.endpoint.headers()[AUTHORIZATION], "Bearer k");
    }

    #[test]
    fn a_key_goes_to_its_own_server_only() {
        let vars = [
            ("OPENAI_API_KEY", "k"),
            ("OPENAI_ORG_ID", "o"),
            ("GROQ_API_KEY", "g"),
            ("OPENAI_BASE_URL", "http://x"),
        ];
        let groq = of(Some(Server::GROQ), &vars).build().unwrap();
        assert_eq!(
            (
                groq.endpoint.headers().len(),
                &groq.endpoint.headers()[AUTHORIZATION]
            ),
            (1, &"Bearer g".parse().unwrap())
        );
        assert_eq!(groq.endpoint.base_url().join(""), Server::GROQ.base_url);
        let local = of(Some(Server::OLLAMA), &vars).build().unwrap();
        assert!(local.endpoint.headers().is_empty());
        let error = of(Some(Server::DEEPSEEK), &vars).build().unwrap_err();
        assert_eq!(
            error.message,
            "there is no API key; set DEEPSEEK_API_KEY, or give one to the builder"
        );
    }

    #[test]
    fn keys_are_sent_as_each_server_wants_them() {
        let keyed = |server: Server, url: &str| {
            let builder = OpenAiBuilder::default().server(server).base_url(url);
            builder.api_key("k").build().unwrap().endpoint
        };
        let url = "https://mine.openai.azure.com/openai/v1/responses?api-version=preview";
        let azure = keyed(Server::at(url), url);
        assert_eq!(
            (azure.headers().len(), &azure.headers()["api-key"]),
            (1, &"k".parse().unwrap())
        );
        assert_eq!(
            azure.base_url().join("/responses"),
            "https://mine.openai.azure.com/openai/v1/responses?api-version=preview"
        );
        // A user and a password stand in for a key.
        let open = OpenAiBuilder::default()
            .server(Server::COMPATIBLE)
            .base_url("http://u:p@h/v1");
        assert_eq!(
            open.build().unwrap().endpoint.headers()[AUTHORIZATION],
            "Basic dTpw"
        );
        let both = keyed(Server::COMPATIBLE, "http://u:p@h/v1");
        assert_eq!(both.headers()[AUTHORIZATION], "Bearer k");
        // A header in place of a key is one.
        let token = OpenAiBuilder::default().header("Authorization", "Bearer t");
        assert_eq!(
            token.build().unwrap().endpoint.headers()[AUTHORIZATION],
            "Bearer t"
        );
        let none = OpenAiBuilder::default().server(Server::AZURE).base_url(url);
        assert!(
            none.build()
                .unwrap_err()
                .message
                .contains("AZURE_OPENAI_API_KEY")
        );
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        let check = |builder: OpenAiBuilder, kind: ProviderErrorKind, message: &str| {
            let error = builder.build().unwrap_err();
            assert_eq!((error.kind, &*error.message), (kind, message));
        };
        let keyed = || OpenAiBuilder::default().api_key("k");
        let no_key = "there is no API key; set OPENAI_API_KEY, or give one to the builder";
        check(
            OpenAiBuilder::default(),
            ProviderErrorKind::Authentication,
            no_key,
        );
        let broken = "the API key has characters that no header may have, perhaps a line break";
        check(
            OpenAiBuilder::default().api_key("a\nb"),
            ProviderErrorKind::Authentication,
            broken,
        );
        let header = "`a b` cannot be the name of a header";
        check(
            keyed().header("a b", "c"),
            ProviderErrorKind::InvalidRequest,
            header,
        );
        let malformed =
            "`h` is not a URL of an HTTP server: it must begin with http:// or https://";
        let secret = keyed().base_url("user:PLANT@h");
        assert!(!format!("{secret:?}").contains("PLANT"));
        check(secret, ProviderErrorKind::InvalidRequest, malformed);
        let url = "there is no base URL; give one to the builder";
        check(
            keyed().server(Server::COMPATIBLE),
            ProviderErrorKind::InvalidRequest,
            url,
        );
    }
}
