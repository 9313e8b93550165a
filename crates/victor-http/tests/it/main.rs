//! The behaviour of the HTTP client and of the decoder of events, through their public API.

mod address_policy;
mod client;
mod endpoint;
mod events;
mod http2;
mod recordings;
mod server;
mod sse;
mod tls;
#[cfg(unix)]
mod ways;
