//! Chooses which of many tools a model is shown: by words, by meaning or by both.

mod builder;
mod contained;
mod coordinator;
mod decide;
mod lists;
mod options;
mod recent;
mod registry;
mod search;
mod sessions;
mod strategies;
mod texts;

pub use builder::ToolSelectionCoordinatorBuilder;
pub use coordinator::ToolSelectionCoordinator;
pub use options::SelectionOptions;
pub use search::{Catalogue, SearchToolsTool};
pub use strategies::{All, Fusion, Hybrid, Keyword, Semantic};
