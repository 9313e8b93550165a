//! The extension point for stores of prompts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::wire::Extra;

use crate::PromptError;

/// The label of the version that is used where none is asked for.
pub const PRODUCTION: &str = "production";

/// The label of the newest version. Sources keep it; nobody sets it.
pub const LATEST: &str = "latest";

/// A store of named prompts, in versions that never change.
///
/// Labels such as `production` point to a version and may be moved at any time; `latest` is the newest version. A new
/// text is a new version. Called from many tasks at once; whoever calls it often keeps what it has returned, such as
/// `victor_prompt::CachedPromptSource`.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PromptSource: fmt::Debug + Send + Sync + 'static {
    /// Returns the source's name, as reports show it.
    fn name(&self) -> &str;

    /// Returns the prompt that a reference leads to; `None` if there is no such prompt, version or label.
    ///
    /// Where the reference names neither version nor label, it is the version labelled `production`, or the newest one
    /// as long as no version has that label.
    ///
    /// # Errors
    ///
    /// The source cannot be read, or what it holds is no prompt. A prompt that is missing is no error.
    async fn get_prompt(
        &self,
        reference: &PromptReference,
    ) -> Result<Option<StoredPrompt>, PromptError>;

    /// Returns the names of the prompts, sorted.
    ///
    /// # Errors
    ///
    /// The source cannot be read.
    async fn list_prompts(&self) -> Result<Vec<String>, PromptError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: PromptSource + ?Sized> PromptSource for Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        async fn get_prompt<'a>(
            &self,
            reference: &'a PromptReference,
        ) -> Result<Option<StoredPrompt>, PromptError>;
        async fn list_prompts(&self) -> Result<Vec<String>, PromptError>;
    }
}

/// The name of a prompt, with a version or a label if one is asked for.
///
/// Its text is `review` (the default version), `review:staging` (the version with that label) or `review@7` (that
/// version).
///
/// ```
/// use victor_prompt_protocol::{PromptReference, PromptSelector};
///
/// let reference: PromptReference = "review:staging".parse()?;
/// assert_eq!(reference.name(), "review");
/// assert_eq!(reference.selector(), &PromptSelector::Label("staging".into()));
/// assert_eq!(reference.to_string(), "review:staging");
/// assert_eq!("review@7".parse::<PromptReference>()?.selector(), &PromptSelector::Version("7".into()));
///
/// let error = "review:".parse::<PromptReference>().unwrap_err();
/// assert_eq!(error.to_string(), "`review:` is no reference to a prompt; expected NAME, NAME:LABEL or NAME@VERSION");
/// # Ok::<(), victor_prompt_protocol::PromptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PromptReference {
    name: Arc<str>,
    selector: PromptSelector,
}

/// The version of a prompt that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PromptSelector {
    /// The version labelled `production`, or the newest one where no version has that label.
    #[default]
    Default,
    /// The version with this label.
    Label(Arc<str>),
    /// This version.
    Version(Arc<str>),
}

impl PromptReference {
    /// Returns a reference to a prompt, in the version that is used by default.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            selector: PromptSelector::Default,
        }
    }

    /// Returns a reference to the version that a label points to.
    pub fn labelled(name: impl Into<Arc<str>>, label: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            selector: PromptSelector::Label(label.into()),
        }
    }

    /// Returns a reference to a version.
    pub fn versioned(name: impl Into<Arc<str>>, version: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            selector: PromptSelector::Version(version.into()),
        }
    }

    /// Returns the name of the prompt.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the version that is asked for.
    #[must_use]
    pub fn selector(&self) -> &PromptSelector {
        &self.selector
    }
}

impl FromStr for PromptReference {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let parts = match text.find([':', '@']) {
            None => (text, None),
            Some(place) => (&text[..place], Some(text[place..].split_at(1))),
        };
        match parts {
            (name, None) if !name.is_empty() => Ok(Self::new(name)),
            (name, Some((sign, rest))) if !name.is_empty() && !rest.is_empty() => Ok(match sign {
                ":" => Self::labelled(name, rest),
                _ => Self::versioned(name, rest),
            }),
            _ => Err(PromptError::new(format!(
                "`{text}` is no reference to a prompt; expected NAME, NAME:LABEL or NAME@VERSION"
            ))),
        }
    }
}

impl fmt::Display for PromptReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, selector } = self;
        match selector {
            PromptSelector::Default => f.write_str(name),
            PromptSelector::Label(label) => write!(f, "{name}:{label}"),
            PromptSelector::Version(version) => write!(f, "{name}@{version}"),
        }
    }
}

/// A version of a prompt, as a source has it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredPrompt {
    /// Name, version and, where a label led to it, the label.
    pub version: PromptVersion,
    /// The text, which is always the same for a name and a version.
    pub text: Arc<str>,
}

impl StoredPrompt {
    /// Returns a prompt of this version and text.
    pub fn new(version: PromptVersion, text: impl Into<Arc<str>>) -> Self {
        Self {
            version,
            text: text.into(),
        }
    }
}

/// The identity of the text that was used: the name and the version of a prompt, and the label that led there.
///
/// Its text is `review@7`, or `review@7 (production)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PromptVersion {
    /// The name of the prompt.
    pub name: Arc<str>,
    /// The version.
    pub version: Arc<str>,
    /// The label by which the version was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Arc<str>>,
    /// Fields that this version of Victor does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl PromptVersion {
    /// Returns a version of a prompt.
    pub fn new(name: impl Into<Arc<str>>, version: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            label: None,
            extra: Extra::default(),
        }
    }

    /// Sets the label that led to the version.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = Some(label.into());
        self
    }
}

impl fmt::Display for PromptVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)?;
        match &self.label {
            Some(label) => write!(f, " ({label})"),
            None => Ok(()),
        }
    }
}
