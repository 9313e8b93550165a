//! Places of steps in a run.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The place of a step in a run: `review`, or `files/3/summarize` for the step `summarize` of the item 3 of the map
/// `files`. Numbers are those of items and repetitions, from 0; a sub-workflow is number 0 of its step.
///
/// Cloning shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(Arc<str>);

impl StepPath {
    /// Takes a text as it is.
    pub fn new(path: impl Into<Arc<str>>) -> Self {
        Self(path.into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the place of a step within this item, repetition or sub-workflow.
    #[must_use]
    pub fn step(&self, id: &str) -> Self {
        Self(format!("{}/{id}", self.0).into())
    }

    /// Returns the place of an item or a repetition of this step.
    #[must_use]
    pub fn number(&self, number: u32) -> Self {
        Self(format!("{}/{number}", self.0).into())
    }

    /// Returns the place of the call that undoes this step.
    #[must_use]
    pub fn compensation(&self) -> Self {
        self.step(Self::UNDO)
    }

    /// Returns the step that this call undoes, if it is one.
    #[must_use]
    pub fn compensated(&self) -> Option<Self> {
        let step = self.0.strip_suffix(Self::UNDO)?.strip_suffix('/')?;
        Some(Self::new(step))
    }

    const UNDO: &str = "~undo";
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl From<&str> for StepPath {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_nested() {
        let step = StepPath::new("files").number(3).step("summarize");
        assert_eq!(step.as_str(), "files/3/summarize");
        let undo = step.compensation();
        assert_eq!(undo.as_str(), "files/3/summarize/~undo");
        assert_eq!((undo.compensated(), step.compensated()), (Some(step), None));
    }
}
