use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::timeout;
use victor_core::{Coordinator, Health, Problems, contain, contain_sync};
use victor_prompt_protocol::{
    BuiltPrompt, Omission, PromptBuilder, PromptContext, PromptContributor,
};
use victor_testkit::conformance;

use super::{Bug, breaks};

/// Joins the sections, whatever was said before.
#[derive(Debug)]
struct Builder {
    bug: Bug,
    contributors: Mutex<Vec<Arc<dyn PromptContributor>>>,
    texts: Mutex<Vec<Arc<str>>>,
    problems: Problems,
}

impl Builder {
    fn new(bug: &'static str) -> Self {
        Self {
            bug: Bug::new(bug),
            contributors: Mutex::default(),
            texts: Mutex::default(),
            problems: Problems::default(),
        }
    }

    fn is(&self, bug: &str) -> bool {
        self.bug.is(bug)
    }

    async fn ask(
        &self,
        contributor: &dyn PromptContributor,
        context: &PromptContext,
    ) -> Result<String, String> {
        if self.is("lets panics through") {
            let answer = contributor.get_contribution(context).await;
            return answer
                .map(|section| section.text().to_owned())
                .map_err(|error| error.to_string());
        }
        let limit = match self.bug.name {
            "waits for ever" => Duration::from_secs(1_000_000),
            _ => Duration::from_secs(1),
        };
        let answer = contain(timeout(limit, contributor.get_contribution(context)))
            .await
            .map_err(|panicked| panicked.to_string())?
            .map_err(|_| "too slow")?;
        let section = answer.map_err(|error| error.to_string())?;
        Ok(section.text().to_owned())
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
        let mut sections = vec!["The base.".to_owned()];
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
            .map(|contributor| self.ask(&**contributor, context));
        let mut answers: Vec<_> = join_all(answers).await.into_iter().collect();
        if self.is("one spoils all") && answers.iter().any(Result::is_err) {
            answers.retain(Result::is_err);
        }
        for (contributor, answer) in contributors.iter().zip(answers) {
            let name = contain_sync(|| contributor.name().to_owned())
                .unwrap_or_else(|_| "nameless".to_owned());
            match answer {
                Ok(section) if section.is_empty() && !self.is("leaves gaps") => {}
                Ok(section) => {
                    self.problems.clear(&name);
                    sections.push(section);
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
        if self.is("base last") {
            sections.rotate_left(1);
        }
        if wrong && !self.is("side by side") {
            sections.push(format!(
                "Built {wrong} {}",
                self.texts.lock().unwrap().len()
            ));
        }
        BuiltPrompt::new(self.share(sections.join("\n\n")), omissions)
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
