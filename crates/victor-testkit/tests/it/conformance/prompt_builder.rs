use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::timeout;
use victor_core::{Coordinator, Health, Problems, contain, contain_sync};
use victor_prompt_protocol::{
    BuiltPrompt, Contribution, Omission, PromptBuilder, PromptContext, PromptContributor,
    PromptSection, SectionAction, Stability,
};
use victor_testkit::conformance;

use super::{Bug, breaks};

/// Joins the sections, whatever was said before.
#[derive(Debug)]
struct Builder {
    bug: Bug,
    contributors: Mutex<Vec<Arc<dyn PromptContributor>>>,
    /// What holds longer than a turn, by the contributor's address.
    kept: Mutex<HashMap<usize, Kept>>,
    texts: Mutex<Vec<Arc<str>>>,
    problems: Problems,
}

#[derive(Debug)]
struct Kept {
    revision: u64,
    context: PromptContext,
    contribution: Contribution,
}

/// A section, and what was put into it.
#[derive(Debug)]
struct Section {
    name: String,
    stability: Stability,
    texts: Vec<String>,
}

impl Builder {
    fn new(bug: &'static str) -> Self {
        Self {
            bug: Bug::new(bug),
            contributors: Mutex::default(),
            kept: Mutex::default(),
            texts: Mutex::default(),
            problems: Problems::default(),
        }
    }

    fn is(&self, bug: &str) -> bool {
        self.bug.is(bug)
    }

    async fn ask(
        &self,
        contributor: &Arc<dyn PromptContributor>,
        context: &PromptContext,
    ) -> Result<Contribution, String> {
        let key = Arc::as_ptr(contributor).cast::<()>() as usize;
        let revision = contain_sync(|| contributor.revision()).unwrap_or_default();
        let holds = |kept: &&Kept| {
            (kept.revision == revision || self.is("knows no revision"))
                && match kept.contribution.stability() {
                    Stability::Process => true,
                    Stability::Session => {
                        kept.context.has_same_facts(context) || self.is("knows no context")
                    }
                    Stability::Turn => false,
                }
        };
        let known = |kept: &HashMap<usize, Kept>| {
            let kept = kept.get(&key).filter(holds);
            kept.map(|kept| kept.contribution.clone())
        };
        let kept = known(&self.kept.lock().unwrap());
        if let Some(contribution) = kept.filter(|_| !self.is("keeps nothing")) {
            return Ok(contribution);
        }
        let limit = match self.bug.name {
            "waits for ever" => Duration::from_secs(1_000_000),
            _ => Duration::from_secs(1),
        };
        let call = timeout(limit, contributor.get_contribution(context));
        let answer = match self.is("lets panics through") {
            true => Ok(call.await),
            false => contain(call).await,
        };
        let contribution = answer
            .map_err(|panicked| panicked.to_string())?
            .map_err(|_| "too slow")?
            .map_err(|error| error.to_string())?;
        let kept = Kept {
            revision,
            context: context.without_message(),
            contribution: contribution.clone(),
        };
        self.kept.lock().unwrap().insert(key, kept);
        Ok(contribution)
    }

    fn apply(&self, sections: &mut Vec<Section>, name: &str, contribution: &Contribution) {
        let named = match self.is("knows no sections") {
            true => None,
            false => contribution.section(),
        };
        let name = named.unwrap_or(name);
        let place = sections.iter().position(|section| section.name == name);
        let place = place.unwrap_or_else(|| {
            sections.push(Section {
                name: name.to_owned(),
                stability: Stability::Process,
                texts: Vec::new(),
            });
            sections.len() - 1
        });
        let section = &mut sections[place];
        let action = match self.is("only extends") {
            true => SectionAction::Extend,
            false => contribution.action(),
        };
        if action != SectionAction::Extend {
            section.texts.clear();
        }
        section.stability = section.stability.max(contribution.stability());
        if !contribution.text().is_empty() || self.is("leaves gaps") {
            section.texts.push(contribution.text().to_owned());
        }
    }

    fn share(&self, text: String) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap();
        match texts.iter().find(|known| ***known == *text) {
            Some(known) if !self.is("copies") => known.clone(),
            _ => {
                texts.push(text.into());
                texts.last().unwrap().clone()
            }
        }
    }
}

#[async_trait]
impl Coordinator for Builder {
    fn name(&self) -> &str {
        "builder"
    }

    fn health(&self) -> Health {
        self.problems.health("builder")
    }
}

