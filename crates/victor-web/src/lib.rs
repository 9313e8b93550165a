//! Adapters of Victor's protocols to services on the web, over the one HTTP client of `victor-http`.
//!
//! - [`HttpConfigProvider`] asks an HTTP service for the settings of each session.
//!
//! ```no_run
//! use victor_web::HttpConfigProvider;
//!
//! let provider = HttpConfigProvider::builder("https://settings.example.com")
//!     .bearer_token("sk-123")
//!     .build()?; // asks `GET https://settings.example.com/config/{session}`
//! # Ok::<(), victor_web::config::ConfigError>(())
//! ```

mod config_provider;
mod endpoint;

#[doc(no_inline)]
pub use victor_config_protocol as config;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_http as http;

pub use config_provider::{HttpConfigProvider, HttpConfigProviderBuilder};
