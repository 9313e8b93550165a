//! Templates as base prompts.

use async_trait::async_trait;
use victor_minijinja::MinijinjaRenderer;
use victor_orchestrator::chat::TurnEventKind;
use victor_orchestrator::coordinators::prompt::PromptCoordinator;
use victor_orchestrator::core::Coordinator;
use victor_orchestrator::prompt::Stability::{self, Process, Session};
use victor_orchestrator::prompt::{
    Contribution, PromptBuilder, PromptContext, PromptContributor, PromptError, PromptVersion,
};
use victor_testkit::ScriptedModel;

use crate::builder;

fn coordinator() -> PromptCoordinator {
    PromptCoordinator::builder()
        .renderer(MinijinjaRenderer::default())
        .variable("product", "Acme")
        .template("default", "Default.")
        .template("tone", "Be {{ mood | default('kind') }}.")
        .template("review", "Review {{ language }}. {% include 'tone' %}")
        .template("product", "You sell {{ product }}.")
        .template("fixed", "Fixed. {% include 'product' %}")
        .template("lost", "{% include 'nowhere' %}")
        .template("circle", "{% include 'circle' %}")
        .build()
}

async fn check(
    template: &str,
    language: &str,
    expected: &str,
    stability: Stability,
    problem: &str,
) {
    let prompt = coordinator();
    let facts = [
        ("language", language),
        ("product", "a fact is beneath a variable"),
    ];
    let context = PromptContext::from_iter(facts).with_template(template);
    for _ in 0..2 {
        let built = prompt.build_system_prompt(&context).await;
        assert_eq!(&*built.text, expected);
        assert_eq!(built.sections[0].stability, stability);
        let reasons: Vec<_> = built
            .omissions
            .iter()
            .map(|omission| &*omission.reason)
            .collect();
        assert!(reasons.concat().contains(problem), "{reasons:?}");
        assert_eq!(prompt.health().is_healthy(), problem.is_empty());
    }
}

#[tokio::test]
async fn a_base_prompt_is_as_stable_as_its_variables() {
    check("review", "Rust", "Review Rust. Be kind.", Session, "").await;
    check("product", "Rust", "You sell Acme.", Process, "").await;
    check("fixed", "Rust", "Fixed. You sell Acme.", Process, "").await;
    check("tone", "Rust", "Be kind.", Session, "").await;
}

#[tokio::test]
async fn for_a_template_that_fails_the_default_stands_in() {
    for (template, problem) in [
        ("lost", "template `lost`, line 1"),
        (
            "circle",
            "templates need each other in a circle: circle → circle",
        ),
    ] {
        check(template, "Rust", "Default.", Process, problem).await;
    }
    let context = PromptContext::new().with_template("review");
    let built = coordinator().build_system_prompt(&context).await;
    assert_eq!(
        built.omissions[0].reason,
        "`default` stands in: template `review`, line 1, column 11: unknown variable `language`; known are `product`"
    );
}

#[tokio::test]
async fn a_fact_that_changes_changes_the_prompt() {
    let prompt = coordinator();
    for language in ["Rust", "C", "Rust"] {
        let context = PromptContext::from_iter([("language", language)]).with_template("review");
        let built = prompt.build_system_prompt(&context).await;
        assert_eq!(&*built.text, format!("Review {language}. Be kind."));
    }
}

/// Says a text of a stored prompt.
#[derive(Debug)]
struct Tone;

#[async_trait]
impl PromptContributor for Tone {
    fn name(&self) -> &str {
        "tone"
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        let version = PromptVersion::new("tone", "7").with_label("production");
        let message = cx.message().unwrap_or("nobody");
        Ok(Contribution::from(format!("Be kind to {message}.")).with_version(version))
    }
}

#[tokio::test]
async fn the_versions_that_were_used_are_on_the_events_of_the_turn() {
    let model = ScriptedModel::new().says("Yes.").says("No.");
    let (model, builder) = builder(model);
    let orchestrator = builder.prompt_contributor(Tone).build().unwrap();
    let session = orchestrator.session("x");
    for message in ["Ada", "Bob"] {
        let (mut turn, mut used) = (session.stream_chat(message), Vec::new());
        while let Some(event) = turn.next().await {
            if let TurnEventKind::PromptUsed(event) = event.unwrap().kind {
                used.extend(event.versions.iter().map(ToString::to_string));
            }
        }
        assert_eq!(used, ["tone@7 (production)"]);
        let sent = model.requests().last().unwrap().system.clone().unwrap();
        assert!(sent.contains(&format!("Be kind to {message}.")), "{sent}");
    }
}

#[tokio::test]
async fn a_prompt_can_be_looked_at_before_it_is_sent() {
    let (model, builder) = builder(ScriptedModel::new().says("Yes."));
    let orchestrator = builder.prompt_contributor(Tone).build().unwrap();
    let session = orchestrator.session("x");
    session.switch_mode("plan").unwrap();
    let prompt = session.system_prompt().await.unwrap();
    let names: Vec<_> = prompt
        .sections
        .iter()
        .map(|section| &*section.name)
        .collect();
    assert_eq!(names, ["base", "tone", "mode"]);
    let texts: Vec<_> = prompt.section_texts().map(|(_, text)| text).collect();
    assert_eq!(texts.join("\n\n"), *prompt.text);
    session.chat("nobody").await.unwrap();
    assert_eq!(model.requests()[0].system.as_deref(), Some(&*prompt.text));
}
