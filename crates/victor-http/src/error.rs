//! Errors between Victor and an HTTP server.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;
use std::{io, iter};

use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use crate::{HttpOptions, HttpProxy, SseError};

/// An HTTP exchange failed.
///
/// It is plain data, and its message is one line with the reason in it: the errors beneath it name internals of the
/// client, and may hold the whole URL. Servers are named by host and port; query strings, passwords and header values
/// are never part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The client cannot be built as the options say.
    #[error("cannot build an HTTP client: {reason}")]
    InvalidOptions {
        /// Fault of the options.
        reason: String,
    },
    /// The URL does not name an HTTP server.
    #[error("`{url}` is not a URL of an HTTP server: {reason}")]
    InvalidUrl {
        /// The URL, without what may be secret.
        url: String,
        /// Reason.
        reason: String,
    },
    /// The server, or the proxy on the way to it, cannot be reached: the name is unknown, or nobody listens.
    #[error("cannot connect to {server}{}: {reason}", through(proxy.as_deref()))]
    Connect {
        /// The server, by host and port.
        server: String,
        /// Through which proxy, where the options name one.
        proxy: Option<String>,
        /// Why not.
        reason: String,
    },
    /// There is no trusted TLS connection to the server.
    #[error("cannot make a secure connection to {server}: {reason}")]
    Tls {
        /// The server, by host and port.
        server: String,
        /// Why not.
        reason: String,
    },
    /// The server is reached at an address that is not public, and only public ones [may be](crate::AddressPolicy).
    #[error("{server} is reached at {address}, which is not a public address")]
    NotPublic {
        /// The server, by its host and possibly port.
        server: String,
        /// The address.
        address: IpAddr,
    },
    /// The server took too long.
    #[error("{server} {limit} within {duration:?}")]
    Timeout {
        /// The server, by host and port.
        server: String,
        /// The exceeded limit.
        limit: TimeLimit,
        /// Length of the limit.
        duration: Duration,
    },
    /// The server sends elsewhere. That is not followed, so that keys do not travel.
    #[error("{server} redirects to {location} (status {status}); use that address if it is right")]
    Redirect {
        /// The server, by host and port.
        server: String,
        /// The HTTP status.
        status: u16,
        /// Target, without secrets.
        location: String,
    },
    /// A body is larger than it may be.
    #[error("the answer of {server} is larger than {limit} bytes")]
    BodyTooLarge {
        /// The server, by host and port.
        server: String,
        /// Largest size of a body, in bytes.
        limit: usize,
    },
    /// An event is larger than it may be.
    #[error("an event from {server} is larger than {limit} bytes")]
    EventTooLarge {
        /// The server, by host and port.
        server: String,
        /// Largest size of an event, in bytes.
        limit: usize,
    },
    /// The connection ended before the answer did.
    #[error("the answer of {server} ended too soon: {reason}")]
    Truncated {
        /// The server, by host and port.
        server: String,
        /// Reason.
        reason: String,
    },
    /// The answer is not HTTP, or not compressed as it claims.
    #[error("the answer of {server} is malformed: {reason}")]
    Malformed {
        /// The server, by host and port.
        server: String,
        /// Reason.
        reason: String,
    },
    /// A text or an event is not UTF-8.
    #[error("the answer of {server} is not valid UTF-8")]
    InvalidUtf8 {
        /// The server, by host and port.
        server: String,
    },
}

/// A limit of time that a server met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeLimit {
    /// That of connecting.
    Connect,
    /// That of the beginning of the answer.
    Response,
    /// That of a pause in the answer.
    Idle,
    /// That of signs of life without content.
    Content,
    /// That of the exchange as a whole.
    Total,
}

impl std::fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "accepted no connection",
            Self::Response => "did not begin to answer",
            Self::Idle => "sent nothing more",
            Self::Content => "sent nothing but signs of life",
            Self::Total => "did not complete the answer",
        })
    }
}

