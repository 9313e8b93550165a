//! The base prompt of a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;
use victor_core::{JsonMap, UnknownName, contain_sync, with_causes};
use victor_prompt_protocol::{
    Omission, PromptContext, PromptError, PromptReference, PromptRenderer, PromptTemplate,
    PromptVersion, Rendering, Stability,
};

use crate::CachedPromptSource;
use crate::template::{DEFAULT_PROMPT, DEFAULT_TEMPLATE, Templates};

/// Number of templates that one base prompt may be made of.
const MOST_TEMPLATES: usize = 64;

/// The base prompts: sources first, then the program's own templates, which stand in where no source has a prompt.
#[derive(Debug, Default)]
pub(crate) struct BasePrompts {
    pub(crate) templates: Templates,
    pub(crate) sources: Vec<CachedPromptSource>,
    pub(crate) renderer: Option<Arc<dyn PromptRenderer>>,
    pub(crate) variables: JsonMap,
}

/// The base prompt of a request.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) text: Arc<str>,
    pub(crate) stability: Stability,
    pub(crate) version: Option<PromptVersion>,
    /// The templates that it was made of.
    made_of: Vec<(String, Option<Found>)>,
    /// The reason that it is not the one that was asked for.
    pub(crate) problem: Option<Omission>,
}

/// A text by its name.
#[derive(Debug, Clone)]
struct Found {
    text: Arc<str>,
    version: Option<PromptVersion>,
}

impl BasePrompts {
    /// Whether a base prompt is still the one that would be made.
    pub(crate) async fn is_current(&self, base: &Base) -> bool {
        if base.problem.is_some() {
            return false;
        }
        if self.sources.is_empty() {
            return true;
        }
        for (name, before) in &base.made_of {
            let is_same = match (self.find(name).await, before) {
                (Ok(Some(now)), Some(before)) => Arc::ptr_eq(&now.text, &before.text),
                (Ok(None), None) => true,
                _ => false,
            };
            if !is_same {
                return false;
            }
        }
        true
    }

    /// Makes the base prompt that a context asks for. Where that cannot be had, `default` stands in, and where that
    /// cannot be had either, the built-in one.
    pub(crate) async fn make(&self, context: &PromptContext) -> Base {
        let name = context.template().unwrap_or(DEFAULT_TEMPLATE);
        let reason = match self.try_make(name, context).await {
            Ok(base) => return base,
            Err(reason) => reason,
        };
        warn!(template = name, reason, "the base prompt cannot be had");
        let mut stand_in = None;
        if name != DEFAULT_TEMPLATE {
            stand_in = self.try_make(DEFAULT_TEMPLATE, context).await.ok();
        }
        let mut base = stand_in.unwrap_or_else(|| Base {
            text: DEFAULT_PROMPT.into(),
            stability: Stability::Process,
            version: None,
            made_of: Vec::new(),
            problem: None,
        });
        let reason = format!("`{DEFAULT_TEMPLATE}` stands in: {reason}");
        base.problem = Some(Omission::new(format!("template {name}"), reason));
        base
    }

    async fn try_make(&self, name: &str, context: &PromptContext) -> Result<Base, String> {
        let missing = || UnknownName::new("template", name, self.templates.names()).to_string();
        let found = self.find(name).await?.ok_or_else(missing)?;
        let Some(renderer) = &self.renderer else {
            return Ok(Base {
                text: trimmed(&found.text),
                stability: Stability::Process,
                version: found.version.clone(),
                made_of: vec![(name.to_owned(), Some(found))],
                problem: None,
            });
        };
        let mut variables = context.as_map().clone();
        variables.extend(self.variables.clone());
        let mut made_of = vec![(name.to_owned(), Some(found.clone()))];
        let mut others = BTreeMap::new();
        loop {
            let template = PromptTemplate::new(name, &found.text, &variables, &others);
            let rendering = contain_sync(|| renderer.render(&template))
                .map_err(|panicked| panicked.to_string())?;
            match rendering.map_err(|error| with_causes(&error))? {
                Rendering::Complete { text, variables } => {
                    let is_own = |name: &String| self.variables.contains_key(name);
                    let stability = match variables.iter().all(is_own) {
                        true => Stability::Process,
                        false => Stability::Session,
                    };
                    return Ok(Base {
                        text: text.trim().into(),
                        stability,
                        version: found.version,
                        made_of,
                        problem: None,
                    });
                }
                Rendering::Needs(other) if made_of.len() < MOST_TEMPLATES => {
                    let needed = self.find(&other).await?;
                    let text = needed.as_ref().map(|needed| Arc::clone(&needed.text));
                    if others.insert(other.clone(), text).is_some() {
                        return Err(format!("its renderer asks for `{other}` again and again"));
                    }
                    made_of.push((other, needed));
                }
                _ => {
                    return Err(format!(
                        "it is made of more than {MOST_TEMPLATES} templates"
                    ));
                }
            }
        }
    }

    /// Finds a text by its name: of the first source that has it, or else of the program's own templates.
    async fn find(&self, name: &str) -> Result<Option<Found>, String> {
        let mut problem = None;
        if !self.sources.is_empty()
            && let Ok(reference) = name.parse::<PromptReference>()
        {
            for source in &self.sources {
                match source.get(&reference).await {
                    Ok(Some(prompt)) => {
                        return Ok(Some(Found {
                            text: prompt.text,
                            version: Some(prompt.version),
                        }));
                    }
                    Ok(None) => {}
                    Err(error) => problem = problem.or(Some(error)),
                }
            }
        }
        let own = self.templates.get(name).map(|text| Found {
            text: Arc::clone(text),
            version: None,
        });
        match (own, problem) {
            (None, Some(PromptError { message, .. })) => Err(message),
            (own, _) => Ok(own),
        }
    }
}

/// The text without white space around it, shared where there is none.
fn trimmed(text: &Arc<str>) -> Arc<str> {
    match text.trim() {
        same if same.len() == text.len() => Arc::clone(text),
        trimmed => trimmed.into(),
    }
}
