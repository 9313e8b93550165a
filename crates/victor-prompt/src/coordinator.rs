//! The coordinator of prompts.

use std::sync::Arc;

use async_trait::async_trait;
use tracing::warn;
use victor_context_protocol::TokenCounter;
use victor_core::{Coordinator, Health, Lock, Problems, SessionId, contain_sync, with_causes};
use victor_guard::{Plugin, Plugins, call, join_all};
use victor_prompt_protocol::{
    BuiltPrompt, Contribution, Omission, PromptBuilder, PromptContext, PromptContributor, Stability,
};

use crate::base::{Base, BasePrompts};
use crate::compose::Sections;
use crate::limit::cut;
use crate::memory::{Answer, Kept, Memory, Slot};
use crate::texts::Texts;
use crate::{PromptCoordinatorBuilder, PromptOptions};

/// The base prompt's part of health.
const BASE: &str = "system_prompt_template";

/// Builds system prompts from a base prompt and the sections of contributors.
///
/// Contributors are asked side by side, and their contributions apply in order of priority, whoever answered first.
/// What is left out of a prompt is named in [`BuiltPrompt::omissions`], and health is degraded until the contributor
/// works again. A contribution that is too long is cut, which health shows too.
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
#[derive(Debug)]
pub struct PromptCoordinator {
    bases: BasePrompts,
    counter: Option<Arc<dyn TokenCounter>>,
    options: PromptOptions,
    contributors: Plugins<Slot>,
    memory: Memory,
    texts: Texts,
    problems: Problems,
}

impl Default for PromptCoordinator {
    fn default() -> Self {
        Self::builder().build()
    }
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

    /// Puts a coordinator together from base prompts, sources, contributors and options.
    #[must_use]
    pub fn builder() -> PromptCoordinatorBuilder {
        PromptCoordinatorBuilder::default()
    }

    pub(crate) fn from_parts(
        bases: BasePrompts,
        counter: Option<Arc<dyn TokenCounter>>,
        options: PromptOptions,
    ) -> Self {
        Self {
            bases,
            counter,
            contributors: Plugins::default(),
            memory: Memory::new(options.kept_sessions),
            texts: Texts::default(),
            problems: Problems::default(),
            options,
        }
    }

    /// Makes the base prompt, and keeps health up to date.
    async fn make_base(&self, context: &PromptContext) -> Base {
        let base = self.bases.make(context).await;
        match &base.problem {
            Some(problem) => self.problems.report(BASE, &problem.reason),
            None => self.problems.clear(BASE),
        }
        base
    }

    /// Asks one contributor, and keeps health up to date.
    async fn ask(
        &self,
        plugin: &Plugin<Slot>,
        revision: Option<u64>,
        context: &PromptContext,
    ) -> Result<Contribution, Omission> {
        let slot = plugin.inner();
        let answer = call(self.options.contributor_timeout, || {
            slot.contributor.get_contribution(context)
        });
        let reason = match answer.await {
            Ok(Ok(contribution)) => return Ok(self.accept(plugin, revision, contribution)),
            Ok(Err(error)) => with_causes(&error),
            Err(fault) => fault.to_string(),
        };
        warn!(
            contributor = plugin.name(),
            reason, "prompt contributor left out"
        );
        self.problems.report(plugin.name(), &reason);
        Err(Omission::new(plugin.name(), reason))
    }

    /// Cuts a contribution that is too long, and keeps one that holds for the process.
    fn accept(
        &self,
        plugin: &Plugin<Slot>,
        revision: Option<u64>,
        contribution: Contribution,
    ) -> Contribution {
        let limit = self.options.contribution_tokens;
        let (contribution, remark) = cut(contribution, limit, self.counter.as_deref());
        match remark {
            Some(remark) => {
                warn!(
                    contributor = plugin.name(),
                    remark, "prompt contribution cut"
                );
                self.problems.report(plugin.name(), remark);
            }
            None => self.problems.clear(plugin.name()),
        }
        if let Some(revision) = revision
            && contribution.stability() == Stability::Process
        {
            *plugin.inner().kept.lock() = Some((revision, contribution.clone()));
        }
        contribution
    }

