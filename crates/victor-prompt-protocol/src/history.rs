//! The prompts that a session was held with, and their differences.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_core::TurnId;
use victor_core::wire::{Extra, FormatVersion};

use crate::{BuiltPrompt, PromptSection, PromptVersion, Stability};

/// Number of prompts that a session remembers.
const REMEMBERED: usize = 8;

/// Returns the digest by which a text is told from others: the first twelve hexadecimal digits of its SHA-256.
///
/// ```
/// assert_eq!(victor_prompt_protocol::text_digest("hello world"), "b94d27b9934d");
/// ```
#[must_use]
pub fn text_digest(text: &str) -> String {
    let hash = hmac_sha256::Hash::hash(text.as_bytes());
    let mut digits = String::with_capacity(12);
    for byte in &hash[..6] {
        // A `String` takes everything.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// A section of a prompt that was sent, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SectionRecord {
    /// The name.
    pub name: Arc<str>,
    /// The class of its least stable contribution.
    pub stability: Stability,
    /// Size of the text, in bytes.
    pub bytes: u64,
    /// The [digest](text_digest) of the text.
    pub digest: String,
    /// The contributors whose text stands in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contributors: Vec<Arc<str>>,
    /// The versions of the stored prompts that were used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<PromptVersion>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SectionRecord {
    /// Returns the records of the sections of a prompt, in order. A prompt that does not tell its sections is one
    /// section, `prompt`.
    #[must_use]
    pub fn of(prompt: &BuiltPrompt) -> Vec<Self> {
        if prompt.sections.is_empty() && !prompt.text.is_empty() {
            let section = PromptSection::new("prompt", Stability::Turn, 0..prompt.text.len());
            return vec![Self::new(&section, &prompt.text)];
        }
        let sections = prompt.section_texts();
        sections
            .map(|(section, text)| Self::new(section, text))
            .collect()
    }

    fn new(section: &PromptSection, text: &str) -> Self {
        Self {
            name: Arc::clone(&section.name),
            stability: section.stability,
            bytes: text.len() as u64,
            digest: text_digest(text),
            contributors: section.contributors.clone(),
            versions: section.versions.clone(),
            extra: Extra::default(),
        }
    }
}

/// The prompts that a session was held with: one for each turn that began with another prompt than the turn before it.
/// The last 8 are remembered. It is stored with the session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PromptHistory {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The prompts, oldest first.
    pub prompts: VecDeque<PromptRecord>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A prompt that was sent, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PromptRecord {
    /// The first turn that began with it.
    pub turn: TurnId,
    /// The sections, in order.
    pub sections: Vec<SectionRecord>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl PromptHistory {
    /// The key of the history among the facts of a session.
    pub const KEY: &'static str = "victor_prompts";

    /// Notes the sections of the prompt of a turn, and returns whether it is another one than that of the turn before.
    pub fn note(&mut self, turn: TurnId, sections: Vec<SectionRecord>) -> bool {
        if (self.prompts.back()).is_some_and(|last| last.sections == sections) {
            return false;
        }
        self.prompts.push_back(PromptRecord {
            turn,
            sections,
            extra: Extra::default(),
        });
        if self.prompts.len() > REMEMBERED {
            self.prompts.pop_front();
        }
        true
    }

    /// Returns the prompt of the last turn, or the one that was used `back` prompts before it.
    #[must_use]
    pub fn last(&self, back: usize) -> Option<&PromptRecord> {
        self.prompts.iter().rev().nth(back)
    }
}

/// The differences between two prompts.
///
/// ```
/// use victor_prompt_protocol::{BuiltPrompt, PromptDiff, PromptSection, SectionRecord, Stability};
///
/// let prompt = |style: &str| {
///     let text = format!("Base.\n\n{style}");
///     let sections = [
///         PromptSection::new("base", Stability::Process, 0..5),
///         PromptSection::new("style", Stability::Session, 7..text.len()),
///     ];
///     SectionRecord::of(&BuiltPrompt::new(text, Vec::new()).with_sections(sections))
/// };
/// let diff = PromptDiff::between(&prompt("Tabs."), &prompt("Spaces."));
/// assert_eq!(diff.changes[0].to_string(), "section `style` (session) has another text");
/// assert_eq!((diff.kept_bytes, diff.bytes), (5, 12));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct PromptDiff {
    /// The changes, in the order of the new prompt; what is gone comes last.
    pub changes: Vec<SectionChange>,
    /// Size of the sections in front of the first change, in bytes: the part that a provider's cache still has.
    pub kept_bytes: u64,
    /// Size of all sections of the new prompt, in bytes.
    pub bytes: u64,
    /// The first section of the new prompt that the cache does not have; `None` if it has all of them.
    pub broken_at: Option<Arc<str>>,
}

/// A change of a section.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SectionChange {
    /// The section before; `None` if it is new.
    pub before: Option<SectionRecord>,
    /// The section now; `None` if it is gone.
    pub now: Option<SectionRecord>,
}

