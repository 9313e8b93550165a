//! The results of calls: cut to the limit of output, kept in full, given again.

mod cache;
mod output;
mod read_result;
mod stores;

pub(crate) use cache::{Cache, Cached, Key};
pub(crate) use read_result::ReadResult;
pub(crate) use stores::Stores;
