//! The server over HTTP.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, AUTHORIZATION, HeaderValue,
    ORIGIN, VARY, WWW_AUTHENTICATE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::McpServer;
use super::handler::Handler;

/// The most connections at the same time; others wait.
const MAX_CONNECTIONS: usize = 256;

/// The time limit for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that running answers get when the server shuts down.
const GRACE: Duration = Duration::from_secs(5);

type Service = StreamableHttpService<Handler, LocalSessionManager>;
type Answer = Response<BoxBody<Bytes, Infallible>>;

/// The path of a server over HTTP, and the clients that it admits.
///
/// By default it answers at `/mcp`, to requests for a name of this machine (`localhost`). Of the pages in a browser it
/// admits those of this machine (`http://localhost:...`); any other origin must be [named](Self::origin), since any web
/// site could send requests to it. Set a [`token`](Self::token) unless only trusted programs can reach it.
#[derive(Clone)]
pub struct McpHttpOptions {
    path: String,
    token: Option<Arc<str>>,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Default for McpHttpOptions {
    fn default() -> Self {
        Self {
            path: "/mcp".to_owned(),
            token: None,
            hosts: Vec::new(),
            origins: Vec::new(),
        }
    }
}

impl McpHttpOptions {
    /// Sets the path. Defaults to `/mcp`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Requires this token in every request, as `Authorization: Bearer ...`. Defaults to none.
    #[must_use]
    pub fn token(mut self, token: impl Into<Arc<str>>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Allows requests for this host name, with or without a port, beside `localhost`, `127.0.0.1` and `::1`.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Allows pages of an origin, such as `https://app.example`, beside those of `localhost`, `127.0.0.1` and `::1` at
    /// any port.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Returns the origin of the page that sends a request, if a page sends it. Fails if the origin is not allowed.
    fn origin_of<B>(&self, request: &Request<B>) -> Result<Option<HeaderValue>, ()> {
        let Some(origin) = request.headers().get(ORIGIN) else {
            return Ok(None);
        };
        let text = origin.to_str().map_err(drop)?;
        match is_of_this_machine(text)
            || self.origins.iter().any(|known| is_same_origin(known, text))
        {
            true => Ok(Some(origin.clone())),
            false => Err(()),
        }
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Answer> {
        if request.uri().path() != self.path {
            return Some(refuse(StatusCode::NOT_FOUND, "there is nothing here"));
        }
        let Ok(origin) = self.origin_of(request) else {
            return Some(refuse(
                StatusCode::FORBIDDEN,
                "pages of this origin are not served",
            ));
        };
        // What a browser asks before it sends what the page wants to be sent, and without the token.
        if origin.is_some() && request.method() == Method::OPTIONS {
            let mut allowed = refuse(StatusCode::NO_CONTENT, "");
            let headers = allowed.headers_mut();
            headers.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, POST, DELETE"),
            );
            if let Some(wanted) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
            }
            return Some(allowed);
        }
        let token = self.token.as_deref()?;
        let given = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        if given.is_some_and(|given| is_same(given, token)) {
            return None;
        }
        let mut refusal = refuse(StatusCode::UNAUTHORIZED, "a token is needed");
        let scheme = HeaderValue::from_static("Bearer");
        refusal.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        Some(refusal)
    }
}

impl fmt::Debug for McpHttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpHttpOptions")
            .field("path", &self.path)
            .field("token", &self.token.is_some())
            .field("hosts", &self.hosts)
            .field("origins", &self.origins)
            .finish()
    }
}

