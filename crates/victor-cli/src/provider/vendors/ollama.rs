//! Ollama: where it is, whether it is there, and which of its models answers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio::net::TcpStream;
use tokio::time::timeout;
use victor_openai::protocol::ListModels as _;
use victor_openai::{OpenAiBuilder, OpenAiProvider, Server};
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{ProviderError, ProviderErrorKind};

use crate::exit::Failure;
use crate::provider::environment::{options, variable};
use crate::provider::vendor::{LIST_TIMEOUT, OpenRequest, Opened, Source, Vendor, WhyNot};

/// The variable that says where Ollama is, as Ollama itself reads it.
const HOST: &str = "OLLAMA_HOST";
/// The port of Ollama where none is named.
const PORT: u16 = 11_434;
/// Time limit of looking for Ollama where nobody asked for it.
const SEARCH_TIMEOUT: Duration = Duration::from_millis(300);

pub(super) const VENDOR: Vendor = Vendor {
    id: "ollama",
    about: "Ollama, on this machine or at OLLAMA_HOST",
    caveat: None,
    only_model: None,
    has_address: true,
    takes_server: false,
    key_variables: Vec::new,
    remedy: Some("start Ollama"),
    detect: Some(|| Box::pin(async { Ok(find().await.map_err(WhyNot::Other)) })),
    open: |request| Box::pin(async move { open(&request).await }),
    hint: |kind, model| match kind {
        ProviderErrorKind::NotFound => Some(format!("fetch it with `ollama pull {model}`")),
        ProviderErrorKind::Connection => Some(format!(
            "start it with `ollama serve`, or say where it is with {HOST}"
        )),
        _ => None,
    },
};

/// Ollama where it was chosen. Its first model answers where none is named.
async fn open(request: &OpenRequest) -> Result<Opened, Failure> {
    let address = address(request.base_url.as_deref());
    let model = match request.needs_model {
        false => None,
        true => {
            let listed = first_model(&address, LIST_TIMEOUT).await;
            Some(listed.map_err(|why_not| anyhow!("{why_not}"))?)
        }
    };
    Ok(opened(build(&address, model).map_err(Failure::usage)?))
}

/// Ollama, if it is there and has a model; else why it is no choice.
async fn find() -> Result<Opened, String> {
    let address = address(None);
    let server = address.server();
    // Where nobody listens this is told at once, before there is an HTTP client.
    match timeout(SEARCH_TIMEOUT, TcpStream::connect(&server)).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) | Err(_) => return Err(format!("no Ollama is at {server}")),
    }
    let model = first_model(&address, SEARCH_TIMEOUT).await?;
    let provider = build(&address, Some(model)).map_err(|error| error.to_string())?;
    let reason = Some(format!("because Ollama is at {server}"));
    Ok(Opened {
        reason,
        ..opened(provider)
    })
}

fn opened(provider: Arc<OpenAiProvider>) -> Opened {
    Opened {
        provider: provider.clone(),
        source: Source {
            models: Some(provider),
            ..Source::new(&VENDOR)
        },
        reason: None,
    }
}

/// The model that was changed last, which Ollama names first, among those that can answer.
async fn first_model(address: &Address, time: Duration) -> Result<ModelId, String> {
    let server = address.server();
    let provider = build(address, None).map_err(|error| error.to_string())?;
    let models = match timeout(time, provider.models()).await {
        Ok(Ok(models)) => models,
        Ok(Err(error)) if error.kind == ProviderErrorKind::Connection => {
            return Err(format!(
                "no Ollama is at {server}: start it with `ollama serve`, or say where it is with {HOST}"
            ));
        }
        Ok(Err(error)) => {
            return Err(format!(
                "Ollama at {server} does not list its models: {}",
                error.message
            ));
        }
        Err(_) => return Err(format!("Ollama at {server} does not answer")),
    };
    let answers = |model: &ModelId| !model.as_str().contains("embed");
    let first = models.into_iter().find(answers);
    first.ok_or_else(|| format!("Ollama at {server} has no model: fetch one with `ollama pull`"))
}

fn build(address: &Address, model: Option<ModelId>) -> Result<Arc<OpenAiProvider>, ProviderError> {
    let url = address.base_url();
    let mut builder = OpenAiBuilder::server_from_env(Server::OLLAMA)
        .http_options(options(&url))
        .base_url(url);
    if let Some(model) = model {
        builder = builder.default_model(model);
    }
    Ok(Arc::new(builder.build()?))
}

/// The address of Ollama.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    scheme: String,
    host: String,
    port: u16,
    path: String,
}

fn address(base_url: Option<&str>) -> Address {
    match base_url {
        Some(url) => Address::parse(url),
        None => Address::parse(&variable(HOST)),
    }
}

impl Address {
    /// Reads what may stand in `OLLAMA_HOST`: `host`, `host:port`, `:port`, or a URL.
    fn parse(text: &str) -> Self {
        let text = text.trim().trim_matches(['"', '\'']);
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port = match (text.contains("://"), scheme) {
            (true, "http") => 80,
            (true, "https") => 443,
            _ => PORT,
        };
        // The colons of an IPv6 address are in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, digits)) if !digits.contains(']') => (host, digits.parse().unwrap_or(port)),
            _ => (authority, port),
        };
        // What a server listens on is not where a client finds it.
        let host = match host {
            "" | "0.0.0.0" | "[::]" => "127.0.0.1",
            host => host,
        };
        let path = path.trim_end_matches('/');
        let path = path
            .strip_suffix("v1")
            .unwrap_or(path)
            .trim_end_matches('/');
        Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        }
    }

    fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn base_url(&self) -> String {
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!("{}://{}{slash}{}/v1", self.scheme, self.server(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, server: &str, base_url: &str) {
        let address = Address::parse(text);
        assert_eq!(
            (&*address.server(), &*address.base_url()),
            (server, base_url),
            "{text}"
        );
    }

    #[test]
    fn addresses_are_read_as_ollama_reads_them() {
        check("", "127.0.0.1:11434", "http://127.0.0.1:11434/v1");
        check("0.0.0.0", "127.0.0.1:11434", "http://127.0.0.1:11434/v1");
        check(":5000", "127.0.0.1:5000", "http://127.0.0.1:5000/v1");
        check("\"box:5000\"", "box:5000", "http://box:5000/v1");
        check("box", "box:11434", "http://box:11434/v1");
        check("[::1]:5000", "[::1]:5000", "http://[::1]:5000/v1");
        check("[::1]", "[::1]:11434", "http://[::1]:11434/v1");
        check(
            "https://ollama.example",
            "ollama.example:443",
            "https://ollama.example:443/v1",
        );
        check(
            "http://localhost:11434/v1/",
            "localhost:11434",
            "http://localhost:11434/v1",
        );
        check("http://gate:8/ollama/", "gate:8", "http://gate:8/ollama/v1");
    }
}