    /// Makes the prompt of what there is, with the text of an equal one before it.
    fn compose(
        &self,
        base: &Base,
        contributors: &[Plugin<Slot>],
        answers: &[Answer],
        omissions: Vec<Omission>,
        before: Option<&Kept>,
    ) -> BuiltPrompt {
        let mut sections = Sections::default();
        sections.base(&base.text, base.stability, base.version.as_ref());
        for (plugin, answer) in contributors.iter().zip(answers) {
            if let Some(contribution) = &answer.contribution {
                sections.apply(&plugin.inner().name, contribution);
            }
        }
        let (text, sections) = sections.write();
        let text = match before {
            _ if *text == *base.text => Arc::clone(&base.text),
            Some(before) if *before.built.text == *text => Arc::clone(&before.built.text),
            _ => self.texts.share(text, self.options.shared_texts),
        };
        let built = BuiltPrompt::new(text, omissions);
        match before {
            Some(before) if *before.built.sections == *sections => {
                built.with_sections(Arc::clone(&before.built.sections))
            }
            _ => built.with_sections(sections),
        }
    }
}

/// Returns the revision of a contributor. One that cannot tell is asked anew each time.
fn revision(slot: &Slot) -> Option<u64> {
    contain_sync(|| slot.contributor.revision()).ok()
}

#[async_trait]
impl Coordinator for PromptCoordinator {
    fn name(&self) -> &str {
        "prompt"
    }

    fn health(&self) -> Health {
        let mut health = self.problems.health(self.name());
        for source in &self.bases.sources {
            health.add(source.health());
        }
        health
    }

    fn reset(&self, session: &SessionId) {
        self.memory.remove(session.as_str());
    }

    fn evict(&self, session: &SessionId) {
        self.memory.remove(session.as_str());
    }
}

#[async_trait]
impl PromptBuilder for PromptCoordinator {
    async fn build_system_prompt(&self, context: &PromptContext) -> BuiltPrompt {
        let session = context.get_str("session_id").unwrap_or_default();
        let contributors = self.contributors.list();
        let kept = self.memory.get(session);
        let kept = kept.filter(|kept| kept.fits(context, &contributors));
        let is_current = match &kept {
            Some(kept) => self.bases.is_current(&kept.base).await,
            None => false,
        };
        let known = |(number, plugin): (usize, &Plugin<Slot>)| {
            let revision = revision(plugin.inner());
            let kept = kept
                .as_ref()
                .and_then(|kept| kept.answer(number, revision?));
            Answer {
                revision,
                contribution: kept.cloned().or_else(|| plugin.inner().kept(revision?)),
            }
        };
        if let Some(kept) = &kept
            && is_current
            && contributors.iter().enumerate().all(|(number, plugin)| {
                revision(plugin.inner()).is_some_and(|now| kept.answer(number, now).is_some())
            })
        {
            return kept.built.clone();
        }
        let base = match &kept {
            Some(kept) if is_current => Arc::clone(&kept.base),
            _ => Arc::new(self.make_base(context).await),
        };
        let mut answers: Vec<_> = contributors.iter().enumerate().map(known).collect();
        let unknown: Vec<_> = (0..answers.len())
            .filter(|number| answers[*number].contribution.is_none())
            .collect();
        let asked = unknown.iter().map(|number| {
            let revision = answers[*number].revision;
            self.ask(&contributors[*number], revision, context)
        });
        let mut omissions = Vec::from_iter(base.problem.clone());
        for (number, answer) in unknown.iter().zip(join_all(asked).await) {
            match answer {
                Ok(contribution) => answers[*number].contribution = Some(contribution),
                Err(omission) => omissions.push(omission),
            }
        }
        let before = kept.as_deref();
        let built = self.compose(&base, &contributors, &answers, omissions, before);
        let kept = Kept {
            context: context.without_message(),
            base,
            contributors,
            answers,
            built: built.clone(),
        };
        self.memory.insert(session, Arc::new(kept));
        built
    }

    fn add_contributor(&self, contributor: Arc<dyn PromptContributor>) {
        let described = contain_sync(|| (contributor.name().to_owned(), contributor.priority()));
        let (name, priority) = described.unwrap_or_else(|panicked| {
            warn!(%panicked, "a prompt contributor cannot say its name and priority");
            ("unnamed".into(), 50)
        });
        // Health and sections tell contributors apart by name.
        self.contributors.add_numbered(&name, priority, |name| {
            Arc::new(Slot {
                name: name.into(),
                contributor,
                kept: Lock::default(),
            })
        });
    }

    fn remove_contributor(&self, name: &str) -> bool {
        let removed = self.contributors.remove(name).is_some();
        if removed {
            self.problems.clear(name);
        }
        removed
    }

    fn templates(&self) -> Vec<String> {
        self.bases.templates.names()
    }
}
