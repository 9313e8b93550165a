//! Patterns for the paths of files.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use victor_tool_protocol::ToolError;

/// A pattern as a model writes it.
pub(crate) struct Glob {
    matcher: GlobMatcher,
    /// Whether it speaks of the whole path, and not of the name alone.
    whole: bool,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Result<Self, ToolError> {
        let glob = GlobBuilder::new(pattern.trim_start_matches("./"))
            .literal_separator(true)
            .build()
            .map_err(|error| {
                ToolError::InvalidArguments(format!("the glob is not one: {error}"))
            })?;
        Ok(Self {
            matcher: glob.compile_matcher(),
            whole: pattern.contains('/'),
        })
    }

    pub(crate) fn matches(&self, path: &Path) -> bool {
        if self.whole {
            return self.matcher.is_match(path);
        }
        path.file_name()
            .is_some_and(|name| self.matcher.is_match(name))
    }
}
