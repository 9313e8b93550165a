//! The Anthropic API, and servers that speak its dialect.

use std::sync::Arc;

use victor_anthropic::{AnthropicBuilder, Server};

use crate::exit::Failure;
use crate::provider::environment::{options, unknown_server, unopened, variable};
use crate::provider::vendor::{OpenRequest, Opened, Source, Vendor, opened_by_key};

/// The variable with the key of the Anthropic API.
const KEY: &str = "ANTHROPIC_API_KEY";

pub(super) const VENDOR: Vendor = Vendor {
    id: "anthropic",
    about: "The Anthropic API, with ANTHROPIC_API_KEY",
    caveat: None,
    only_model: None,
    has_address: true,
    takes_server: true,
    key_variables: || {
        let keys = Server::ALL.into_iter().map(|server| server.key_variable);
        keys.flatten().chain(["ANTHROPIC_AUTH_TOKEN"]).collect()
    },
    remedy: Some("set ANTHROPIC_API_KEY"),
    detect: Some(|| Box::pin(async { opened_by_key(KEY, || open(&OpenRequest::default())) })),
    open: |request| Box::pin(async move { open(&request) }),
    hint: |_, _| None,
};

fn open(request: &OpenRequest) -> Result<Opened, Failure> {
    let base_url = request.base_url.as_deref();
    let known = Server::ALL.map(|server| server.name);
    let named = request.server.as_deref();
    let named = named.map(|name| Server::named(name).ok_or_else(|| unknown_server(name, &known)));
    let server = named.transpose()?.or(base_url.map(Server::at));
    let mut builder = AnthropicBuilder::from_env();
    let mut key = KEY;
    if let Some(server) = server {
        // A known server has a key of its own, and is not sent that of Anthropic.
        if let Some(variable) = server.key_variable.filter(|variable| *variable != KEY) {
            key = variable;
            builder = AnthropicBuilder::server_from_env(server);
        }
        builder = builder.server(server);
    }
    // What the environment says of the address is in the builder, and is of no server that is named here.
    let url = base_url.or(server.map(|server| server.base_url));
    let builder = match url {
        Some(url) => builder.base_url(url).http_options(options(url)),
        None => builder.http_options(options(&variable("ANTHROPIC_BASE_URL"))),
    };
    let provider = builder.build().map_err(|error| unopened(error, key))?;
    let provider = Arc::new(provider);
    Ok(Opened {
        provider: provider.clone(),
        source: Source {
            key_variable: Some(key),
            models: Some(provider),
            ..Source::new(&VENDOR)
        },
        reason: None,
    })
}
