//! Settings of an endpoint.

use std::fmt;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use victor_core::ModelId;
use victor_provider_protocol::{Capabilities, CapabilitySource, ProviderError, ProviderErrorKind};

use super::{ApiEndpoint, ApiServer, KeyHeader};
use crate::{BaseUrl, HttpClient, HttpOptions, Secret};

/// Settings of an [`ApiEndpoint`], which all adapters of model APIs have in common.
///
/// An adapter's own builder holds one in a field and gets the setters from
/// [`endpoint_setters!`](crate::endpoint_setters).
#[derive(Clone, Default)]
pub struct ApiEndpointBuilder {
    base_url: Option<String>,
    api_key: Option<Secret>,
    auth_token: Option<Secret>,
    headers: Vec<(String, Secret)>,
    client: Option<HttpClient>,
    options: HttpOptions,
    default_model: Option<ModelId>,
    declared: Vec<(ModelId, Capabilities)>,
}

/// Filters out variables whose value is blank, which count as absent.
pub fn non_blank(variable: impl Fn(&str) -> Option<String>) -> impl Fn(&str) -> Option<String> {
    move |name| variable(name).filter(|value| !value.trim().is_empty())
}

impl ApiEndpointBuilder {
    /// Sets the API key, sent in the server's [`key_header`](ApiServer::key_header).
    pub fn set_api_key(&mut self, key: impl Into<Secret>) {
        self.api_key = Some(key.into());
    }

    /// Sets a token that is sent as `Authorization: Bearer`.
    pub fn set_auth_token(&mut self, token: impl Into<Secret>) {
        self.auth_token = Some(token.into());
    }

    /// Sets the address. See [`BaseUrl`] for its forms.
    pub fn set_base_url(&mut self, url: impl Into<String>) {
        self.base_url = Some(url.into());
    }

    /// Adds a header to every request, or replaces one that would be sent. Its value counts as secret.
    pub fn add_header(&mut self, name: impl Into<String>, value: impl Into<Secret>) {
        self.headers.push((name.into(), value.into()));
    }

    /// Sets the client.
    pub fn set_client(&mut self, client: HttpClient) {
        self.client = Some(client);
    }

    /// Sets the options of the client that is made where none is set.
    pub fn set_options(&mut self, options: HttpOptions) {
        self.options = options;
    }

    /// Sets the model that is asked where none is chosen.
    pub fn set_default_model(&mut self, model: impl Into<ModelId>) {
        self.default_model = Some(model.into());
    }

    /// Declares the capabilities of a model.
    pub fn declare(&mut self, model: impl Into<ModelId>, mut capabilities: Capabilities) {
        capabilities.source = CapabilitySource::Declared;
        self.declared.push((model.into(), capabilities));
    }

    /// Connects the settings with the facts of the server. `default_model` is the default of this server, by its
    /// address.
    ///
    /// # Errors
    ///
    /// - [`Authentication`](ProviderErrorKind::Authentication): there is no key for a server that needs one, or it has
    ///   characters that no header may have.
    /// - [`InvalidRequest`](ProviderErrorKind::InvalidRequest): the base URL is missing or invalid, a header is
    ///   invalid, or no client can be built with the options.
    pub fn build(
        &self,
        server: &ApiServer<'_>,
        default_model: impl FnOnce(&BaseUrl) -> Option<ModelId>,
    ) -> Result<ApiEndpoint, ProviderError> {
        use ProviderErrorKind::{Authentication, InvalidRequest};
        let error = |kind, message: &str| ProviderError::new(kind, &*server.provider, message);
        let base_url = self.base_url.as_deref().unwrap_or(server.base_url);
        if base_url.trim().is_empty() {
            let message = "there is no base URL; give one to the builder";
            return Err(error(InvalidRequest, message));
        }
        let base_url =
            BaseUrl::parse(base_url).map_err(|failed| failed.provider_error(&server.provider))?;
        let methods = server.methods.iter();
        let base_url = methods.fold(base_url, |base_url, path| base_url.without(path));
        if let Some(variable) = server.key_variable
            && !self.has_key()
            && base_url.is_one_of(server.base_url, server.hosts)
        {
            let message =
                format!("there is no API key; set {variable}, or give one to the builder");
            return Err(error(Authentication, &message));
        }
        let headers = self.headers(server, &base_url);
        let given = self.headers.iter().map(|(_, value)| value);
        let secrets = self.api_key.iter().chain(&self.auth_token).chain(given);
        Ok(ApiEndpoint {
            provider: (&*server.provider).into(),
            headers: headers.map_err(|(kind, message)| error(kind, &message))?,
            secrets: secrets.cloned().collect(),
            client: self.client(server, &base_url)?,
            default_model: self
                .default_model
                .clone()
                .or_else(|| default_model(&base_url)),
            declared: self.declared.clone(),
            read_refusal: server.read_refusal,
            base_url,
        })
    }

