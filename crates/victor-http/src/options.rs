//! A client's limits, and how it reaches servers.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::HttpReach;
use crate::error::without_secrets;

/// A client's limits, and how it reaches servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// How long a connection may take, with its TLS handshake. 10 s by default.
    pub connect_time_limit: Duration,
    /// How long a server may take from the request to the beginning of its answer. 10 min by default: a model that
    /// does not stream begins to answer when it has thought.
    pub response_time_limit: Duration,
    /// How long a server may send nothing in the middle of its answer. 60 s by default.
    pub idle_time_limit: Duration,
    /// How long a server may send nothing but signs of life in a stream of events: comments, and events that
    /// [have no content](crate::EventStream::no_content). 10 min by default, as long as a model may think unseen.
    pub content_time_limit: Duration,
    /// How long an exchange may take as a whole. Without limit by default.
    pub total_time_limit: Option<Duration>,
    /// How many bytes a body may have that is read as a whole, after decompression. 64 MiB by default.
    pub max_body_bytes: usize,
    /// How many bytes an event of a stream may have. 16 MiB by default.
    pub max_event_bytes: usize,
    /// Through which proxy servers are reached. That of the system by default.
    pub proxy: HttpProxy,
    /// The socket of the system through which all servers are reached, instead of over the network and through a proxy;
    /// see [`BaseUrl::socket`](crate::BaseUrl::socket). None by default. Only Unix has them.
    pub unix_socket: Option<PathBuf>,
    /// Which servers may be reached, also by redirects. Any by default.
    pub reach: HttpReach,
    /// How many redirects a GET request follows. None by default, so that keys do not travel. To another server only the
    /// headers `Accept` and `Accept-Language` go along.
    pub max_redirects: usize,
    /// How long a connection waits for another request before it is closed. 30 s by default. With zero, none waits: for
    /// servers that close idle connections without warning.
    pub pool_idle_time_limit: Duration,
    /// What the client calls itself. `victor/` and the version by default.
    pub user_agent: String,
    /// Certificates in the PEM form that are trusted besides those of the system. None by default.
    pub extra_root_certificates: Vec<String>,
}

/// Through which proxy servers are reached.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum HttpProxy {
    /// As the system says: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the settings of macOS and Windows.
    /// Proxies may be those of HTTP and SOCKS: `http`, `https`, `socks4`, `socks4a`, `socks5` and `socks5h`. One of
    /// another kind is an error, and not passed by.
    #[default]
    System,
    /// Through none.
    None,
    /// All through this one, given as a URL, which may hold a user and a password.
    Url(String),
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_time_limit: Duration::from_secs(10),
            response_time_limit: Duration::from_secs(600),
            idle_time_limit: Duration::from_secs(60),
            content_time_limit: Duration::from_secs(600),
            total_time_limit: None,
            max_body_bytes: 64 << 20,
            max_event_bytes: 16 << 20,
            proxy: HttpProxy::default(),
            unix_socket: None,
            reach: HttpReach::default(),
            max_redirects: 0,
            pool_idle_time_limit: Duration::from_secs(30),
            user_agent: concat!("victor/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_root_certificates: Vec::new(),
        }
    }
}

impl fmt::Debug for HttpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::None => f.write_str("None"),
            Self::Url(url) => f.debug_tuple("Url").field(&without_secrets(url)).finish(),
        }
    }
}
