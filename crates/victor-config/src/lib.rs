//! Loads layered settings from defaults, file, environment, code and providers, and knows the source of each.
//!
//! [`ConfigCoordinator`] plays the role of [`ConfigLoader`](victor_config_protocol::ConfigLoader). Values come in
//! layers, and a later layer beats an earlier one key by key:
//!
//! 1. the defaults of [`Settings`](victor_config_protocol::Settings);
//! 2. files, in TOML, YAML or JSON by the ending of their name (YAML with the feature `yaml`, on by default);
//! 3. the environment: `VICTOR_` and the key in capitals;
//! 4. the program's own code;
//! 5. for one session, the answers of the [`ConfigProvider`](victor_config_protocol::ConfigProvider)s.
//!
//! Nothing is accepted silently. An unknown key is an error that names the source and the closest known key, and a
//! value that does not fit is one that names the key, the source and what is expected.
//!
//! ```
//! use victor_config::ConfigCoordinator;
//! use victor_config_protocol::ConfigLoader;
//!
//! let config = ConfigCoordinator::builder()
//!     .environment([("VICTOR_MAX_TOOL_ITERATIONS", "5")]) // a program passes `std::env::vars_os()`
//!     .set("temperature", 0.2)
//!     .build()?;
//!
//! assert_eq!(config.config().settings.max_tool_iterations, 5);
//! assert_eq!(
//!     config.explain("max_tool_iterations")?.to_string(),
//!     "max_tool_iterations = 5 from environment variable VICTOR_MAX_TOOL_ITERATIONS",
//! );
//!
//! let error = ConfigCoordinator::builder().set("max_iterations", 5).build().unwrap_err();
//! assert_eq!(error.to_string(), "unknown setting `max_iterations` in code: did you mean `max_tool_iterations`?");
//! # Ok::<(), victor_config_protocol::ConfigError>(())
//! ```
//!
//! # How values are merged
//!
//! A key's value replaces that of the layers below. Only `extra`, which holds the program's own values, is merged by
//! its inner keys, however deep; a source of one of these is known as `extra.` and its path.
//!
//! Of several files, later ones beat earlier ones. A program that has both reads the project's file and then the
//! user's: a project's file may have come with the project, and the last word is the user's.
//!
//! # Providers
//!
//! [`StaticConfigProvider`], [`EnvironmentConfigProvider`] and [`FileConfigProvider`] are here; those of services and
//! databases are in the crates `victor-web` and `victor-sql`.
//!
//! # Reloading
//!
//! A [`reload`](victor_config_protocol::ConfigLoader::reload) reads the files again, on request or when
//! [they change](ConfigOptions::watch_interval). Values that are right are put in force all at once, and a
//! [`ConfigObserver`](victor_config_protocol::ConfigObserver) hears of them; where something is wrong, all old values
//! stay in force, and health shows what it is.
//!
//! # Runtime
//!
//! Everything runs anywhere. The time limit of providers needs a tokio runtime with its clock enabled; without one, a
//! provider may take as long as it likes.

mod builder;
mod cache;
mod coordinator;
mod environment;
mod explain;
mod file;
mod layer;
mod options;
mod origin;
mod providers;
mod resolve;
mod shared;
mod sources;
mod watch;

#[doc(no_inline)]
pub use victor_config_protocol as protocol;
#[doc(no_inline)]
pub use victor_core as core;

pub use builder::ConfigCoordinatorBuilder;
pub use coordinator::ConfigCoordinator;
pub use explain::Explanation;
pub use options::{ConfigOptions, Resolution};
pub use providers::{EnvironmentConfigProvider, FileConfigProvider, StaticConfigProvider};
