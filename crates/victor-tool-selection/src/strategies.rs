//! The strategies that come with the coordinator.

mod all;
mod hybrid;
mod keyword;
mod semantic;

pub use all::All;
pub use hybrid::{Fusion, Hybrid};
pub use keyword::Keyword;
pub use semantic::Semantic;
