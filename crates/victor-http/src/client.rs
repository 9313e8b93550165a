//! Sends requests.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Certificate, ClientBuilder, Method, Proxy, Request, Response, Url, redirect};
use rustls::crypto::CryptoProvider;

use crate::error::without_secrets;
use crate::exchange::Exchange;
use crate::proxy;
use crate::{AddressPolicy, HttpBody, HttpError, HttpOptions, HttpProxy, HttpResponse, TimeLimit};

/// Sends requests. A clone shares the connections of the original.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    options: Arc<HttpOptions>,
}

impl HttpClient {
    /// A client with these options. It reads the system's root certificates, so build it once.
    ///
    /// It uses the TLS provider that the process has installed, and installs ring where it has none. A system without
    /// root certificates, as a small container may be, is no error: plain HTTP works there, and HTTPS fails with
    /// [`HttpError::Tls`].
    ///
    /// # Errors
    ///
    /// [`HttpError::InvalidOptions`]: the proxy is not a URL, a certificate is not PEM, or the user agent is no header.
    pub fn new(options: &HttpOptions) -> Result<Self, HttpError> {
        if CryptoProvider::get_default().is_none() {
            // It fails only if another thread was faster, and then that provider serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = builder(options)?.build().or_else(|error| {
            if !options.extra_root_certificates.is_empty() {
                return Err(invalid_options(&error));
            }
            let without = builder(options)?.tls_certs_only([]);
            let client = without.build().map_err(|error| invalid_options(&error))?;
            let reason = HttpError::reason(&error);
            tracing::warn!(%reason, "HTTPS will fail: no root certificates on this system");
            Ok(client)
        })?;
        let options = Arc::new(options.clone());
        Ok(Self { client, options })
    }

    /// Sends a GET request, and follows as many redirects as the options say.
    ///
    /// # Errors
    ///
    /// [`HttpError`]: there is no answer, or a redirect too many. Any other answer is none.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped takes its request back as far as it can; the server may have acted on it.
    pub async fn get(&self, url: &str, mut headers: HeaderMap) -> Result<HttpResponse, HttpError> {
        let mut url = parse(url)?;
        let mut exchange = Exchange::new(server(&url), self.options.clone());
        let mut left = self.options.max_redirects;
        loop {
            let request = Request::new(Method::GET, url.clone());
            let response = self.execute(request, headers.clone(), &exchange).await?;
            let given = match location(&response) {
                Some(location) if left > 0 => String::from_utf8_lossy(location.as_bytes()),
                _ => return finish(response, exchange),
            };
            let next = url.join(&given).map_err(|error| HttpError::InvalidUrl {
                url: without_secrets(&given),
                reason: error.to_string(),
            })?;
            let next = require_http(next, &given)?;
            if next.origin() != url.origin() {
                let harmless = [ACCEPT, ACCEPT_LANGUAGE];
                let harmless =
                    harmless.map(|name| headers.remove(&name).map(|value| (name, value)));
                headers = harmless.into_iter().flatten().collect();
                exchange.server = server(&next);
            }
            url = next;
            left -= 1;
        }
    }

    /// Sends a POST request whose body is JSON. The headers may replace the content type `application/json`.
    ///
    /// # Errors
    ///
    /// [`HttpError`]: there is no answer, or a redirect. Any other answer is none.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped takes its request back as far as it can; the server may have acted on it.
    pub async fn post_json(
        &self,
        url: &str,
        mut headers: HeaderMap,
        body: impl Into<HttpBody>,
    ) -> Result<HttpResponse, HttpError> {
        let mut request = Request::new(Method::POST, parse(url)?);
        *request.body_mut() = Some(body.into().into_reqwest());
        let json = HeaderValue::from_static("application/json");
        headers.entry(CONTENT_TYPE).or_insert(json);
        let exchange = Exchange::new(server(request.url()), self.options.clone());
        let response = self.execute(request, headers, &exchange).await?;
        finish(response, exchange)
    }

    /// Sends a DELETE request.
    ///
    /// # Errors
    ///
    /// [`HttpError`]: there is no answer, or a redirect. Any other answer is none.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped takes its request back as far as it can; the server may have acted on it.
    pub async fn delete(&self, url: &str, headers: HeaderMap) -> Result<HttpResponse, HttpError> {
        let request = Request::new(Method::DELETE, parse(url)?);
        let exchange = Exchange::new(server(request.url()), self.options.clone());
        let response = self.execute(request, headers, &exchange).await?;
        finish(response, exchange)
    }

    async fn execute(
        &self,
        mut request: Request,
        mut headers: HeaderMap,
        exchange: &Exchange,
    ) -> Result<Response, HttpError> {
        self.options.addresses.check(request.url())?;
        // Any of them may be a key, so none is to be seen in logs of the crates beneath.
        headers
            .values_mut()
            .for_each(|value| value.set_sensitive(true));
        *request.headers_mut() = headers;
        let limit = self.options.response_timeout;
        let response = self.client.execute(request);
        exchange.step(TimeLimit::Response, limit, response).await
    }
}