impl PromptDiff {
    /// Compares two prompts.
    #[must_use]
    pub fn between(before: &[SectionRecord], now: &[SectionRecord]) -> Self {
        let find = |sections: &[SectionRecord], name: &str| {
            let found = sections.iter().find(|section| *section.name == *name);
            found.cloned()
        };
        let mut changes = Vec::new();
        for section in now {
            let old = find(before, &section.name);
            if old.as_ref() != Some(section) {
                let now = Some(section.clone());
                changes.push(SectionChange { before: old, now });
            }
        }
        for section in before {
            if find(now, &section.name).is_none() {
                let before = Some(section.clone());
                changes.push(SectionChange { before, now: None });
            }
        }
        let same = |(old, new): &(&SectionRecord, &SectionRecord)| {
            old.name == new.name && old.digest == new.digest
        };
        let kept = before.iter().zip(now).take_while(same).count();
        let bytes = |sections: &[SectionRecord]| sections.iter().map(|section| section.bytes).sum();
        Self {
            changes,
            kept_bytes: bytes(&now[..kept]),
            bytes: bytes(now),
            broken_at: now.get(kept).map(|section| Arc::clone(&section.name)),
        }
    }
}

impl std::fmt::Display for SectionChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (before, now) = match (&self.before, &self.now) {
            (Some(before), Some(now)) => (before, now),
            (None, Some(now)) => {
                return write!(f, "section `{}` ({}) is new", now.name, now.stability);
            }
            (Some(before), None) => {
                return write!(
                    f,
                    "section `{}` ({}) is gone",
                    before.name, before.stability
                );
            }
            (None, None) => return f.write_str("nothing"),
        };
        write!(f, "section `{}` ({})", now.name, now.stability)?;
        let mut reasons = Vec::new();
        if before.digest != now.digest {
            reasons.push("has another text".to_owned());
        }
        if before.stability != now.stability {
            reasons.push(format!("was of the class {}", before.stability));
        }
        if before.versions != now.versions {
            let (old, new) = (
                names(&before.versions, "nothing stored"),
                names(&now.versions, "nothing stored"),
            );
            reasons.push(format!("was made from {old} and now from {new}"));
        }
        if before.contributors != now.contributors {
            let (old, new) = (
                names(&before.contributors, "nobody"),
                names(&now.contributors, "nobody"),
            );
            reasons.push(format!("was written by {old} and now by {new}"));
        }
        write!(f, " {}", reasons.join(", "))
    }
}