#[async_trait]
impl PromptBuilder for Builder {
    async fn build_system_prompt(&self, context: &PromptContext) -> BuiltPrompt {
        let wrong = self.bug.shows().await;
        let empty = PromptContext::new();
        let context = match self.is("side by side") && wrong {
            true => &empty,
            false => context,
        };
        let mut omissions = Vec::new();
        let unknown = context.template().filter(|name| *name != "base");
        let mut sections = Vec::new();
        self.apply(
            &mut sections,
            "base",
            &Contribution::from("The base.").with_stability(Stability::Process),
        );
        if let Some(name) = unknown {
            if !self.is("keeps templates quiet") {
                omissions.push(Omission::new(format!("template {name}"), "unknown"));
            }
            if self.is("has no base of its own") {
                sections.clear();
            }
        }
        let contributors = self.contributors.lock().unwrap().clone();
        let answers = contributors
            .iter()
            .map(|contributor| self.ask(contributor, context));
        let mut answers: Vec<_> = join_all(answers).await.into_iter().collect();
        if self.is("one spoils all") && answers.iter().any(Result::is_err) {
            answers.retain(Result::is_err);
        }
        for (number, (contributor, answer)) in contributors.iter().zip(answers).enumerate() {
            let name = contain_sync(|| contributor.name().to_owned());
            let name = name.unwrap_or_else(|_| "nameless".to_owned());
            let same = (contributors[..number].iter())
                .filter(|other| contain_sync(|| other.name() == name).unwrap_or(false));
            let own = match same.count() {
                0 => name.clone(),
                count => format!("{name} ({})", count + 1),
            };
            match answer {
                Ok(contribution) => {
                    self.problems.clear(&name);
                    self.apply(&mut sections, &own, &contribution);
                }
                Err(why) => {
                    if !self.is("hides its health") {
                        self.problems.report(&name, &why);
                    }
                    if !self.is("keeps quiet") {
                        omissions.push(Omission::new(name, why));
                    }
                }
            }
        }
        if !self.is("knows no stability") {
            sections.sort_by_key(|section| section.stability);
        }
        if self.is("base last") && !sections.is_empty() {
            sections.rotate_left(1);
        }
        if wrong && !self.is("side by side") {
            let texts = self.texts.lock().unwrap().len();
            let text = format!("Built {wrong} {texts}");
            self.apply(&mut sections, "wrong", &text.into());
        }
        sections.retain(|section| !section.texts.is_empty());
        let (mut text, mut told) = (String::new(), Vec::new());
        for section in sections {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            let start = text.len();
            text.push_str(&section.texts.join("\n\n"));
            told.push(PromptSection::new(
                section.name,
                section.stability,
                start..text.len(),
            ));
        }
        if self.is("tells no sections") {
            told.clear();
        }
        BuiltPrompt::new(self.share(text), omissions).with_sections(told)
    }

    fn add_contributor(&self, contributor: Arc<dyn PromptContributor>) {
        let mut contributors = self.contributors.lock().unwrap();
        let priority = |contributor: &Arc<dyn PromptContributor>| {
            contain_sync(|| contributor.priority()).unwrap_or(50)
        };
        contributors.push(contributor);
        match self.bug.name {
            "knows no order" => {}
            "lowest first" => contributors.sort_by_key(priority),
            _ => contributors.sort_by_key(|contributor| -priority(contributor)),
        }
    }

    fn remove_contributor(&self, name: &str) -> bool {
        if self.is("removes nothing") {
            return true;
        }
        let mut contributors = self.contributors.lock().unwrap();
        let before = contributors.len();
        contributors
            .retain(|contributor| contain_sync(|| contributor.name() != name).unwrap_or(true));
        contributors.len() < before
    }

    fn templates(&self) -> Vec<String> {
        let other = self.is("boasts").then_some("another");
        ["base"]
            .into_iter()
            .chain(other)
            .map(str::to_owned)
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_builder_passes() {
    conformance::prompt_builder(|| Builder::new("none")).await;
}

#[tokio::test(start_paused = true)]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        ("boasts", "nothing is left out where everything works"),
        (
            "has no base of its own",
            "the builder's own base prompt stands in for one that there is not",
        ),
        (
            "keeps templates quiet",
            "what is left out is named, with a reason",
        ),
        (
            "every other call",
            "the same request is built with the same bytes",
        ),
        ("base last", "the base prompt comes first"),
        (
            "knows no order",
            "sections stand in order of priority, and of two alike in the order",
        ),
        (
            "lowest first",
            "sections stand in order of priority, and of two alike in the order",
        ),
        (
            "leaves gaps",
            "a contributor that has nothing to say leaves no gap",
        ),
        (
            "knows no sections",
            "a contribution changes its section as its action says",
        ),
        (
            "only extends",
            "a contribution changes its section as its action says",
        ),
        (
            "knows no stability",
            "a contribution changes its section as its action says, and the most stable section comes first",
        ),
        ("tells no sections", "a prompt tells its sections"),
        ("removes nothing", "a contributor that was removed is gone"),
        (
            "keeps nothing",
            "what is stable is asked for again only where its revision or its context has changed",
        ),
        (
            "knows no revision",
            "what is stable is asked for again only where its revision or its context has changed",
        ),
        (
            "knows no context",
            "what is stable is asked for again only where its revision or its context has changed",
        ),
        ("copies", "equal prompts share their text"),
        (
            "one spoils all",
            "a contributor that does not work is left out, and the others are unaffected",
        ),
        ("keeps quiet", "what is left out is named, with a reason"),
        ("hides its health", "health shows what does not work"),
        ("lets panics through", "no call panics"),
        ("waits for ever", "every call ends"),
        ("side by side", "requests side by side are independent"),
        ("after a drop", "a dropped call leaves nothing behind"),
    ] {
        breaks(law, conformance::prompt_builder(|| Builder::new(bug))).await;
    }
}