/// Hands an answer over, if it is no redirect.
fn finish(response: Response, exchange: Exchange) -> Result<HttpResponse, HttpError> {
    match location(&response) {
        Some(location) => Err(HttpError::Redirect {
            status: response.status().as_u16(),
            location: without_secrets(&String::from_utf8_lossy(location.as_bytes())),
            server: exchange.server,
        }),
        None => Ok(HttpResponse::new(response, exchange)),
    }
}

/// The target of a redirect.
fn location(response: &Response) -> Option<&HeaderValue> {
    let redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    response.headers().get(LOCATION).filter(|_| redirect)
}

fn builder(options: &HttpOptions) -> Result<ClientBuilder, HttpError> {
    let mut builder = ClientBuilder::new()
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(options.pool_idle_timeout)
        .user_agent(&options.user_agent)
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        // A dead connection is noticed in 20 s, while a model thinks and also between two requests.
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(5))
        .http2_keep_alive_while_idle(true)
        .http2_adaptive_window(true);
    if options.pool_idle_timeout.is_zero() {
        builder = builder.pool_max_idle_per_host(0);
    }
    if let Some(socket) = &options.unix_socket {
        builder = with_socket(builder, socket, &options.addresses)?;
    }
    if let Some(resolver) = options.addresses.resolver() {
        builder = builder.dns_resolver(Arc::new(resolver));
    }
    builder = match &options.proxy {
        // A proxy would resolve names and connect on its own.
        HttpProxy::System | HttpProxy::None if options.addresses != AddressPolicy::Anywhere => {
            builder.no_proxy()
        }
        HttpProxy::Url(_) if options.addresses != AddressPolicy::Anywhere => {
            return Err(HttpError::InvalidOptions {
                reason: "through a proxy it cannot be seen which addresses are reached".to_owned(),
            });
        }
        _ if options.unix_socket.is_some() => builder,
        HttpProxy::System => {
            proxy::check_environment(|name| std::env::var(name).ok())?;
            builder
        }
        HttpProxy::None => builder.no_proxy(),
        HttpProxy::Url(url) => {
            proxy::check("the proxy", url)?;
            builder.proxy(Proxy::all(url).map_err(|error| {
                let reason = HttpError::reason(&error);
                let url = without_secrets(url);
                HttpError::InvalidOptions {
                    reason: format!("`{url}` is not a URL of a proxy: {reason}"),
                }
            })?)
        }
    };
    let mut certificates = Vec::new();
    for pem in &options.extra_root_certificates {
        let bundle = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| invalid_options(&error))?;
        if bundle.is_empty() {
            let reason = "an extra root certificate is not in the PEM form".to_owned();
            return Err(HttpError::InvalidOptions { reason });
        }
        certificates.extend(bundle);
    }
    if !certificates.is_empty() {
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

/// The same, with all servers behind a socket of the system.
fn with_socket(
    builder: ClientBuilder,
    socket: &Path,
    addresses: &AddressPolicy,
) -> Result<ClientBuilder, HttpError> {
    if *addresses != AddressPolicy::Anywhere {
        return Err(HttpError::InvalidOptions {
            reason: "a socket of the system is no public address".to_owned(),
        });
    }
    #[cfg(unix)]
    return Ok(builder.unix_socket(socket));
    #[cfg(not(unix))]
    Err(HttpError::InvalidOptions {
        reason: format!(
            "`{}` cannot be used: this system has no Unix sockets",
            socket.display()
        ),
    })
}

fn invalid_options(error: &reqwest::Error) -> HttpError {
    HttpError::InvalidOptions {
        reason: HttpError::reason(error),
    }
}

fn parse(url: &str) -> Result<Url, HttpError> {
    let parsed = Url::parse(url).map_err(|error| HttpError::InvalidUrl {
        url: without_secrets(url),
        reason: error.to_string(),
    })?;
    require_http(parsed, url)
}

fn require_http(url: Url, given: &str) -> Result<Url, HttpError> {
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(HttpError::InvalidUrl {
            url: without_secrets(given),
            reason: "it must begin with http:// or https://".to_owned(),
        }),
    }
}

/// The host and the port of a URL.
fn server(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
