//! The extension point for template languages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use victor_core::JsonMap;

use crate::PromptError;

/// A template language, in which base prompts and stored prompts are written.
///
/// Called once for each session and change of its facts, from many tasks at once. It does no I/O: a template that it
/// needs and does not have it asks for by [`Rendering::Needs`], and is then called again.
pub trait PromptRenderer: fmt::Debug + Send + Sync + 'static {
    /// Renders a template.
    ///
    /// # Errors
    ///
    /// The template is malformed, uses a variable that there is not, or exceeds the limits of the renderer. The error
    /// names the template, the line and the column.
    fn render(&self, template: &PromptTemplate<'_>) -> Result<Rendering, PromptError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: PromptRenderer + ?Sized> PromptRenderer for Arc<T> {
    victor_core::forward! {
        fn render(&self, template: &PromptTemplate<'_>) -> Result<Rendering, PromptError>;
    }
}

/// A template, and what it may use.
#[derive(Debug)]
#[non_exhaustive]
pub struct PromptTemplate<'a> {
    /// The name, for errors.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
    /// The variables.
    pub variables: &'a JsonMap,
    /// The other templates that it may include or extend, as far as they have been asked for; `None` for those that
    /// there are not.
    pub others: &'a BTreeMap<String, Option<Arc<str>>>,
}

impl<'a> PromptTemplate<'a> {
    /// Returns a template with these variables and other templates.
    #[must_use]
    pub fn new(
        name: &'a str,
        text: &'a str,
        variables: &'a JsonMap,
        others: &'a BTreeMap<String, Option<Arc<str>>>,
    ) -> Self {
        Self {
            name,
            text,
            variables,
            others,
        }
    }
}

/// Outcome of rendering a template.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rendering {
    /// The text is complete.
    Complete {
        /// The text.
        text: String,
        /// The names of the variables that it depends on.
        variables: BTreeSet<String>,
    },
    /// The template of this name is needed, and it is not among the others.
    Needs(String),
}
