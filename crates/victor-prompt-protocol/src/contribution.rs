//! Contributions to a prompt.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::PromptVersion;

/// A piece of the system prompt, possibly empty: a text, the section that it belongs to, and what it does there.
///
/// A contribution that names no section is the section of its contributor, under the contributor's name.
///
/// ```
/// use victor_prompt_protocol::{Contribution, SectionAction, Stability};
///
/// let style = Contribution::from("Indent by four spaces.").extend_section("style").with_stability(Stability::Session);
/// assert_eq!((style.section(), style.action()), (Some("style"), SectionAction::Extend));
///
/// // Whatever contributors of a higher priority have put into the section `style` goes.
/// let tabs = Contribution::from("Indent by tabs.").replace_section("style");
/// assert_eq!(tabs.action(), SectionAction::Replace);
/// let none = Contribution::drop_section("style");
/// assert_eq!((none.text(), none.action()), ("", SectionAction::Drop));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contribution {
    text: Arc<str>,
    section: Option<Arc<str>>,
    action: SectionAction,
    stability: Stability,
    version: Option<PromptVersion>,
}

impl Contribution {
    /// Returns a contribution that says nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Returns a contribution that removes what contributors of a higher priority have put into a section.
    #[must_use]
    pub fn drop_section(name: impl Into<Arc<str>>) -> Self {
        Self {
            section: Some(name.into()),
            action: SectionAction::Drop,
            ..Self::default()
        }
    }

    /// Puts the text behind what is in this section already.
    #[must_use]
    pub fn extend_section(mut self, name: impl Into<Arc<str>>) -> Self {
        self.section = Some(name.into());
        self.action = SectionAction::Extend;
        self
    }

    /// Puts the text in place of what is in this section already.
    #[must_use]
    pub fn replace_section(mut self, name: impl Into<Arc<str>>) -> Self {
        self.section = Some(name.into());
        self.action = SectionAction::Replace;
        self
    }

    /// Puts another text in place of its own; all else stays.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Arc<str>>) -> Self {
        self.text = text.into();
        self
    }

    /// Sets how long the contribution holds.
    #[must_use]
    pub fn with_stability(mut self, stability: Stability) -> Self {
        self.stability = stability;
        self
    }

    /// Sets the version of the prompt that the text was taken from.
    #[must_use]
    pub fn with_version(mut self, version: PromptVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// Returns the text, without white space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// Returns the section that it belongs to; `None` for the one of its contributor.
    #[must_use]
    pub fn section(&self) -> Option<&str> {
        self.section.as_deref()
    }

    /// Returns its effect on the section.
    #[must_use]
    pub fn action(&self) -> SectionAction {
        self.action
    }

    /// Returns the class by the time that it holds.
    #[must_use]
    pub fn stability(&self) -> Stability {
        self.stability
    }

    /// Returns the version of the prompt that the text was taken from, if it was taken from a source of prompts.
    #[must_use]
    pub fn version(&self) -> Option<&PromptVersion> {
        self.version.as_ref()
    }

    /// Whether the contribution changes nothing in a prompt.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.action == SectionAction::Extend && self.text().is_empty()
    }
}

impl From<&str> for Contribution {
    fn from(text: &str) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<String> for Contribution {
    fn from(text: String) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<Arc<str>> for Contribution {
    fn from(text: Arc<str>) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

/// Effect of a contribution on its section. Contributions apply in order of priority, the highest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SectionAction {
    /// Its text stands behind what is in the section.
    #[default]
    Extend,
    /// Its text stands in place of what is in the section.
    Replace,
    /// The section is empty until a later contribution fills it.
    Drop,
}

/// Class of a part of the prompt by the time that it stays the same. What stays longer comes first, since providers
/// cache a prompt up to the first byte that differs.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Stability {
    /// The same for all sessions of the process, and independent of the context. Asked for once.
    Process,
    /// The same in a session as long as the facts of the context are the same. It does not depend on the message of
    /// the turn.
    Session,
    /// Possibly different in each turn. Asked for in each turn; the default.
    #[default]
    Turn,
}

impl Stability {
    /// All classes, the most stable first.
    pub const ALL: [Self; 3] = [Self::Process, Self::Session, Self::Turn];

    /// Returns the name: `process`, `session` or `turn`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Session => "session",
            Self::Turn => "turn",
        }
    }
}

impl std::fmt::Display for Stability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
