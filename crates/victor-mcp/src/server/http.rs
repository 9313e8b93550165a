//! The server over HTTP.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::McpServer;
use super::handler::Handler;

/// How many connections there may be at the same time; others wait.
const MAX_CONNECTIONS: usize = 256;

/// How long a client may take to send the head of a request.
const HEAD_TIME_LIMIT: Duration = Duration::from_secs(10);

/// How long answers that have begun may take when the server is to end.
const GRACE: Duration = Duration::from_secs(5);

type Service = StreamableHttpService<Handler, LocalSessionManager>;
type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Who may speak to a server over HTTP, and where.
///
/// By default anybody who reaches it under a name of this machine itself, at `/mcp`: pages in a browser, which could be
/// made to speak to it from elsewhere, may not. Set a [`token`](Self::token) unless only trusted programs reach it.
#[derive(Clone)]
pub struct McpHttpOptions {
    path: String,
    token: Option<Arc<str>>,
    hosts: Vec<String>,
}

impl Default for McpHttpOptions {
    fn default() -> Self {
        Self {
            path: "/mcp".to_owned(),
            token: None,
            hosts: Vec::new(),
        }
    }
}

impl McpHttpOptions {
    /// Sets the path. `/mcp` by default.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Demands that every request has this token, as `Authorization: Bearer ...`.
    #[must_use]
    pub fn token(mut self, token: impl Into<Arc<str>>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Allows a name under which the server is reached, with or without a port, beside `localhost`, `127.0.0.1` and
    /// `::1`.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Answer> {
        if request.uri().path() != self.path {
            return Some(refuse(StatusCode::NOT_FOUND, "there is nothing here"));
        }
        let token = self.token.as_deref()?;
        let given = request.headers().get(AUTHORIZATION);
        let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        if given.is_some_and(|given| is_same(given, token)) {
            return None;
        }
        let mut refusal = refuse(StatusCode::UNAUTHORIZED, "a token is needed");
        let scheme = hyper::header::HeaderValue::from_static("Bearer");
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
        let mut config = StreamableHttpServerConfig::default().enforce_origin_validation();
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
            match options.refusal(&request) {
                Some(refusal) => Ok(refusal),
                None => hyper::service::Service::call(&service, request).await,
            }
        },
    );
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_LIMIT)
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
    use super::is_same;

    #[test]
    fn only_the_right_token_is_the_same() {
        assert!(is_same("secret", "secret"));
        for given in ["", "Secret", "secre", "secrets", "tecres"] {
            assert!(!is_same(given, "secret"), "{given}");
        }
    }
}