impl McpServer {
    /// Serves clients over streamable HTTP until `shutdown` is ready. Answers that have begun then have a few seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends all connections and the calls that run.
    pub async fn serve_http(
        self,
        listener: TcpListener,
        options: McpHttpOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        // Origins are looked at here, since browsers must be told of them as well.
        let mut config = StreamableHttpServerConfig::default().disable_allowed_origins();
        config.allowed_hosts.extend(options.hosts.iter().cloned());
        let token = config.cancellation_token.clone();
        let server = self;
        let service = move || Ok(Handler(server.clone()));
        let service = StreamableHttpService::new(service, Arc::default(), config);
        let options = Arc::new(options);
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        let accept = async {
            loop {
                let permit = Arc::clone(&permits).acquire_owned().await;
                while connections.try_join_next().is_some() {}
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let connection = converse(stream, service.clone(), Arc::clone(&options));
                        connections.spawn(async move {
                            connection.await;
                            drop(permit);
                        });
                    }
                    Err(error) => {
                        // Too many open files, for example: there will be others again.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = shutdown => {}
        }
        drop(listener);
        token.cancel();
        let _ = tokio::time::timeout(GRACE, async {
            while connections.join_next().await.is_some() {}
        })
        .await;
    }
}

async fn converse(stream: TcpStream, service: Service, options: Arc<McpHttpOptions>) {
    let service = TowerToHyperService::new(service);
    let answer = service_fn(
        async |request: Request<Incoming>| -> Result<Answer, Infallible> {
            let origin = options.origin_of(&request).unwrap_or_default();
            let mut answer = match options.refusal(&request) {
                Some(refusal) => refusal,
                None => hyper::service::Service::call(&service, request).await?,
            };
            if let Some(origin) = origin {
                let headers = answer.headers_mut();
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                headers.insert(VARY, HeaderValue::from_static("origin"));
                let session = HeaderValue::from_static("mcp-session-id");
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, session);
            }
            Ok(answer)
        },
    );
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection has ended");
    }
}

fn refuse(status: StatusCode, text: &'static str) -> Answer {
    let mut refusal = Response::new(Full::from(text).boxed());
    *refusal.status_mut() = status;
    refusal
}

/// Whether pages of an origin come from this machine.
fn is_of_this_machine(origin: &str) -> bool {
    let origin = origin.to_ascii_lowercase();
    let Some(rest) = ["http://", "https://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(scheme))
    else {
        return false;
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        let port = rest.strip_prefix(host);
        port.is_some_and(|port| match port.strip_prefix(':') {
            Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
            None => port.is_empty(),
        })
    })
}

/// Whether two origins are the same. The port that a scheme has anyway need not be named.
fn is_same_origin(one: &str, other: &str) -> bool {
    let plain = |origin: &str| {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        let port = if origin.starts_with("https:") {
            ":443"
        } else {
            ":80"
        };
        origin.strip_suffix(port).unwrap_or(&origin).to_owned()
    };
    plain(one) == plain(other)
}

/// Whether a token is the right one. How long that takes does not tell where it is wrong.
fn is_same(given: &str, token: &str) -> bool {
    let differences = given
        .bytes()
        .zip(token.bytes())
        .map(|(one, other)| one ^ other);
    given.len() == token.len() && differences.fold(0, |all, bits| all | bits) == 0
}

#[cfg(test)]
mod tests {
    use super::{is_of_this_machine, is_same, is_same_origin};

    #[test]
    fn origins_of_this_machine_and_of_others() {
        for origin in [
            "http://localhost",
            "http://LOCALHOST:6274",
            "https://127.0.0.1:1",
            "http://[::1]:80",
        ] {
            assert!(is_of_this_machine(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://localhost.evil.example",
            "http://localhost:1@evil.example",
            "http://127.0.0.1.evil.example",
            "https://evil.example/http://localhost",
            "file://localhost",
            "http://localhost:",
        ] {
            assert!(!is_of_this_machine(origin), "{origin}");
        }
        assert!(is_same_origin(
            "https://app.example",
            "https://App.example:443"
        ));
        assert!(is_same_origin(
            "http://app.example:80/",
            "http://app.example"
        ));
        assert!(!is_same_origin("https://app.example", "http://app.example"));
        assert!(!is_same_origin(
            "https://app.example",
            "https://app.example:8443"
        ));
    }

    #[test]
    fn only_the_right_token_is_the_same() {
        assert!(is_same("secret", "secret"));
        for given in ["", "Secret", "secre", "secrets", "tecres"] {
            assert!(!is_same(given, "secret"), "{given}");
        }
    }
}
