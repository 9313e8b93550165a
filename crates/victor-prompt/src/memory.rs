//! The memory of prompts that were built.

use std::sync::Arc;

use victor_core::{Lock, RecentMap};
use victor_guard::Plugin;
use victor_prompt_protocol::{
    BuiltPrompt, Contribution, PromptContext, PromptContributor, Stability,
};

use crate::base::Base;

/// A contributor, and its contribution that holds for the process.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Its name in the list, which no other one has.
    pub(crate) name: Arc<str>,
    pub(crate) contributor: Arc<dyn PromptContributor>,
    /// The contribution, and the revision that it belongs to.
    pub(crate) kept: Lock<Option<(u64, Contribution)>>,
}

impl Slot {
    /// Returns the contribution that holds for the process, if there is one of this revision.
    pub(crate) fn kept(&self, revision: u64) -> Option<Contribution> {
        let kept = self.kept.lock();
        let (since, contribution) = kept.as_ref()?;
        (*since == revision).then(|| contribution.clone())
    }
}

/// The last prompt of a session, and what it was made of.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) context: PromptContext,
    pub(crate) base: Arc<Base>,
    pub(crate) contributors: Arc<[Plugin<Slot>]>,
    /// The answers of the contributors, in order.
    pub(crate) answers: Vec<Answer>,
    pub(crate) built: BuiltPrompt,
}

/// The answer of a contributor.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its revision before it was asked; `None` if it could not tell.
    pub(crate) revision: Option<u64>,
    /// Its contribution, unless it failed.
    pub(crate) contribution: Option<Contribution>,
}

impl Kept {
    /// Whether everything but the answers of contributors is as it was.
    pub(crate) fn fits(&self, context: &PromptContext, contributors: &Arc<[Plugin<Slot>]>) -> bool {
        Arc::ptr_eq(&self.contributors, contributors) && self.context.has_same_facts(context)
    }

    /// Returns the contribution of a contributor, if it still holds.
    pub(crate) fn answer(&self, number: usize, revision: u64) -> Option<&Contribution> {
        let answer = self.answers.get(number)?;
        let contribution = answer.contribution.as_ref()?;
        let holds =
            answer.revision == Some(revision) && contribution.stability() != Stability::Turn;
        holds.then_some(contribution)
    }
}

/// The last prompts of the sessions that were used last.
#[derive(Debug)]
pub(crate) struct Memory(Lock<RecentMap<String, Arc<Kept>>>);

impl Memory {
    pub(crate) fn new(sessions: usize) -> Self {
        Self(Lock::new(RecentMap::new(sessions)))
    }

    pub(crate) fn get(&self, session: &str) -> Option<Arc<Kept>> {
        self.0.lock().get(session).cloned()
    }

    pub(crate) fn insert(&self, session: &str, kept: Arc<Kept>) {
        self.0.lock().insert(session.to_owned(), kept);
    }

    pub(crate) fn remove(&self, session: &str) {
        self.0.lock().remove(session);
    }
}
