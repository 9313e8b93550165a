//! The extension point for tool selection.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::ToolSpec;

use crate::{SelectionError, SelectionRequest};

/// Says how well tools fit a request.
///
/// Implemented by whoever knows a way to tell; called by the [`ToolSelector`](crate::ToolSelector) before a turn, from
/// many tasks at once. It must not block the thread for long. If it fails, panics, takes too long or returns scores
/// that break the rules below, the selector shows all tools up to the limit, and health shows the reason.
///
/// The same tools are asked about again and again, as a rule in the same list: what can be computed from them alone is
/// worth keeping, for a few lists.
///
/// # Cancel safety
///
/// A call is cancelled by dropping its future; what it has kept by then must be whole.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ToolSelectionStrategy: fmt::Debug + Send + Sync + 'static {
    /// The strategy's name, as settings and reports show it.
    fn name(&self) -> &str;

    /// Scores each tool by how well it fits: one score for each of `tools`, in their order. Scores are finite and not
    /// negative; 0 means that the tool has nothing to do with the request, and more is better. They compare with each
    /// other and with no other call's. Equal requests have equal scores.
    ///
    /// # Errors
    ///
    /// It cannot tell.
    async fn score(
        &self,
        request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: ToolSelectionStrategy + ?Sized> ToolSelectionStrategy for Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        async fn score<'a, 'b>(
            &self,
            request: &'a SelectionRequest,
            tools: &'b Arc<[ToolSpec]>,
        ) -> Result<Vec<f32>, SelectionError>;
    }
}