    /// Whether there is a key, or a header in its place.
    fn has_key(&self) -> bool {
        let keys = ["authorization", "api-key", "x-api-key"];
        let is_key = |name: &str| keys.contains(&&*name.to_lowercase());
        let mut headers = self.headers.iter();
        self.api_key.is_some() || self.auth_token.is_some() || headers.any(|(name, _)| is_key(name))
    }

    fn client(
        &self,
        server: &ApiServer<'_>,
        base_url: &BaseUrl,
    ) -> Result<HttpClient, ProviderError> {
        match (&self.client, base_url.socket()) {
            (Some(_), Some(_)) => Err(ProviderError::new(
                ProviderErrorKind::InvalidRequest,
                &*server.provider,
                "a server behind a socket needs a client of its own: give the builder HTTP options, and no client",
            )),
            (Some(client), None) => Ok(client.clone()),
            (None, socket) => {
                let mut options = self.options.clone();
                options.unix_socket = socket.map(Into::into).or(options.unix_socket);
                HttpClient::new(&options).map_err(|failed| failed.provider_error(&server.provider))
            }
        }
    }

    fn headers(
        &self,
        server: &ApiServer<'_>,
        base_url: &BaseUrl,
    ) -> Result<HeaderMap, (ProviderErrorKind, String)> {
        use ProviderErrorKind::{Authentication, InvalidRequest};
        let mut headers = HeaderMap::new();
        let mut insert = |name: &str, text: &str| {
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                (
                    InvalidRequest,
                    format!("`{name}` cannot be the name of a header"),
                )
            })?;
            headers.insert(
                header,
                value(text, &format!("the header `{name}`"), InvalidRequest)?,
            );
            Ok(())
        };
        for (name, text) in &server.headers {
            insert(name, text)?;
        }
        for (name, secret) in &self.headers {
            insert(name, secret.expose())?;
        }
        // A header that the program gives stands in for what is derived.
        let mut derive = |header: HeaderName, value: HeaderValue| {
            let is_given =
                |(name, _): &(String, Secret)| name.eq_ignore_ascii_case(header.as_str());
            if !self.headers.iter().any(is_given) {
                headers.insert(header, value);
            }
        };
        if let Some(user) = base_url.authorization() {
            derive(AUTHORIZATION, user.clone());
        }
        if let Some(key) = &self.api_key {
            let key = key.expose().trim();
            let (header, key) = match server.key_header {
                KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
                KeyHeader::Named(name) => (HeaderName::from_static(name), key.to_owned()),
            };
            derive(header, value(&key, "the API key", Authentication)?);
        }
        if let Some(token) = &self.auth_token {
            let bearer = format!("Bearer {}", token.expose().trim());
            derive(AUTHORIZATION, value(&bearer, "the token", Authentication)?);
        }
        Ok(headers)
    }
}

fn value(
    text: &str,
    what: &str,
    kind: ProviderErrorKind,
) -> Result<HeaderValue, (ProviderErrorKind, String)> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        let message = "has characters that no header may have, perhaps a line break";
        (kind, format!("{what} {message}"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for ApiEndpointBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        // An invalid URL may be anything, a password for example.
        let base_url = self
            .base_url
            .as_deref()
            .and_then(|url| BaseUrl::parse(url).ok());
        f.debug_struct("ApiEndpointBuilder")
            .field("base_url", &base_url)
            .field("has_api_key", &self.api_key.is_some())
            .field("has_auth_token", &self.auth_token.is_some())
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}
