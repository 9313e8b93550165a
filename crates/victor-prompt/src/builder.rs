//! Puts a coordinator together.

use std::sync::Arc;

use victor_prompt_protocol::{PromptBuilder, PromptContributor};

use crate::template::Templates;
use crate::{PromptCoordinator, PromptOptions};

/// Puts a [`PromptCoordinator`] together.
#[derive(Debug, Default)]
pub struct PromptCoordinatorBuilder {
    templates: Templates,
    contributors: Vec<Arc<dyn PromptContributor>>,
    options: PromptOptions,
}

impl PromptCoordinatorBuilder {
    /// Adds a base prompt, or replaces the one of this name; [`DEFAULT_TEMPLATE`](crate::DEFAULT_TEMPLATE) names the
    /// one that is used where none is asked for. White space around the text is left out.
    #[must_use]
    pub fn template(mut self, name: impl Into<String>, text: impl AsRef<str>) -> Self {
        self.templates.insert(name.into(), text.as_ref());
        self
    }

    /// Adds a contributor.
    #[must_use]
    pub fn contributor(mut self, contributor: Arc<dyn PromptContributor>) -> Self {
        self.contributors.push(contributor);
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
        let coordinator = PromptCoordinator::with_templates(self.templates, self.options);
        for contributor in self.contributors {
            coordinator.add_contributor(contributor);
        }
        coordinator
    }
}
