//! Contracts of configuration: settings, the sources that provide them and their loader.
//!
//! - [`Settings`] are the typed values that a session runs with; each is declared once, as a [`Setting`] with its
//!   scope, range and documentation.
//! - [`ConfigProvider`] is a source of values for single sessions: a database, a service, a table of experiments.
//! - [`ConfigLoader`] is the role of the coordinator that merges all sources and knows where each value came from.
//! - [`ConfigObserver`] hears when the values for every session change.
//!
//! # A provider
//!
//! ```
//! use async_trait::async_trait;
//! use serde_json::json;
//! use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
//! use victor_core::SessionId;
//!
//! /// Gives the sessions of one tenant more rounds of tool calls.
//! #[derive(Debug)]
//! struct Tenant(&'static str);
//!
//! #[async_trait]
//! impl ConfigProvider for Tenant {
//!     fn name(&self) -> &str {
//!         "tenant"
//!     }
//!
//!     fn priority(&self) -> i32 {
//!         100
//!     }
//!
//!     async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
//!         Ok(match session.as_str().starts_with(self.0) {
//!             true => ConfigMap::from_iter([("max_tool_iterations".into(), json!(50))]),
//!             false => ConfigMap::new(), // the next provider answers
//!         })
//!     }
//! }
//! ```

mod effective;
mod error;
mod future;
mod loader;
mod observer;
mod provider;
mod setting;
mod settings;

#[doc(no_inline)]
pub use victor_core as core;

pub use effective::{ConfigSource, EffectiveConfig};
pub use error::ConfigError;
pub use future::ConfigFuture;
pub use loader::ConfigLoader;
#[cfg(feature = "mock")]
pub use loader::MockConfigLoader;
#[cfg(feature = "mock")]
pub use observer::MockConfigObserver;
pub use observer::{ConfigChange, ConfigObserver};
#[cfg(feature = "mock")]
pub use provider::MockConfigProvider;
pub use provider::{ConfigMap, ConfigProvider};
pub use setting::{Setting, SettingKind, SettingRange, SettingScope};
pub use settings::{OutOfRange, Settings};
