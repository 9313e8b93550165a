//! Adapters of Victor's protocols to services on the web, over the one HTTP client of `victor-http`.
//!
//! - [`HttpConfigProvider`] asks an HTTP service for the settings of each session.
//! - [`WebhookExporter`] sends the events of analytics to a webhook, signed.
//! - [`HttpAgent`] talks to an agent behind an HTTP service, such as one to be evaluated.
//! - [`PushgatewayExporter`] pushes their numbers, and metrics, to a Pushgateway of Prometheus.
//!
//! ```no_run
//! use victor_web::HttpConfigProvider;
//!
//! let provider = HttpConfigProvider::builder("https://settings.example.com")
//!     .bearer_token("sk-123")
//!     .build()?; // asks `GET https://settings.example.com/config/{session}`
//! # Ok::<(), victor_web::config::ConfigError>(())
//! ```

mod agent;
mod config_provider;
mod endpoint;
mod pushgateway;
mod webhook;

#[doc(no_inline)]
pub use victor_analytics_protocol as analytics;
#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_config_protocol as config;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_http as http;
#[doc(no_inline)]
pub use victor_metrics_protocol as metrics;

pub use agent::{HttpAgent, HttpAgentBuilder};
pub use config_provider::{HttpConfigProvider, HttpConfigProviderBuilder};
pub use pushgateway::{PushgatewayExporter, PushgatewayExporterBuilder};
pub use webhook::{WebhookExporter, WebhookExporterBuilder};
