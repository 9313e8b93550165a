//! The base URL of an API.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderValue;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use crate::HttpError;
use crate::error::without_secrets;

/// The base URL of an API, in front of the paths of its methods.
///
/// It may have a path, with or without a slash at its end, and a query, which goes behind the path of each method, as
/// Azure and some gateways want it. A user and a password become a header, and are seen nowhere else. An API behind a
/// socket of the system is at `http+unix://`, the path of the socket with `%2F` for each slash, and the path of the
/// API.
///
/// ```
/// use victor_http::BaseUrl;
///
/// let url = BaseUrl::parse("https://h.openai.azure.com/openai/v1/?api-version=preview")?;
/// assert_eq!(url.join("/responses"), "https://h.openai.azure.com/openai/v1/responses?api-version=preview");
/// let url = BaseUrl::parse("http+unix://%2Frun%2Fllama.sock/v1")?;
/// assert_eq!(url.socket(), Some("/run/llama.sock".as_ref()));
/// # Ok::<(), victor_http::HttpError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Without a user, a password and a fragment, and without a slash at its end.
    url: Url,
    socket: Option<PathBuf>,
    authorization: Option<HeaderValue>,
}

/// The scheme of an API behind a socket of the system.
const SOCKET: &str = "http+unix";

impl BaseUrl {
    /// Reads a base URL.
    ///
    /// # Errors
    ///
    /// [`HttpError::InvalidUrl`]: it is none, or does not begin with `http://`, `https://` or `http+unix://`. A user
    /// and a password are not repeated.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        let text = text.trim();
        let invalid = |reason: String| HttpError::InvalidUrl {
            url: without_secrets(text),
            reason,
        };
        let mut url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
        let mut socket = None;
        match url.scheme() {
            "http" | "https" => {}
            SOCKET => {
                let path = percent_decode_str(url.host_str().unwrap_or_default())
                    .decode_utf8()
                    .map_err(|error| invalid(error.to_string()))?;
                if !path.starts_with('/') {
                    let example = "the path of the socket must stand in it as in http+unix://%2Frun%2Fserver.sock/v1";
                    return Err(invalid(example.to_owned()));
                }
                socket = Some(PathBuf::from(&*path));
                let query = url.query().map(str::to_owned);
                let local = format!("http://localhost{}", url.path());
                url = Url::parse(&local).map_err(|error| invalid(error.to_string()))?;
                url.set_query(query.as_deref());
            }
            _ => return Err(invalid("it must begin with http:// or https://".to_owned())),
        }
        let authorization = authorization(&url);
        // They fail only for URLs without a host, and these have one.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self {
            url,
            socket,
            authorization,
        })
    }

    /// Returns the URL of a method. Its path begins with a slash, and may have a query, which goes behind that of the
    /// base.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.path()));
        let queries = [self.url.query().unwrap_or_default(), query]
            .into_iter()
            .filter(|query| !query.is_empty());
        let query = queries.collect::<Vec<_>>().join("&");
        url.set_query((!query.is_empty()).then_some(&*query));
        url.into()
    }

    /// Returns the same without these last segments of its path, such as `/v1`, if it ends with them.
    #[must_use]
    pub fn without(&self, end: &str) -> Self {
        let mut shorter = self.clone();
        if let Some(path) = self.path().strip_suffix(end) {
            shorter.url.set_path(path);
        }
        shorter
    }

    /// Returns the name or the address of the host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Returns whether both are at the same port of the same host. This machine has several names.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        let is_same_host = self.host() == other.host() || self.is_local() && other.is_local();
        is_same_host
            && self.url.port_or_known_default() == other.url.port_or_known_default()
            && self.socket == other.socket
    }

    /// Returns whether it is [beside](Self::is_beside) the address `known`, or at one of these other hosts: their
    /// names, or the ends of them with a dot before.
    #[must_use]
    pub fn is_one_of(&self, known: &str, hosts: &[&str]) -> bool {
        let is_host = |host: &&str| match host.starts_with('.') {
            true => self.host().ends_with(*host),
            false => self.host() == *host,
        };
        Self::parse(known).is_ok_and(|known| known.is_beside(self)) || hosts.iter().any(is_host)
    }

    /// Returns whether it is on this machine, where no proxy leads.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.host();
        let is_loopback = matches!(host, "localhost" | "[::1]") || host.starts_with("127.");
        is_loopback || host.ends_with(".localhost") || self.socket.is_some()
    }

    /// Returns the socket of the system behind which the API is, for [`HttpOptions::unix_socket`].
    ///
    /// [`HttpOptions::unix_socket`]: crate::HttpOptions::unix_socket
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Returns the value of the header `Authorization` for the user and the password that stood in it, if they did.
    #[must_use]
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The path without a slash at its end; empty if it has none.
    fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }
}

