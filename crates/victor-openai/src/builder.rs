//! Settings of the provider.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use victor_core::ModelId;
use victor_http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use victor_http::{HttpClient, HttpOptions};
use victor_provider_protocol::{Capabilities, CapabilitySource, ProviderError, ProviderErrorKind};

use crate::body::Bodies;
use crate::connection::Connection;
use crate::{Dialect, OpenAiProvider, Quirks, Server};

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
    /// is. The dialect and the quirks stay those of the server.
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

    /// Sets the API key, sent as `Authorization: Bearer`. Servers on this machine usually need none.
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
    /// - [`InvalidRequest`](ProviderErrorKind::InvalidRequest): there is no base URL, a header is none, or no client can
    ///   be built with the options.
    pub fn build(self) -> Result<OpenAiProvider, ProviderError> {
        let connection = self.connection()?;
        let is_openai = connection.base_url == Server::OPENAI.base_url;
        Ok(OpenAiProvider {
            connection,
            dialect: self.server.dialect,
            quirks: self.server.quirks,
            default_model: self.default_model.or(is_openai.then(|| MODEL.into())),
            capabilities: self.capabilities,
            bodies: Bodies::default(),
        })
    }

    pub(crate) fn connection(&self) -> Result<Connection, ProviderError> {
        let name = self.name.as_deref().unwrap_or(self.server.name);
        let error = |kind, message: &str| Err(ProviderError::new(kind, name, message));
        let base_url = self.base_url.as_deref().unwrap_or(self.server.base_url);
        let base_url = base_url.trim().trim_end_matches('/');
        if base_url.is_empty() {
            let message = "there is no base URL; give one to the builder";
            return error(ProviderErrorKind::InvalidRequest, message);
        }
        if let Some(variable) = self.server.key_variable
            && self.api_key.is_none()
            && base_url == self.server.base_url
        {
            let message =
                format!("there is no API key; set {variable}, or give one to the builder");
            return error(ProviderErrorKind::Authentication, &message);
        }
        let client = match &self.http {
            Some(client) => client.clone(),
            None => HttpClient::new(&self.http_options)
                .map_err(|failed| crate::error::of_http(name, &failed))?,
        };
        let given = self.headers.iter().map(|(_, value)| value);
        Ok(Connection {
            headers: self.headers(name)?,
            secrets: self.api_key.iter().chain(given).cloned().collect(),
            name: name.into(),
            base_url: base_url.to_owned(),
            client,
        })
    }

    fn headers(&self, provider: &str) -> Result<HeaderMap, ProviderError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.api_key {
            let bearer = format!("Bearer {}", key.expose_secret().trim());
            headers.insert(AUTHORIZATION, value(provider, &bearer, "the API key")?);
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
        assert_eq!(ollama.connection.base_url, "http://localhost:11434/v1");
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
        assert_eq!(groq.connection.base_url, Server::GROQ.base_url);
        let local = of(Some(Server::OLLAMA), &vars).build().unwrap();
        assert!(local.connection.headers.is_empty());
        let error = of(Some(Server::DEEPSEEK), &vars).build().unwrap_err();
        assert_eq!(
            error.message,
            "there is no API key; set DEEPSEEK_API_KEY, or give one to the builder"
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
        let url = "there is no base URL; give one to the builder";
        check(
            keyed().server(Server::COMPATIBLE),
            ProviderErrorKind::InvalidRequest,
            url,
        );
    }
}
