//! The facts of a server from which an endpoint is built.

use std::borrow::Cow;

use super::ReadRefusal;

/// The facts of a server from which an [`ApiEndpoint`](crate::ApiEndpoint) is built, as an adapter knows them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiServer<'a> {
    /// Name of the provider, for errors.
    pub provider: Cow<'a, str>,
    /// Address of the API; empty where that differs from user to user.
    pub base_url: &'a str,
    /// Other hosts of the server; see [`BaseUrl::is_one_of`](crate::BaseUrl::is_one_of).
    pub hosts: &'a [&'a str],
    /// Environment variable that holds the key; none for servers that need no key.
    pub key_variable: Option<&'a str>,
    /// Header in which the key is sent.
    pub key_header: KeyHeader,
    /// Paths of methods that are no part of a base URL, but are often copied with it from an example.
    pub methods: &'a [&'a str],
    /// Headers of the dialect, which those of the program replace.
    pub headers: Vec<(&'a str, Cow<'a, str>)>,
    /// Reads answers with an error status.
    pub read_refusal: ReadRefusal,
}

/// The header in which an API key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyHeader {
    /// `Authorization: Bearer`.
    Bearer,
    /// A header of this name, in lower case, such as `x-api-key`.
    Named(&'static str),
}

impl<'a> ApiServer<'a> {
    /// A server without a key at `base_url`.
    pub fn new(
        provider: impl Into<Cow<'a, str>>,
        base_url: &'a str,
        read_refusal: ReadRefusal,
    ) -> Self {
        Self {
            provider: provider.into(),
            base_url,
            hosts: &[],
            key_variable: None,
            key_header: KeyHeader::Bearer,
            methods: &[],
            headers: Vec::new(),
            read_refusal,
        }
    }

    /// Sets the other hosts of the server.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &'a [&'a str]) -> Self {
        self.hosts = hosts;
        self
    }

    /// Sets where the key is found and how it is sent.
    #[must_use]
    pub fn with_key(mut self, variable: Option<&'a str>, header: KeyHeader) -> Self {
        (self.key_variable, self.key_header) = (variable, header);
        self
    }

    /// Sets the paths that are cut from the end of a base URL, in this order.
    #[must_use]
    pub fn with_methods(mut self, paths: &'a [&'a str]) -> Self {
        self.methods = paths;
        self
    }

    /// Adds a header of the dialect.
    #[must_use]
    pub fn with_header(mut self, name: &'a str, value: impl Into<Cow<'a, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
