//! The contents that files had before they changed, and the way back to them.

mod file_history;
mod rollback;
mod store;

pub use file_history::{FileHistory, HistoryError};
pub use rollback::RollbackError;
pub(crate) use rollback::rollback;
