//! Whose models are asked: the flags for it, what the environment says, and what helps where a provider fails.

mod advice;
mod anthropic;
mod args;
mod closest;
mod environment;
mod memory;
mod offline;
mod ollama;
mod openai;
mod table;
mod vendor;

pub(crate) use advice::too_large;
pub(crate) use args::{ProviderArgs, SERVER};
pub(crate) use memory::{Memory, PROVIDER};
#[cfg(test)]
pub(crate) use table::names;
pub(crate) use table::secrets;
pub(crate) use vendor::{Opened, Source};
