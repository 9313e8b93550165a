//! Templates as base prompts.

use victor_minijinja::MinijinjaRenderer;
use victor_orchestrator::coordinators::prompt::PromptCoordinator;
use victor_orchestrator::core::Coordinator;
use victor_orchestrator::prompt::Stability::{self, Process, Session};
use victor_orchestrator::prompt::{PromptBuilder, PromptContext};

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
