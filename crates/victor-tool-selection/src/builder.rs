//! The builder of a coordinator.

use std::collections::BTreeSet;
use std::sync::Arc;

use victor_embedding_protocol::Embedder;
use victor_lexical::LexicalEmbedder;
use victor_tool_selection_protocol::{SelectionError, ToolSelectionStrategy};

use crate::registry::Registry;
use crate::{
    All, Fusion, Hybrid, Keyword, SearchToolsTool, SelectionOptions, Semantic,
    ToolSelectionCoordinator,
};

/// Makes a [`ToolSelectionCoordinator`].
#[derive(Debug)]
pub struct ToolSelectionCoordinatorBuilder {
    options: SelectionOptions,
    strategy: String,
    strategies: Vec<Arc<dyn ToolSelectionStrategy>>,
    embedder: Arc<dyn Embedder>,
    alpha: f32,
    fusion: Fusion,
    pinned: BTreeSet<String>,
}

impl Default for ToolSelectionCoordinatorBuilder {
    fn default() -> Self {
        Self {
            options: SelectionOptions::default(),
            strategy: Hybrid::NAME.to_owned(),
            strategies: Vec::new(),
            embedder: Arc::new(LexicalEmbedder::default()),
            alpha: Hybrid::ALPHA,
            fusion: Fusion::default(),
            pinned: BTreeSet::from([SearchToolsTool::NAME.to_owned()]),
        }
    }
}

impl ToolSelectionCoordinatorBuilder {
    /// Sets the limits within which it works.
    #[must_use]
    pub fn options(mut self, options: SelectionOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the name of the strategy that is used at first. Defaults to `hybrid`.
    #[must_use]
    pub fn strategy(mut self, name: impl Into<String>) -> Self {
        self.strategy = name.into();
        self
    }

    /// Adds a strategy beside those that there are.
    #[must_use]
    pub fn register_strategy(mut self, strategy: Arc<dyn ToolSelectionStrategy>) -> Self {
        self.strategies.push(strategy);
        self
    }

    /// Sets the embedder of `semantic` and `hybrid`. Defaults to the [`LexicalEmbedder`], which needs no model.
    #[must_use]
    pub fn embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = embedder;
        self
    }

    /// Sets the weight of meaning in `hybrid`, from 0 to 1. Defaults to 0.7. See [`Hybrid::with_alpha`].
    #[must_use]
    pub fn alpha(mut self, alpha: f32) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets the way in which `hybrid` makes one score of two. Defaults to [`Fusion::Scores`].
    #[must_use]
    pub fn fusion(mut self, fusion: Fusion) -> Self {
        self.fusion = fusion;
        self
    }

    /// Shows the tool of this name in every selection. [`SearchToolsTool`] is pinned from the start.
    #[must_use]
    pub fn pin(mut self, tool: impl Into<String>) -> Self {
        self.pinned.insert(tool.into());
        self
    }

    /// The coordinator.
    ///
    /// # Errors
    ///
    /// There is no strategy of the name that was set, or two have the same name.
    pub fn build(self) -> Result<ToolSelectionCoordinator, SelectionError> {
        let keyword = Arc::new(Keyword::default());
        let semantic = Arc::new(Semantic::new(self.embedder));
        let hybrid = Hybrid::new(keyword.clone(), semantic.clone())
            .with_alpha(self.alpha)
            .with_fusion(self.fusion);
        let registry = Registry::new(Arc::new(hybrid))?;
        let others: [Arc<dyn ToolSelectionStrategy>; 3] = [keyword, semantic, Arc::new(All)];
        for strategy in others.into_iter().chain(self.strategies) {
            registry.add(strategy)?;
        }
        registry.choose(&self.strategy)?;
        Ok(ToolSelectionCoordinator::new(
            self.options,
            registry,
            self.pinned,
        ))
    }
}
