//! OpenAI, and servers that speak Chat Completions or the Responses API.

use std::sync::Arc;

use victor_openai::{Dialect, OpenAiBuilder, Server};
use victor_orchestrator::provider::ChatProvider as _;

use crate::exit::Failure;
use crate::provider::environment::{options, unknown_server, unopened, variable};
use crate::provider::vendor::{OpenRequest, Opened, Source, Vendor, opened_by_key};

/// The variable with the key of the OpenAI API.
const KEY: &str = "OPENAI_API_KEY";

pub(super) const VENDOR: Vendor = Vendor {
    id: "openai",
    about: "OpenAI, with OPENAI_API_KEY, or any server that speaks Chat Completions at --base-url",
    caveat: None,
    only_model: None,
    has_address: true,
    takes_server: true,
    key_variables: || {
        let keys = Server::ALL.into_iter().map(|server| server.key_variable);
        keys.flatten().collect()
    },
    remedy: Some("set OPENAI_API_KEY"),
    detect: Some(|| Box::pin(async { opened_by_key(KEY, || open(&OpenRequest::default(), None)) })),
    open: |request| Box::pin(async move { open(&request, None) }),
    hint: |_, _| None,
};

pub(super) const RESPONSES: Vendor = Vendor {
    id: "openai-responses",
    about: "The same, through the Responses API",
    remedy: None,
    detect: None,
    open: |request| Box::pin(async move { open(&request, Some(Dialect::Responses)) }),
    ..VENDOR
};

fn open(request: &OpenRequest, dialect: Option<Dialect>) -> Result<Opened, Failure> {
    let base_url = request.base_url.as_deref();
    let known = Server::ALL.map(|server| server.name);
    let named = request.server.as_deref();
    let named = named.map(|name| Server::named(name).ok_or_else(|| unknown_server(name, &known)));
    let server = named.transpose()?.or(base_url.map(Server::at));
    let mut builder = OpenAiBuilder::from_env();
    let mut key = KEY;
    if let Some(server) = server {
        // A known server has a key of its own, and is not sent that of OpenAI.
        if let Some(variable) = server.key_variable {
            key = variable;
            builder = OpenAiBuilder::server_from_env(server);
        }
        builder = builder.server(server);
    }
    let given = variable("OPENAI_BASE_URL");
    // The address in the environment is that of a named server which may be anywhere, unless another one is there.
    let is_free = |server: &Server| server.key_variable.is_none() || server.base_url.is_empty();
    let is_meant = !given.is_empty() && Server::at(&given) == Server::COMPATIBLE;
    let url = match (base_url, &server) {
        (Some(url), _) => Some(url),
        (None, Some(server)) if is_meant && is_free(server) => Some(&*given),
        (None, server) => server.map(|server| server.base_url),
    };
    let mut builder = match url {
        Some(url) => builder.base_url(url).http_options(options(url)),
        None => builder.http_options(options(&given)),
    };
    if let Some(dialect) = dialect {
        builder = builder.dialect(dialect);
    }
    let provider = builder.build().map_err(|error| unopened(error, key))?;
    let provider = Arc::new(provider);
    let needs_key = Server::named(provider.name()).is_some_and(|it| it.key_variable.is_some());
    Ok(Opened {
        provider: provider.clone(),
        source: Source {
            key_variable: Some(key),
            models: Some(provider),
            lists_windows: !needs_key,
            ..Source::new(&VENDOR)
        },
        reason: None,
    })
}
