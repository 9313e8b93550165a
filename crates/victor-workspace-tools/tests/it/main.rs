//! The behaviour of the workspace tools, through their public API.

mod budget;
#[cfg(unix)]
mod commands;
mod confinement;
mod conformance;
mod edit;
mod encodings;
#[cfg(feature = "fetch")]
mod fetch;
mod find;
mod history;
mod list;
mod patch;
mod preview;
mod read;
#[cfg(unix)]
mod replace;
mod search;
mod support;
mod write;