impl HttpError {
    /// Returns the class of the error of a provider that was to be reached.
    #[must_use]
    pub fn class(&self) -> ProviderErrorKind {
        use ProviderErrorKind as Kind;
        match self {
            Self::InvalidOptions { .. } | Self::InvalidUrl { .. } => Kind::InvalidRequest,
            Self::Timeout { .. } => Kind::Timeout,
            Self::Redirect { .. } => Kind::NotFound,
            Self::BodyTooLarge { .. }
            | Self::EventTooLarge { .. }
            | Self::Malformed { .. }
            | Self::InvalidUtf8 { .. } => Kind::Malformed,
            Self::Truncated { .. } => Kind::Truncated,
            Self::Connect { .. } | Self::Tls { .. } | Self::NotPublic { .. } => Kind::Connection,
        }
    }

    /// Returns the error as that of a provider.
    #[must_use]
    pub fn provider_error(&self, provider: &str) -> ProviderError {
        let error = ProviderError::new(self.class(), provider, self.to_string());
        match self {
            Self::Redirect { status, .. } => error.with_status(*status),
            _ => error,
        }
    }

    /// Classifies an error of the client beneath.
    pub(crate) fn new(error: &reqwest::Error, server: &str, options: &HttpOptions) -> Self {
        let causes = || causes(error);
        let server = server.to_owned();
        let reason = Self::reason(error);
        if let Some(NotPublic(address)) = causes().find_map(|cause| cause.downcast_ref()) {
            let address = *address;
            Self::NotPublic { server, address }
        } else if let Some(error) = causes().find_map(|cause| cause.downcast_ref::<rustls::Error>())
        {
            let reason = match error {
                rustls::Error::InvalidMessage(_) => "it does not speak TLS".to_owned(),
                _ => reason,
            };
            Self::Tls { server, reason }
        } else if error.is_connect() && error.is_timeout() {
            Self::Timeout {
                server,
                limit: TimeLimit::Connect,
                duration: options.connect_timeout,
            }
        } else if error.is_connect() {
            let proxy = match &options.proxy {
                HttpProxy::Url(url) => Some(without_secrets(url)),
                HttpProxy::System | HttpProxy::None => None,
            };
            Self::Connect {
                server,
                proxy,
                reason,
            }
        } else if causes().any(is_malformed) {
            Self::Malformed { server, reason }
        } else {
            Self::Truncated { server, reason }
        }
    }

    /// The cause at the bottom: what lies above it names the internals of the client.
    pub(crate) fn reason(error: &reqwest::Error) -> String {
        causes(error)
            .last()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    pub(crate) fn event(error: &SseError, server: &str) -> Self {
        let server = server.to_owned();
        match *error {
            SseError::TooLarge { limit } => Self::EventTooLarge { server, limit },
            SseError::InvalidUtf8 => Self::InvalidUtf8 { server },
        }
    }
}

/// A name that has no public address, but this one.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a public address")]
pub(crate) struct NotPublic(pub(crate) IpAddr);

fn through(proxy: Option<&str>) -> String {
    proxy
        .map(|proxy| format!(" through the proxy {proxy}"))
        .unwrap_or_default()
}

/// A URL without its query and fragment, and without a user and a password.
pub(crate) fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        (_, None) => url.to_owned(),
    }
}

/// An error and what caused it, also where an [`io::Error`] carries it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(carried) => Some(carried),
            None => error.source(),
        }
    })
}

fn is_malformed(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput};
    let parse = error
        .downcast_ref::<hyper::Error>()
        .is_some_and(hyper::Error::is_parse);
    let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
    parse || matches!(io, Some(InvalidData | InvalidInput))
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn what_may_be_secret_is_cut_from_urls() {
        for (url, shown) in [
            ("https://h:1/p", "https://h:1/p"),
            ("https://h/p?key=k#f", "https://h/p"),
            ("https://h/p#key=k", "https://h/p"),
            ("https://user:pass@h/p", "https://h/p"),
            ("http://user:p@ss@h", "http://h"),
            ("user:pass@h", "h"),
            ("/p?key=k", "/p"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}
