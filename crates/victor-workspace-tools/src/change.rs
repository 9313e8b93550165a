//! Changes of files: planned first, then shown, or made as a whole.

#[cfg(unix)]
mod attributes;
mod change_tool;
mod commit;
mod place;
mod temporary;

pub(crate) use change_tool::{Change, ChangeTool, Plan};
pub(crate) use commit::{Step, commit};
pub(crate) use place::{Content, Place};
