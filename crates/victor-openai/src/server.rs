//! Servers as data.

use victor_http::{ApiServer, BaseUrl};

use crate::{Quirks, error};

/// A form of requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// `/chat/completions`, which every compatible server speaks.
    ChatCompletions,
    /// `/responses`, in which a model's reasoning goes back to it from call to call.
    Responses,
}

/// A server, and what is peculiar to it. It is data: take the one that is nearest and change what differs. Those that
/// are known are its constants.
///
/// ```
/// use victor_openai::{OpenAiProvider, Quirks, Server};
///
/// let mut server = Server::COMPATIBLE;
/// server.name = "gateway";
/// server.base_url = "http://localhost:4000/v1";
/// server.quirks.stream_options = false;
/// let provider = OpenAiProvider::builder().server(server).build()?;
/// # Ok::<(), victor_provider_protocol::ProviderError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// The provider's name, for example `groq`. What one provider sealed, only a provider of that name is sent back.
    pub name: &'static str,
    /// Address of its API; empty where that differs from user to user.
    pub base_url: &'static str,
    /// Other hosts at which it is known to be: their names, or the ends of them with a dot before.
    pub hosts: &'static [&'static str],
    /// The variable of the environment that holds the key; none for servers that need no key.
    pub key_variable: Option<&'static str>,
    /// Dialect that it is spoken to in.
    pub dialect: Dialect,
    /// In what it differs from others.
    pub quirks: Quirks,
}

impl Server {
    /// The server of this name, for example `ollama`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name == name)
    }

    /// The server at this address, or [`COMPATIBLE`](Self::COMPATIBLE) if none is known there.
    #[must_use]
    pub fn at(base_url: &str) -> Self {
        let known = BaseUrl::parse(base_url).ok().and_then(|url| {
            let mut known = Self::ALL.into_iter();
            known.find(|server| url.is_one_of(server.base_url, server.hosts))
        });
        known.unwrap_or(Self::COMPATIBLE)
    }

    /// The facts of the server that its endpoint needs.
    pub(crate) fn endpoint<'a>(&self, name: &'a str) -> ApiServer<'a> {
        ApiServer::new(name, self.base_url, error::of_refused)
            .with_hosts(self.hosts)
            .with_key(self.key_variable, self.quirks.key_header)
            .with_methods(&["/chat/completions", "/responses"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_found_by_name_and_by_address() {
        for server in Server::ALL {
            assert_eq!(Server::named(server.name), Some(server));
            if !server.base_url.is_empty() {
                assert_eq!(Server::at(server.base_url), server);
            }
        }
        let check = |url: &str, name: &str| assert_eq!(Server::at(url).name, name, "{url}");
        check("http://127.0.0.1:11434", "ollama");
        check("http://[::1]:11434/v1/", "ollama");
        check("http://localhost:11435", "openai-compatible");
        check("https://api.x.ai:443/v1", "xai");
        check("https://api.moonshot.cn/v1", "kimi");
        check(
            "https://mine.openai.azure.com/openai/deployments/gpt-4o?api-version=2024-10-21",
            "azure",
        );
        check("https://openai.azure.com.example", "openai-compatible");
        check("https://openai.example/v1", "openai-compatible");
        check("nonsense", "openai-compatible");
        assert_eq!(Server::named("nobody"), None);
    }

    #[test]
    fn no_row_stands_twice() {
        for (index, server) in Server::ALL.iter().enumerate() {
            let mut earlier = Server::ALL[..index].iter();
            assert!(earlier.all(|known| known.name != server.name));
        }
    }
}