/// The header of a user and a password.
fn authorization(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text| percent_decode_str(text).collect::<Vec<u8>>();
    let user = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    let pair = [&user[..], b":", &password].concat();
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Shows neither a user, nor a password, nor the query.
impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// Shows neither a user, nor a password, nor the query.
impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(socket) = &self.socket {
            write!(f, "{} at ", socket.display())?;
        }
        f.write_str(without_secrets(self.url.as_str()).trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_find_their_places() {
        let check = |base: &str, path: &str, expected: &str| {
            assert_eq!(BaseUrl::parse(base).unwrap().join(path), expected);
        };
        for base in [
            "http://h:1/v1",
            " http://h:1/v1/ ",
            "http://h:1/v1//",
            "HTTP://H:1/v1#x",
        ] {
            check(base, "/chat/completions", "http://h:1/v1/chat/completions");
        }
        check("http://h", "/m", "http://h/m");
        check("http://h/", "/m?limit=9", "http://h/m?limit=9");
        check("http://h/v1?a=b", "/m", "http://h/v1/m?a=b");
        check(
            "http://h/v1/?a=b%20c&d",
            "/m?limit=9",
            "http://h/v1/m?a=b%20c&d&limit=9",
        );
        check("http://h?", "/m", "http://h/m");
        check("http://[::1]:8080/v1", "/m", "http://[::1]:8080/v1/m");
        check("https://user:pass@h/v1", "/m", "https://h/v1/m");
        check(
            "http+unix://%2Frun%2Fa.sock/v1?a",
            "/m",
            "http://localhost/v1/m?a",
        );
        check("http+unix://%2Frun%2Fa.sock", "/m", "http://localhost/m");
    }

    #[test]
    fn what_is_no_base_url_is_refused_without_its_secrets() {
        let check = |text: &str, expected: &str| {
            let error = BaseUrl::parse(text).unwrap_err().to_string();
            assert_eq!(error, expected);
        };
        let scheme = "is not a URL of an HTTP server: it must begin with http:// or https://";
        check("user:PLANT@h", &format!("`h` {scheme}"));
        check("user:PLANT@h:80/v1", &format!("`h:80/v1` {scheme}"));
        check(
            "localhost:8080/v1",
            &format!("`localhost:8080/v1` {scheme}"),
        );
        check("ftp://user:PLANT@h", &format!("`ftp://h` {scheme}"));
        check(
            "h/v1",
            "`h/v1` is not a URL of an HTTP server: relative URL without a base",
        );
        check(
            "http://",
            "`http://` is not a URL of an HTTP server: empty host",
        );
        assert!(BaseUrl::parse("http+unix:///run/a.sock").is_err());
        assert!(BaseUrl::parse("http+unix://run/v1").is_err());
    }

    #[test]
    fn secrets_are_in_the_header_and_nowhere_else() {
        let url = BaseUrl::parse("http://us%40er:p%3Ass@h/v1?key=PLANT").unwrap();
        assert_eq!(format!("{url} {url:?}"), "http://h/v1 \"http://h/v1\"");
        let header = url.authorization().unwrap();
        assert!(header.is_sensitive());
        // us@er:p:ss
        assert_eq!(header, "Basic dXNAZXI6cDpzcw==");
        assert!(
            BaseUrl::parse("http://h")
                .unwrap()
                .authorization()
                .is_none()
        );
        let socket = BaseUrl::parse("http+unix://%2Frun%2Fa.sock/v1").unwrap();
        assert_eq!(socket.to_string(), "/run/a.sock at http://localhost/v1");
    }

    #[test]
    fn hosts_are_compared() {
        let check = |one: &str, other: &str, expected: bool| {
            let (one, other) = (BaseUrl::parse(one).unwrap(), BaseUrl::parse(other).unwrap());
            assert_eq!(one.is_beside(&other), expected, "{one} {other}");
        };
        check("http://localhost:1/v1", "http://127.0.0.1:1", true);
        check("http://[::1]:1", "http://localhost:1", true);
        check("http://localhost:1", "http://localhost:2", false);
        check("https://h/a", "https://h:443/b?c", true);
        check("https://h", "http://h", false);
        check("http://localhost", "http+unix://%2Fa", false);
        let short = BaseUrl::parse("http://h/a/v1?q").unwrap().without("/v1");
        assert_eq!(short.join("/m"), "http://h/a/m?q");
        assert_eq!(short.without("/v1"), short);
    }
}
