//! No selection.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::ToolSpec;
use victor_tool_selection_protocol::{SelectionError, SelectionRequest, ToolSelectionStrategy};

/// The strategy `all`, for which one tool is as good as another.
///
/// By it, nothing is chosen: the coordinator shows every tool, whatever its own limit is. The limit of a
/// request holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct All;

impl All {
    /// The strategy's name.
    pub const NAME: &str = "all";
}

#[async_trait]
impl ToolSelectionStrategy for All {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn score(
        &self,
        _request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        Ok(vec![1.0; tools.len()])
    }
}
