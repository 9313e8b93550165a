//! The tools that read, search, write and edit files.

pub(crate) mod edit;
pub(crate) mod find;
mod glob;
mod ignored;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod search;
mod walk;
pub(crate) mod write;
