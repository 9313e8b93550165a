//! The role of the prompt coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::Coordinator;

use crate::{PromptContext, PromptContributor};

/// The role of the coordinator that builds the system prompt. Called by the orchestrator, from many tasks at once.
///
/// A contributor that is left out because it fails, panics or takes too long is shown in health until it works again.
#[async_trait]
pub trait PromptBuilder: Coordinator {
    /// Builds the prompt: the base prompt, then the contributors' sections in order of priority. It cannot fail: what
    /// cannot be had is left out and named.
    ///
    /// The base prompt is the one that the context names, or the builder's own, which also stands in for one that there
    /// is not. The same answers of the contributors make the same bytes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call drops the calls of the contributors.
    async fn build_system_prompt(&self, context: &PromptContext) -> BuiltPrompt;

    /// Adds a contributor from now on.
    fn add_contributor(&self, contributor: Arc<dyn PromptContributor>);

    /// The names of the base prompts that can be asked for.
    fn templates(&self) -> Vec<String>;
}

/// A system prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuiltPrompt {
    /// The text. Equal prompts of one builder share it.
    pub text: Arc<str>,
    /// Sections that were left out.
    pub omissions: Vec<Omission>,
}

impl BuiltPrompt {
    /// A prompt of this text, from which `omissions` were left out.
    pub fn new(text: impl Into<Arc<str>>, omissions: Vec<Omission>) -> Self {
        Self {
            text: text.into(),
            omissions,
        }
    }
}

/// A section that was left out of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Omission {
    /// The contributor.
    pub contributor: String,
    /// Reason that there is nothing of it.
    pub reason: String,
}

impl Omission {
    /// Nothing of `contributor`, for this reason.
    pub fn new(contributor: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            contributor: contributor.into(),
            reason: reason.into(),
        }
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`PromptBuilder`], made by mockall.
    #[derive(Debug)]
    pub PromptBuilder {}

    #[async_trait]
    impl Coordinator for PromptBuilder {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl PromptBuilder for PromptBuilder {
        async fn build_system_prompt(&self, context: &PromptContext) -> BuiltPrompt;
        fn add_contributor(&self, contributor: Arc<dyn PromptContributor>);
        fn templates(&self) -> Vec<String>;
    }
}
