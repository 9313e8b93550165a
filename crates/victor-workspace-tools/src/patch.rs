//! Unified diffs: read, applied and written.

mod apply_hunks;
pub(crate) mod apply_patch;
mod diff;
mod names;
mod parse;

pub(crate) use apply_hunks::nearest;
pub(crate) use diff::{Extent, header, hunks};
pub(crate) use names::quoted;
