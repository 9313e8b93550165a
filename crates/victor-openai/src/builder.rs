//! Settings of the provider.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use victor_core::ModelId;
use victor_http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use victor_http::{BaseUrl, HttpClient, HttpOptions};
use victor_provider_protocol::{Capabilities, CapabilitySource, ProviderError, ProviderErrorKind};

use crate::body::Bodies;
use crate::connection::Connection;
use crate::error::of_http;
use crate::windows::Windows;
use crate::{AnswerLimits, Dialect, KeyHeader, OpenAiProvider, Quirks, Server};

/// The model of OpenAI that is asked where none is chosen.
const MODEL: &str = "gpt-5.6-terra";

/// Settings of an [`OpenAiProvider`]. Made by [`OpenAiProvider::builder`].
#[derive(Clone)]
pub struct OpenAiBuilder {
    server: Server,
    name: Option<String>,
    base_url: Option<String>,
    api_key: Option<SecretString>,
    headers: Vec<(String, SecretString)>,
    http: Option<HttpClient>,
    http_options: HttpOptions,
    limits: AnswerLimits,
    default_model: Option<ModelId>,
    pub(crate) capabilities: Vec<(ModelId, Capabilities)>,
}

impl Default for OpenAiBuilder {
    /// OpenAI itself, without a key.
    fn default() -> Self {
        Self {
            server: Server::OPENAI,
            name: None,
            base_url: None,
            api_key: None,
            headers: Vec::new(),
            http: None,
            http_options: HttpOptions::default(),
            limits: AnswerLimits::default(),
            default_model: None,
            capabilities: Vec::new(),
        }
    }
}

impl OpenAiBuilder {
    /// What the environment says: `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID` and
    /// `OPENAI_MODEL`. What is empty counts as absent.
    ///
    /// At another base URL than OpenAI's own there is the server that is known to be there, or one of which nothing is
    /// known; see [`Server::at`].
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_vars(None, |name| std::env::var(name).ok())
    }

    /// A server with the key that the environment has for it, in [`Server::key_variable`].
    #[must_use]
    pub fn server_from_env(server: Server) -> Self {
        Self::from_vars(Some(server), |name| std::env::var(name).ok())
    }

    fn from_vars(server: Option<Server>, var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        let is_openai = server.is_none_or(|server| server == Server::OPENAI);
        let of_openai = |name| var(name).filter(|_| is_openai);
        let base_url = of_openai("OPENAI_BASE_URL");
        let server = server.filter(|_| base_url.is_none());
        let server =
            server.unwrap_or_else(|| base_url.as_deref().map_or(Server::OPENAI, Server::at));
        let key = server
            .key_variable
            .and_then(var)
            .or_else(|| of_openai("OPENAI_API_KEY"));
        let mut builder = Self {
            server,
            base_url,
            api_key: key.map(SecretString::from),
            default_model: of_openai("OPENAI_MODEL").map(ModelId::from),
            ..Self::default()
        };
        if let Some(organization) = of_openai("OPENAI_ORG_ID") {
            builder = builder.organization(organization);
        }
        if let Some(project) = of_openai("OPENAI_PROJECT_ID") {
            builder = builder.project(project);
        }
        builder
    }

    /// Sets the server: OpenAI by default.
    #[must_use]
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Sets the provider's name; by default that of the server.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets where the API is, up to what stands before `/chat/completions` or `/responses`; by default where the server
    /// is. The dialect and the quirks stay those of the server. It may have a query, a user and a password, or be behind
    /// a socket of the system; see [`BaseUrl`].
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the dialect; by default that of the server.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.server.dialect = dialect;
        self
    }

    /// Sets in what the server differs from others.
    #[must_use]
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.server.quirks = quirks;
        self
    }

    /// Sets the API key, sent in the header that the server [wants it in](Quirks::key_header). Servers on this machine usually need none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.api_key = Some(key.into());
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

    /// Adds a header to every request, or replaces one that would be sent. Its value counts as secret.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        self.headers.push((name.into(), value.into()));
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

    /// Sets the model that is asked where none is chosen: `gpt-5.6-terra` of OpenAI itself, and none elsewhere.
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
    /// - [`InvalidRequest`](ProviderErrorKind::InvalidRequest): there is no base URL or it is none, a header is none, or
    ///   no client can be built with the options.
    pub fn build(self) -> Result<OpenAiProvider, ProviderError> {
        let connection = self.connection()?;
        let is_openai = Server::OPENAI.is_at(&connection.base_url);
        Ok(OpenAiProvider {
            connection,
            dialect: self.server.dialect,
            quirks: self.server.quirks,
            default_model: self.default_model.or(is_openai.then(|| MODEL.into())),
            capabilities: self.capabilities,
            bodies: Bodies::default(),
            limits: self.limits,
            windows: Windows::default(),
        })
    }

    pub(crate) fn connection(&self) -> Result<Connection, ProviderError> {
        let name = self.name.as_deref().unwrap_or(self.server.name);
        let error = |kind, message: &str| Err(ProviderError::new(kind, name, message));
        let base_url = self.base_url.as_deref().unwrap_or(self.server.base_url);
        if base_url.trim().is_empty() {
            let message = "there is no base URL; give one to the builder";
            return error(ProviderErrorKind::InvalidRequest, message);
        }
        let base_url = BaseUrl::parse(base_url).map_err(|failed| of_http(name, &failed))?;
        // Whoever copies an address from an example copies the method with it.
        let base_url = base_url.without("/chat/completions").without("/responses");
        if let Some(variable) = self.server.key_variable
            && !self.has_key()
            && self.server.is_at(&base_url)
        {
            let message =
                format!("there is no API key; set {variable}, or give one to the builder");
            return error(ProviderErrorKind::Authentication, &message);
        }
        let client = match (&self.http, base_url.socket()) {
            (Some(_), Some(_)) => {
                let message = "a server behind a socket needs a client of its own: give the builder HTTP options, and no client";
                return error(ProviderErrorKind::InvalidRequest, message);
            }
            (Some(client), None) => client.clone(),
            (None, socket) => {
                let mut options = self.http_options.clone();
                options.unix_socket = socket.map(Into::into).or(options.unix_socket);
                HttpClient::new(&options).map_err(|failed| of_http(name, &failed))?
            }
        };
        let given = self.headers.iter().map(|(_, value)| value);
        Ok(Connection {
            headers: self.headers(name, &base_url)?,
            secrets: self.api_key.iter().chain(given).cloned().collect(),
            name: name.into(),
            base_url,
            client,
        })
    }

    /// Whether there is a key, or a header in its place.
    fn has_key(&self) -> bool {
        let is_key = |name: &str| ["authorization", "api-key"].contains(&&*name.to_lowercase());
        self.api_key.is_some() || self.headers.iter().any(|(name, _)| is_key(name))
    }

    fn headers(&self, provider: &str, base_url: &BaseUrl) -> Result<HeaderMap, ProviderError> {
        let mut headers = HeaderMap::new();
        if let Some(user) = base_url.authorization() {
            headers.insert(AUTHORIZATION, user.clone());
        }
        if let Some(key) = &self.api_key {
            let key = key.expose_secret().trim();
            let (header, key) = match self.server.quirks.key_header {
                KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
                KeyHeader::ApiKey => (HeaderName::from_static("api-key"), key.to_owned()),
            };
            headers.insert(header, value(provider, &key, "the API key")?);
        }
        for (name, secret) in &self.headers {
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                let message = format!("`{name}` cannot be the name of a header");
                ProviderError::new(ProviderErrorKind::InvalidRequest, provider, message)
            })?;
            let what = format!("the header `{name}`");
            headers.insert(header, value(provider, secret.expose_secret(), &what)?);
        }
        Ok(headers)
    }
}

