//! The behaviour of the HTTP client and of the decoder of events, through their public API.

mod client;
mod events;
mod http2;
mod reach;
mod recordings;
mod server;
mod sse;
mod tls;
#[cfg(unix)]
mod ways;
