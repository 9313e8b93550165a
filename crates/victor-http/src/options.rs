//! Limits of a client, and the way by which it reaches servers.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::AddressPolicy;
use crate::error::without_secrets;

victor_core::options! {
    /// Limits of a client, and the way by which it reaches servers.
    #[derive(PartialEq, Eq)]
    pub struct HttpOptions {
        /// Time limit of connecting, with the TLS handshake. Defaults to 10 seconds.
        pub connect_timeout, with_connect_timeout: Duration = Duration::from_secs(10);
        /// Time limit from the request to the beginning of its answer. Defaults to 10 minutes: a model that does not
        /// stream begins to answer when it has thought.
        pub response_timeout, with_response_timeout: Duration = Duration::from_secs(600);
        /// Time limit of a silence in the middle of an answer. Defaults to 60 seconds.
        pub idle_timeout, with_idle_timeout: Duration = Duration::from_secs(60);
        /// Time limit of a stretch of an event stream that has only signs of life: comments, and events that
        /// [have no content](crate::EventStream::no_content). Defaults to 10 minutes, as long as a model may think
        /// unseen.
        pub content_timeout, with_content_timeout: Duration = Duration::from_secs(600);
        /// Time limit of an exchange as a whole. Defaults to no limit.
        pub total_timeout, with_total_timeout: Option<Duration> = None;
        /// Most bytes of a body that is read as a whole, after decompression. Defaults to 64 MiB.
        pub max_body_bytes, with_max_body_bytes: usize = 64 << 20;
        /// Most bytes of an event in a stream. Defaults to 16 MiB.
        pub max_event_bytes, with_max_event_bytes: usize = 16 << 20;
        /// Proxy through which servers are reached. Defaults to that of the system.
        pub proxy, with_proxy: HttpProxy = HttpProxy::System;
        /// Unix domain socket through which all servers are reached, instead of over the network and through a proxy;
        /// see [`BaseUrl::socket`](crate::BaseUrl::socket). Defaults to none.
        pub unix_socket, with_unix_socket: Option<PathBuf> = None;
        /// Addresses that may be reached, also by redirects. Defaults to any.
        pub addresses, with_addresses: AddressPolicy = AddressPolicy::Anywhere;
        /// Number of redirects that a GET request follows. Defaults to 0, so that keys do not travel. To another server
        /// only the headers `Accept` and `Accept-Language` go along.
        pub max_redirects, with_max_redirects: usize = 0;
        /// Time that an idle connection is kept for another request. Defaults to 30 seconds. Zero keeps none, for
        /// servers that close idle connections without warning.
        pub pool_idle_timeout, with_pool_idle_timeout: Duration = Duration::from_secs(30);
        /// Name by which the client introduces itself. Defaults to `victor/` and the version.
        pub user_agent, with_user_agent: String = concat!("victor/", env!("CARGO_PKG_VERSION")).to_owned();
        /// Certificates in the PEM form that are trusted besides those of the system. Defaults to none.
        pub extra_root_certificates, with_extra_root_certificates: Vec<String> = Vec::new();
    }
}

/// The proxy through which servers are reached.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum HttpProxy {
    /// That of the system: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the settings of macOS and
    /// Windows. Proxies may be those of HTTP and SOCKS: `http`, `https`, `socks4`, `socks4a`, `socks5` and `socks5h`.
    /// One of another kind is an error, and not passed by.
    #[default]
    System,
    /// None.
    None,
    /// The one at this URL, which may hold a user and a password.
    Url(String),
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
