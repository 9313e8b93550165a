//! Contributors that say, fail, panic or hang.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use victor_core::Coordinator;
use victor_prompt::PromptCoordinator;
use victor_prompt_protocol::{
    BuiltPrompt, Contribution, PromptBuilder, PromptContext, PromptContributor, PromptError,
};
use victor_testkit::Puppet;

/// Behaviour of a contributor when it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Say(&'static str),
    SayAfter(u64, &'static str),
    /// Says the fact `fact` of the context.
    Repeat,
    Fail,
    Panic,
    Hang,
}

#[derive(Debug)]
pub(crate) struct Fake {
    name: &'static str,
    priority: i32,
    puppet: Puppet<Act>,
}

impl Fake {
    pub(crate) fn new(name: &'static str, priority: i32, act: Act) -> Arc<Self> {
        Arc::new(Self {
            name,
            priority,
            puppet: Puppet::new(act),
        })
    }
}

impl Deref for Fake {
    type Target = Puppet<Act>;

    fn deref(&self) -> &Puppet<Act> {
        &self.puppet
    }
}

#[async_trait]
impl PromptContributor for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        let call = self.puppet.begin();
        match call.act {
            Act::Say(text) => Ok(text.into()),
            Act::SayAfter(seconds, text) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(text.into())
            }
            Act::Repeat => Ok(cx.get_str("fact").unwrap_or_default().into()),
            Act::Fail => Err(PromptError::new("no rules").with_source("file not found")),
            Act::Panic => panic!("out of cheese"),
            Act::Hang => std::future::pending().await,
        }
    }
}

/// A coordinator with the base prompt `Base.`
pub(crate) fn coordinator(contributors: &[Arc<Fake>]) -> PromptCoordinator {
    let builder = PromptCoordinator::builder().template("default", "Base.");
    contributors
        .iter()
        .fold(builder, |builder, fake| builder.contributor(fake.clone()))
        .build()
}

pub(crate) async fn build(prompt: &PromptCoordinator) -> BuiltPrompt {
    prompt.build_system_prompt(&PromptContext::new()).await
}

/// Returns what a prompt leaves out, which must be what health shows.
pub(crate) fn left_out(prompt: &PromptCoordinator, built: &BuiltPrompt) -> Vec<String> {
    let mut omissions: Vec<_> = built
        .omissions
        .iter()
        .map(|omission| format!("{}: {}", omission.contributor, omission.reason))
        .collect();
    omissions.sort();
    let mut problems = prompt.health().problems;
    problems.sort();
    assert_eq!(problems, omissions);
    omissions
}

/// A contributor that tells what a function makes of the context.
pub(crate) struct Told {
    name: &'static str,
    priority: i32,
    tell: Box<dyn Fn(&PromptContext) -> Contribution + Send + Sync>,
    asked: AtomicUsize,
    revision: AtomicUsize,
}

impl Told {
    pub(crate) fn new(
        name: &'static str,
        priority: i32,
        tell: impl Fn(&PromptContext) -> Contribution + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            priority,
            tell: Box::new(tell),
            asked: AtomicUsize::new(0),
            revision: AtomicUsize::new(1),
        })
    }

    pub(crate) fn always(name: &'static str, contribution: Contribution) -> Arc<Self> {
        Self::new(name, 50, move |_| contribution.clone())
    }

    /// Number of times it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Takes back what was called stable.
    pub(crate) fn revise(&self) {
        self.revision.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn revision_panics(&self) {
        self.revision.store(0, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

#[async_trait]
impl PromptContributor for Told {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    fn revision(&self) -> u64 {
        let revision = self.revision.load(Ordering::SeqCst) as u64;
        assert_ne!(revision, 0, "it cannot tell its revision");
        revision
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok((self.tell)(cx))
    }
}
