//! Puts a coordinator together.

use std::sync::Arc;

use serde_json::Value;
use victor_context_protocol::TokenCounter;
use victor_prompt_protocol::{PromptBuilder, PromptContributor, PromptRenderer, PromptSource};

use crate::base::BasePrompts;
use crate::{CachedPromptSource, PromptCoordinator, PromptOptions};

/// Puts a [`PromptCoordinator`] together.
#[derive(Debug, Default)]
pub struct PromptCoordinatorBuilder {
    bases: BasePrompts,
    sources: Vec<Arc<dyn PromptSource>>,
    contributors: Vec<Arc<dyn PromptContributor>>,
    counter: Option<Arc<dyn TokenCounter>>,
    options: PromptOptions,
}

impl PromptCoordinatorBuilder {
    /// Adds a base prompt, or replaces the one of this name; [`DEFAULT_TEMPLATE`](crate::DEFAULT_TEMPLATE) names the
    /// one that is used where none is asked for. White space around the text is left out.
    #[must_use]
    pub fn template(mut self, name: impl Into<String>, text: impl AsRef<str>) -> Self {
        self.bases.templates.insert(name.into(), text.as_ref());
        self
    }

    /// Adds a source of base prompts. A base prompt is looked for in the sources, in the order in which they were
    /// added, and then among the [templates](Self::template), which stand in as long as a source cannot be reached.
    /// What a source returns is kept for [`PromptOptions::source_ttl`], as [`CachedPromptSource`] tells.
    #[must_use]
    pub fn source(mut self, source: impl PromptSource) -> Self {
        self.sources.push(Arc::new(source));
        self
    }

    /// Has base prompts rendered by this template language, with the facts of the context and the
    /// [variables](Self::variable). Without one, a base prompt is used as it is.
    #[must_use]
    pub fn renderer(mut self, renderer: impl PromptRenderer) -> Self {
        self.bases.renderer = Some(Arc::new(renderer));
        self
    }

    /// Sets a variable of templates. It stands above a fact of the context of the same name.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.bases.variables.insert(name.into(), value.into());
        self
    }

    /// Adds a contributor.
    #[must_use]
    pub fn contributor(mut self, contributor: impl PromptContributor) -> Self {
        self.contributors.push(Arc::new(contributor));
        self
    }

    /// Sets the counter that [`PromptOptions::contribution_tokens`] goes by. Without one, four bytes are a token.
    #[must_use]
    pub fn token_counter(mut self, counter: impl TokenCounter) -> Self {
        self.counter = Some(Arc::new(counter));
        self
    }

    /// Sets the options.
    #[must_use]
    pub fn options(mut self, options: PromptOptions) -> Self {
        self.options = options;
        self
    }

    /// The coordinator.
    #[must_use]
    pub fn build(self) -> PromptCoordinator {
        let mut bases = self.bases;
        let sources = self.sources.into_iter();
        bases.sources = sources
            .map(|source| CachedPromptSource::new(source, &self.options))
            .collect();
        let coordinator = PromptCoordinator::from_parts(bases, self.counter, self.options);
        for contributor in self.contributors {
            coordinator.add_contributor(contributor);
        }
        coordinator
    }
}
