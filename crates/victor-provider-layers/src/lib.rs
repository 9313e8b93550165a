//! Layers around any model provider: a cache, a log, faults, a canary and hedged requests.
//!
//! Each layer is a [`ChatProvider`](protocol::ChatProvider) around another one, so they stack, the outermost last. A
//! layer keeps the provider's name, by which prices are looked up; its own stands before it in
//! [`description`](protocol::ChatProvider::description), which health shows.
//!
//! ```
//! use std::time::Duration;
//!
//! use victor_provider_layers::protocol::ChatProvider;
//! use victor_provider_layers::{Cached, Hedged, Logged};
//! # use victor_testkit::ScriptedModel;
//! # let provider = ScriptedModel::new();
//!
//! let provider = Cached::new(Logged::new(Hedged::new(provider, Duration::from_secs(5))));
//! assert_eq!(provider.name(), "scripted");
//! assert_eq!(provider.description(), "cached, logged, hedged, scripted");
//! ```
//!
//! - [`Cached`] answers a request that it has seen before.
//! - [`Logged`] writes a line for each request, without its content.
//! - [`FaultInjected`] fails some requests, to see what a program makes of it.
//! - [`Canary`] sends a share of the sessions to another provider.
//! - [`Hedged`] asks a second time when the first answer does not begin.

mod cached;
mod canary;
mod fault_injected;
mod hash;
mod hedged;
mod logged;

pub use cached::{CacheOptions, Cached};
pub use canary::Canary;
pub use fault_injected::{FaultInjected, FaultOptions};
pub use hedged::Hedged;
pub use logged::Logged;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;