fn value(provider: &str, text: &str, what: &str) -> Result<HeaderValue, ProviderError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        let message =
            format!("{what} has characters that no header may have, perhaps a line break");
        ProviderError::new(ProviderErrorKind::Authentication, provider, message)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for OpenAiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("OpenAiBuilder")
            .field("server", &self.server)
            .field("name", &self.name)
            .field("has_base_url", &self.base_url.is_some())
            .field("has_api_key", &self.api_key.is_some())
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use victor_provider_protocol::ChatProvider;

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
        let headers = &openai.connection.headers;
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
            ollama.connection.base_url.join(""),
            "http://localhost:11434/v1"
        );
        assert!(ollama.connection.headers.is_empty());

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
        assert_eq!(other.connection.headers[AUTHORIZATION], "Bearer k");
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
                groq.connection.headers.len(),
                &groq.connection.headers[AUTHORIZATION]
            ),
            (1, &"Bearer g".parse().unwrap())
        );
        assert_eq!(groq.connection.base_url.join(""), Server::GROQ.base_url);
        let local = of(Some(Server::OLLAMA), &vars).build().unwrap();
        assert!(local.connection.headers.is_empty());
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
            builder.api_key("k").build().unwrap().connection
        };
        let url = "https://mine.openai.azure.com/openai/v1/responses?api-version=preview";
        let azure = keyed(Server::at(url), url);
        assert_eq!(
            (azure.headers.len(), &azure.headers["api-key"]),
            (1, &"k".parse().unwrap())
        );
        assert_eq!(
            azure.base_url.join("/responses"),
            "https://mine.openai.azure.com/openai/v1/responses?api-version=preview"
        );
        // A user and a password stand in for a key.
        let open = OpenAiBuilder::default()
            .server(Server::COMPATIBLE)
            .base_url("http://u:p@h/v1");
        assert_eq!(
            open.build().unwrap().connection.headers[AUTHORIZATION],
            "Basic dTpw"
        );
        let both = keyed(Server::COMPATIBLE, "http://u:p@h/v1");
        assert_eq!(both.headers[AUTHORIZATION], "Bearer k");
        // A header in place of a key is one.
        let token = OpenAiBuilder::default().header("Authorization", "Bearer t");
        assert_eq!(
            token.build().unwrap().connection.headers[AUTHORIZATION],
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
