//! Whose models are asked: the flags for it, what the environment says, and what helps where a provider fails.

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
