//! The service behind an adapter: its address, its headers and a client.

use std::time::Duration;

use victor_http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use victor_http::{BaseUrl, HttpBody, HttpClient, HttpError, HttpOptions, HttpResponse, Secret};

/// The service behind an adapter: its address, the headers of every request, and a client.
#[derive(Clone)]
pub(crate) struct Endpoint {
    base_url: BaseUrl,
    headers: HeaderMap,
    client: HttpClient,
}

/// Settings of an [`Endpoint`].
#[derive(Debug, Clone)]
pub(crate) struct EndpointBuilder {
    pub(crate) base_url: String,
    pub(crate) token: Option<Secret>,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) timeout: Duration,
    pub(crate) options: HttpOptions,
}

impl EndpointBuilder {
    pub(crate) fn new(base_url: String, timeout: Duration) -> Self {
        Self {
            base_url,
            token: None,
            headers: Vec::new(),
            timeout,
            options: HttpOptions::default(),
        }
    }

    /// Connects the settings. `timeout` limits each exchange as a whole.
    pub(crate) fn build(self) -> Result<Endpoint, HttpError> {
        let base_url = BaseUrl::parse(&self.base_url)?;
        let mut headers = HeaderMap::new();
        headers.extend(
            base_url
                .authorization()
                .map(|user| (AUTHORIZATION, user.clone())),
        );
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {}", token.expose().trim());
            headers.insert(AUTHORIZATION, value("the token", &bearer)?);
        }
        for (name, text) in &self.headers {
            let header =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::InvalidOptions {
                    reason: format!("`{name}` cannot be the name of a header"),
                })?;
            headers.insert(
                header,
                value(&format!("the value of the header `{name}`"), text.expose())?,
            );
        }
        let mut options = self.options;
        options.total_timeout = Some(self.timeout);
        options.unix_socket = base_url.socket().map(Into::into).or(options.unix_socket);
        let client = HttpClient::new(&options)?;
        Ok(Endpoint {
            base_url,
            headers,
            client,
        })
    }
}

/// Writes the setters that every builder over an [`EndpointBuilder`] in its field `endpoint` has, with the documentation
/// of the two whose defaults differ.
macro_rules! endpoint_setters {
    (timeout: $timeout:literal, http_options: $options:literal $(,)?) => {
        /// Sets the token that is sent as `Authorization: Bearer`. Defaults to none.
        pub fn bearer_token(mut self, token: impl Into<victor_http::Secret>) -> Self {
            self.endpoint.token = Some(token.into());
            self
        }

        /// Adds a header to every request. Its value counts as secret.
        pub fn header(
            mut self,
            name: impl Into<String>,
            value: impl Into<victor_http::Secret>,
        ) -> Self {
            self.endpoint.headers.push((name.into(), value.into()));
            self
        }

        #[doc = $timeout]
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.endpoint.timeout = timeout;
            self
        }

        #[doc = $options]
        pub fn http_options(mut self, options: victor_http::HttpOptions) -> Self {
            self.endpoint.options = options;
            self
        }
    };
}

pub(crate) use endpoint_setters;

impl Endpoint {
    /// Sends a GET request to a path below the base URL, with further headers.
    pub(crate) async fn get(&self, path: &str, more: HeaderMap) -> Result<HttpResponse, HttpError> {
        let mut headers = self.headers.clone();
        headers.extend(more);
        self.client.get(&self.base_url.join(path), headers).await
    }

    /// Sends a POST request to a path below the base URL, with further headers. They may replace the content type,
    /// which is JSON otherwise.
    pub(crate) async fn post(
        &self,
        path: &str,
        more: HeaderMap,
        body: impl Into<HttpBody>,
    ) -> Result<HttpResponse, HttpError> {
        let mut headers = self.headers.clone();
        headers.extend(more);
        let url = self.base_url.join(path);
        self.client.post_json(&url, headers, body).await
    }

    /// Returns the host, for messages.
    pub(crate) fn host(&self) -> &str {
        self.base_url.host()
    }
}

/// Makes the value of a header, which is in no log.
fn value(what: &str, text: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| HttpError::InvalidOptions {
        reason: format!("{what} has characters that no header may have"),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("base_url", &self.base_url)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
