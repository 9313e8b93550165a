//! Sections that need no files of others.

mod code_style;
mod compliance;
mod environment;
mod identity;
mod language;
mod modes;
mod task_hints;
mod tool_guide;

pub use code_style::CodeStyle;
pub use compliance::Compliance;
pub use environment::Environment;
pub use identity::Identity;
pub use language::UserLanguage;
pub use modes::ModeGuide;
pub use task_hints::{TaskHints, TaskKind};
pub use tool_guide::ToolGuide;
