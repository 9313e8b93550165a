//! From contributions to a prompt.

use std::sync::Arc;

use victor_prompt_protocol::{
    BASE_SECTION, Contribution, PromptSection, PromptVersion, SectionAction, Stability,
};

/// Separator of the sections of a prompt, and of the parts of a section.
const SEPARATOR: &str = "\n\n";

/// The sections of a prompt, as contributions make them.
#[derive(Debug, Default)]
pub(crate) struct Sections<'a>(Vec<Section<'a>>);

#[derive(Debug)]
struct Section<'a> {
    name: &'a str,
    /// The class of the least stable contribution, also where it adds no text now: it may in another turn.
    stability: Stability,
    parts: Vec<Part<'a>>,
}

#[derive(Debug)]
struct Part<'a> {
    text: &'a str,
    contributor: Option<&'a Arc<str>>,
    version: Option<&'a PromptVersion>,
}

impl<'a> Sections<'a> {
    /// Puts the base prompt into its section.
    pub(crate) fn base(
        &mut self,
        text: &'a str,
        stability: Stability,
        version: Option<&'a PromptVersion>,
    ) {
        let part = Part {
            text,
            contributor: None,
            version,
        };
        self.section(BASE_SECTION).put(stability, Some(part));
    }

    /// Applies the contribution of a contributor.
    pub(crate) fn apply(&mut self, contributor: &'a Arc<str>, contribution: &'a Contribution) {
        let section = self.section(contribution.section().unwrap_or(contributor));
        if contribution.action() != SectionAction::Extend {
            section.parts.clear();
            section.stability = Stability::Process;
        }
        let part = Part {
            text: contribution.text(),
            contributor: Some(contributor),
            version: contribution.version(),
        };
        let part = (contribution.action() != SectionAction::Drop).then_some(part);
        section.put(contribution.stability(), part);
    }

    fn section(&mut self, name: &'a str) -> &mut Section<'a> {
        let place = self.0.iter().position(|section| section.name == name);
        let place = place.unwrap_or_else(|| {
            self.0.push(Section {
                name,
                stability: Stability::Process,
                parts: Vec::new(),
            });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// Writes the text, the most stable sections first, and tells where each of them stands.
    pub(crate) fn write(mut self) -> (String, Vec<PromptSection>) {
        self.0.retain(|section| !section.parts.is_empty());
        self.0.sort_by_key(Section::class);
        let size = |part: &Part<'_>| part.text.len() + SEPARATOR.len();
        let parts = self.0.iter().flat_map(|section| &section.parts);
        let mut text = String::with_capacity(parts.map(size).sum());
        let mut sections = Vec::with_capacity(self.0.len());
        for section in &self.0 {
            sections.push(section.write(&mut text));
        }
        (text, sections)
    }
}

impl<'a> Section<'a> {
    fn put(&mut self, stability: Stability, part: Option<Part<'a>>) {
        self.stability = self.stability.max(stability);
        let part = part.filter(|part| !part.text.is_empty());
        self.parts.extend(part);
    }

    /// The class by which it is placed. The base prompt stays in front as long as it is the same from turn to turn.
    fn class(&self) -> Stability {
        match self.stability {
            Stability::Session if self.name == BASE_SECTION => Stability::Process,
            stability => stability,
        }
    }

    fn write(&self, text: &mut String) -> PromptSection {
        if !text.is_empty() {
            text.push_str(SEPARATOR);
        }
        let start = text.len();
        for (number, part) in self.parts.iter().enumerate() {
            if number > 0 {
                text.push_str(SEPARATOR);
            }
            text.push_str(part.text);
        }
        let mut section = PromptSection::new(self.name, self.stability, start..text.len());
        for part in &self.parts {
            section.contributors.extend(part.contributor.cloned());
            section.versions.extend(part.version.cloned());
        }
        section
    }
}
