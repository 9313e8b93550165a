//! Providers that need nothing but this machine.

mod environment;
mod file;
mod fixed;

pub use environment::EnvironmentConfigProvider;
pub use file::FileConfigProvider;
pub use fixed::StaticConfigProvider;
