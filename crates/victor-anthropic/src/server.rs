//! The table of the servers that are known to speak the dialect. It is the place for the next quirk of a vendor.
//!
//! Each row is by the vendor's documentation, as of November 2026.

use victor_http::{ApiServer, BaseUrl, KeyHeader};

use crate::{DIALECT, error};

/// The version of the API that this crate speaks. The one after it, 2026-10-21, only takes away: it refuses requests
/// that name a temperature, which earlier models and other servers understand.
const VERSION: &str = "2023-06-01";

/// A server that speaks the dialect, and what is peculiar to it. It is data: take the one that is nearest and change
/// what differs.
///
/// ```
/// use victor_anthropic::{AnthropicProvider, Server};
///
/// let provider = AnthropicProvider::builder().server(Server::DEEPSEEK).api_key("sk-...").build()?;
/// # Ok::<(), victor_provider_protocol::ProviderError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// Its name, for example `deepseek`.
    pub name: &'static str,
    /// Address of its API, up to `/v1/messages`.
    pub base_url: &'static str,
    /// Other hosts at which it is known to be.
    pub hosts: &'static [&'static str],
    /// The variable of the environment that holds the key; none for servers that need no key.
    pub key_variable: Option<&'static str>,
    /// In what it differs from Anthropic's own.
    pub quirks: Quirks,
}

/// In what servers differ that speak the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirks {
    /// In which header the API key is sent.
    pub key_header: KeyHeader,
    /// Whether prompts are cached where they are marked. Other servers ignore the marks, or refuse them.
    pub prompt_caching: bool,
}

impl Quirks {
    const ANTHROPIC: Self = Self {
        key_header: KeyHeader::Named("x-api-key"),
        prompt_caching: true,
    };

    const BEARER: Self = Self {
        key_header: KeyHeader::Bearer,
        ..Self::ANTHROPIC
    };

    const UNMARKED: Self = Self {
        prompt_caching: false,
        ..Self::ANTHROPIC
    };
}

impl Server {
    /// Anthropic itself.
    pub const ANTHROPIC: Self = hosted(
        "anthropic",
        "https://api.anthropic.com",
        "ANTHROPIC_API_KEY",
    );
    /// DeepSeek, which caches prompts unasked: <https://api-docs.deepseek.com/guides/anthropic_api>.
    pub const DEEPSEEK: Self = Self {
        quirks: Quirks::UNMARKED,
        ..hosted(
            "deepseek",
            "https://api.deepseek.com/anthropic",
            "DEEPSEEK_API_KEY",
        )
    };
    /// Kimi, of Moonshot AI: <https://platform.moonshot.ai/docs/guide/agent-support>.
    pub const KIMI: Self = Self {
        hosts: &["api.moonshot.cn", "api.kimi.com"],
        quirks: Quirks::BEARER,
        ..hosted(
            "kimi",
            "https://api.moonshot.ai/anthropic",
            "MOONSHOT_API_KEY",
        )
    };
    /// MiniMax: <https://platform.minimax.io/docs/api-reference/text-anthropic-api>.
    pub const MINIMAX: Self = Self {
        hosts: &["api.minimaxi.com"],
        ..hosted(
            "minimax",
            "https://api.minimax.io/anthropic",
            "MINIMAX_API_KEY",
        )
    };
    /// GLM, of z.ai: <https://docs.z.ai/devpack/tool/claude>.
    pub const ZAI: Self = Self {
        hosts: &["open.bigmodel.cn"],
        quirks: Quirks::BEARER,
        ..hosted("zai", "https://api.z.ai/api/anthropic", "ZAI_API_KEY")
    };
    /// A server of which nothing is known but its address, which is still to be set.
    pub const COMPATIBLE: Self = Self {
        key_variable: None,
        ..hosted("anthropic-compatible", "", "")
    };

    /// All that are known.
    pub const ALL: [Self; 5] = [
        Self::ANTHROPIC,
        Self::DEEPSEEK,
        Self::KIMI,
        Self::MINIMAX,
        Self::ZAI,
    ];

    /// The server of this name, for example `kimi`.
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
    pub(crate) fn endpoint(&self) -> ApiServer<'static> {
        ApiServer::new(DIALECT, self.base_url, error::of_refused)
            .with_hosts(self.hosts)
            .with_key(self.key_variable, self.quirks.key_header)
            .with_methods(&["/messages", "/v1"])
            .with_header("anthropic-version", VERSION)
    }
}

const fn hosted(name: &'static str, base_url: &'static str, key_variable: &'static str) -> Server {
    Server {
        name,
        base_url,
        hosts: &[],
        key_variable: Some(key_variable),
        quirks: Quirks::ANTHROPIC,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_found_by_name_and_by_address() {
        for server in Server::ALL {
            assert_eq!(Server::named(server.name), Some(server));
            assert_eq!(Server::at(server.base_url), server);
        }
        assert_eq!(
            Server::at("https://api.moonshot.cn/anthropic/v1"),
            Server::KIMI
        );
        assert_eq!(Server::at("http://localhost:8080"), Server::COMPATIBLE);
        assert_eq!(Server::named("nobody"), None);
    }
}
