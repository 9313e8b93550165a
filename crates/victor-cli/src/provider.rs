//! Providers: the flags that choose one, the search in the environment, and hints against errors.

mod advice;
mod args;
mod closest;
mod environment;
mod memory;
mod vendor;
mod vendors;

pub(crate) use advice::too_large;
pub(crate) use args::{ProviderArgs, SERVER};
pub(crate) use memory::{Memory, PROVIDER};
pub(crate) use vendor::{Opened, Source};
#[cfg(test)]
pub(crate) use vendors::names;
pub(crate) use vendors::secrets;