fn names(names: &[impl ToString], none: &str) -> String {
    match names {
        [] => none.to_owned(),
        names => names
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" and "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section: its name, its class and its text.
    type Told = (&'static str, Stability, &'static str);

    const BASE: Told = ("base", Stability::Process, "Base.");

    fn prompt(sections: &[Told]) -> Vec<SectionRecord> {
        let (mut text, mut told) = (String::new(), Vec::new());
        for (name, stability, part) in sections {
            let start = text.len();
            text.push_str(part);
            told.push(PromptSection::new(*name, *stability, start..text.len()));
        }
        SectionRecord::of(&BuiltPrompt::new(text, Vec::new()).with_sections(told))
    }

    #[track_caller]
    fn check(before: &[Told], now: &[Told], changes: &[&str], kept: u64, broken: Option<&str>) {
        let diff = PromptDiff::between(&prompt(before), &prompt(now));
        let told: Vec<_> = diff.changes.iter().map(ToString::to_string).collect();
        assert_eq!(told, changes);
        assert_eq!((diff.kept_bytes, diff.broken_at.as_deref()), (kept, broken));
    }

    #[test]
    fn a_diff_tells_what_has_changed_and_where_the_cache_ends() {
        use Stability::{Session, Turn};
        let style = |text| ("style", Session, text);
        let time = ("time", Turn, "1");
        let other = "section `style` (session) has another text";
        let (new, gone) = (
            "section `style` (session) is new",
            "section `style` (session) is gone",
        );
        check(&[BASE], &[BASE], &[], 5, None);
        check(
            &[BASE, style("a")],
            &[BASE, style("b")],
            &[other],
            5,
            Some("style"),
        );
        check(&[BASE], &[BASE, style("a")], &[new], 5, Some("style"));
        check(&[BASE, style("a")], &[BASE], &[gone], 5, None);
        check(
            &[BASE, style("a"), time],
            &[BASE, time],
            &[gone],
            5,
            Some("time"),
        );
        let class = "section `style` (turn) was of the class session";
        check(
            &[BASE, style("a")],
            &[BASE, ("style", Turn, "a")],
            &[class],
            6,
            None,
        );
        check(
            &[],
            &[BASE],
            &["section `base` (process) is new"],
            0,
            Some("base"),
        );
    }

    #[test]
    fn a_diff_names_versions_and_contributors() {
        let [mut before, mut now] = [prompt(&[BASE]), prompt(&[BASE])];
        before[0].versions = vec![PromptVersion::new("review", "1")];
        now[0].versions = vec![PromptVersion::new("review", "2").with_label("production")];
        now[0].contributors = vec!["a".into(), "b".into()];
        let diff = PromptDiff::between(&before, &now);
        assert_eq!(
            diff.changes[0].to_string(),
            "section `base` (process) was made from review@1 and now from review@2 (production), was written by nobody \
             and now by a and b"
        );
        assert_eq!(diff.broken_at, None);
    }

    #[test]
    fn the_last_eight_prompts_are_remembered() {
        let mut history = PromptHistory::default();
        for (number, text) in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
            .iter()
            .enumerate()
        {
            let sections = prompt(&[BASE, ("number", Stability::Turn, text)]);
            let turn = TurnId::from_u128(number as u128);
            assert!(history.note(turn, sections.clone()));
            assert!(!history.note(TurnId::from_u128(99), sections));
        }
        assert_eq!(history.prompts.len(), 8);
        assert_eq!(history.last(0).unwrap().turn, TurnId::from_u128(9));
        assert_eq!(history.last(7).unwrap().turn, TurnId::from_u128(2));
        assert_eq!(history.last(8), None);
        let stored = serde_json::to_string(&history).unwrap();
        assert_eq!(
            serde_json::from_str::<PromptHistory>(&stored).unwrap(),
            history
        );
    }

    #[test]
    fn a_prompt_that_tells_no_sections_is_one() {
        let records = SectionRecord::of(&BuiltPrompt::new("hello world", Vec::new()));
        assert_eq!((&*records[0].name, records[0].bytes), ("prompt", 11));
        assert_eq!(records[0].digest, "b94d27b9934d");
        assert_eq!(SectionRecord::of(&BuiltPrompt::new("", Vec::new())), []);
    }
}
