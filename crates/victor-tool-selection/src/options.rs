//! How a coordinator selects.

use std::time::Duration;

/// Limits within which a [`ToolSelectionCoordinator`](crate::ToolSelectionCoordinator) works.
///
/// ```
/// use victor_tool_selection::SelectionOptions;
///
/// let options = SelectionOptions { limit: Some(30), ..SelectionOptions::default() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionOptions {
    /// How many tools a model is shown at most, where the request does not say; any number if absent. 20 unless set.
    pub limit: Option<usize>,
    /// How long a strategy may take before tools are shown without it; 5 seconds unless set. Without a tokio runtime
    /// with timers there is no limit.
    pub time_limit: Duration,
    /// Of how many sessions is known what they were shown and what their models have searched for; 10,000 unless set. A
    /// session that is forgotten begins anew with its next selection; those are forgotten first that have not selected
    /// for longest.
    pub max_sessions: usize,
}

impl Default for SelectionOptions {
    fn default() -> Self {
        Self {
            limit: Some(20),
            time_limit: Duration::from_secs(5),
            max_sessions: 10_000,
        }
    }
}
