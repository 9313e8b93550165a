//! The coordinator of prompts.

use std::iter;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use tracing::warn;
use victor_core::{Coordinator, Health, Problems, UnknownName, contain_sync, with_causes};
use victor_guard::{Plugin, Plugins, call};
use victor_prompt_protocol::{
    BuiltPrompt, Contribution, Omission, PromptBuilder, PromptContext, PromptContributor,
};

use crate::template::{DEFAULT_TEMPLATE, Templates};
use crate::texts::Texts;
use crate::{PromptCoordinatorBuilder, PromptOptions};

/// Separator of the sections of a prompt.
const SEPARATOR: &str = "\n\n";

/// Builds system prompts from a base prompt and the sections of contributors.
///
/// Contributors are asked side by side, and their sections stand in order of priority, whoever answered first. What
/// is left out of a prompt is named in [`BuiltPrompt::omissions`], and health is degraded until the contributor works
/// again.
///
/// ```
/// use victor_prompt::{DEFAULT_PROMPT, PromptCoordinator};
/// use victor_prompt_protocol::{PromptBuilder, PromptContext};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let prompt = PromptCoordinator::new([]).build_system_prompt(&PromptContext::new()).await;
/// assert_eq!(&*prompt.text, DEFAULT_PROMPT);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct PromptCoordinator {
    templates: Templates,
    options: PromptOptions,
    contributors: Plugins<dyn PromptContributor>,
    texts: Texts,
    problems: Problems,
}

impl PromptCoordinator {
    /// A coordinator with the built-in base prompt and these contributors.
    #[must_use]
    pub fn new<const N: usize>(contributors: [Arc<dyn PromptContributor>; N]) -> Self {
        let coordinator = Self::default();
        for contributor in contributors {
            coordinator.add_contributor(contributor);
        }
        coordinator
    }

    /// Puts a coordinator together from base prompts, contributors and options.
    #[must_use]
    pub fn builder() -> PromptCoordinatorBuilder {
        PromptCoordinatorBuilder::default()
    }

    pub(crate) fn with_templates(templates: Templates, options: PromptOptions) -> Self {
        Self {
            templates,
            options,
            ..Self::default()
        }
    }

    /// The base prompt that the context asks for, or else the default one and a remark.
    fn base(&self, context: &PromptContext) -> (Arc<str>, Option<Omission>) {
        const PART: &str = "system_prompt_template";
        let Some(name) = context.template() else {
            return (self.templates.default_text(), None);
        };
        if let Some(text) = self.templates.get(name) {
            self.problems.clear(PART);
            return (Arc::clone(text), None);
        }
        let unknown = UnknownName::new("template", name, self.templates.names());
        let reason = format!("`{DEFAULT_TEMPLATE}` stands in: {unknown}");
        warn!(template = name, "there is no such prompt template");
        self.problems.report(PART, &reason);
        (
            self.templates.default_text(),
            Some(Omission::new(format!("template {name}"), reason)),
        )
    }

    /// Asks one contributor, and keeps health up to date.
    async fn ask(
        &self,
        contributor: &Plugin<dyn PromptContributor>,
        context: &PromptContext,
    ) -> Result<Contribution, Omission> {
        let answer = call(self.options.contributor_timeout, || {
            contributor.inner().get_contribution(context)
        });
        let reason = match answer.await {
            Ok(Ok(contribution)) => {
                self.problems.clear(contributor.name());
                return Ok(contribution);
            }
            Ok(Err(error)) => with_causes(&error),
            Err(fault) => fault.to_string(),
        };
        warn!(
            contributor = contributor.name(),
            reason, "prompt contributor left out"
        );
        self.problems.report(contributor.name(), &reason);
        Err(Omission::new(contributor.name(), reason))
    }
}

#[async_trait]
impl Coordinator for PromptCoordinator {
    fn name(&self) -> &str {
        "prompt"
    }

    fn health(&self) -> Health {
        self.problems.health(self.name())
    }
}

#[async_trait]
impl PromptBuilder for PromptCoordinator {
    async fn build_system_prompt(&self, context: &PromptContext) -> BuiltPrompt {
        let (base, omission) = self.base(context);
        let mut omissions = Vec::from_iter(omission);
        let contributors = self.contributors.list();
        let answers = join_all(
            contributors
                .iter()
                .map(|contributor| self.ask(contributor, context)),
        )
        .await;
        let mut sections = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer {
                Ok(contribution) => sections.push(contribution),
                Err(omission) => omissions.push(omission),
            }
        }
        let sections = sections.iter().map(Contribution::text);
        let parts: Vec<_> = iter::once(&*base)
            .chain(sections)
            .filter(|part| !part.is_empty())
            .collect();
        let text = match parts[..] {
            [] => base,
            [only] if only == &*base => base,
            _ => self
                .texts
                .share(parts.join(SEPARATOR), self.options.shared_texts),
        };
        BuiltPrompt::new(text, omissions)
    }

    fn add_contributor(&self, contributor: Arc<dyn PromptContributor>) {
        let described = contain_sync(|| (contributor.name().to_owned(), contributor.priority()));
        let (name, priority) = described.unwrap_or_else(|panicked| {
            warn!(%panicked, "a prompt contributor cannot say its name and priority");
            ("unnamed".into(), 50)
        });
        // Health tells contributors apart by name.
        self.contributors
            .add_numbered(&name, priority, |_| contributor);
    }

    fn remove_contributor(&self, name: &str) -> bool {
        let removed = self.contributors.remove(name).is_some();
        if removed {
            self.problems.clear(name);
        }
        removed
    }

    fn templates(&self) -> Vec<String> {
        self.templates.names()
    }
}
