//! Strategies that do not work.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_core::{Coordinator, ModelId, ToolSpec};
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};
use victor_testkit::faults::{Fault, Faulty};
use victor_tool_selection::{SelectionOptions, Semantic, ToolSelectionCoordinator};
use victor_tool_selection_protocol::{
    SelectionError, SelectionRequest, ToolSelectionStrategy, ToolSelector,
};

use super::{Told, names, numbered, request};

fn with(strategy: impl ToolSelectionStrategy) -> ToolSelectionCoordinator {
    let name = strategy.name().to_owned();
    let builder = ToolSelectionCoordinator::builder()
        .options(SelectionOptions::default().with_limit(Some(3)))
        .register_strategy(Arc::new(strategy))
        .strategy(name);
    builder.build().unwrap()
}

/// Asserts what is said of a strategy that goes wrong in its first call, and that it is followed in the second.
async fn check(fault: Fault, problem: &str) {
    let coordinator = with(Faulty::new(Told, fault).first(1));
    let tools = numbered(9);
    let request = request("t7:1 t8:2");
    let selection = coordinator.select_tools(&request, &tools).await;
    assert_eq!(names(&selection), ["t0", "t1", "t2"]);
    assert_eq!(
        selection.problem.unwrap(),
        format!("the strategy `told` does not work, so it chose no tools: {problem}")
    );
    let health = coordinator.health();
    assert_eq!(health.problems, [format!("strategy `told`: {problem}")]);

    let selection = coordinator.select_tools(&request, &tools).await;
    assert_eq!(
        names(&selection),
        ["t0", "t7", "t8"],
        "one that was shown is kept"
    );
    assert_eq!(selection.problem, None);
    assert!(coordinator.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn a_strategy_that_does_not_work_is_done_without_until_it_does() {
    check(Fault::Error, "injected fault").await;
    check(Fault::Panic, "panicked: injected fault").await;
    check(Fault::Hang, "gave no answer within 5s").await;
    check(
        Fault::Slow(Duration::from_secs(6)),
        "gave no answer within 5s",
    )
    .await;
}

/// Says what it was made with.
#[derive(Debug)]
struct Says(&'static [f32]);

#[async_trait]
impl ToolSelectionStrategy for Says {
    fn name(&self) -> &str {
        "says"
    }

    async fn score(
        &self,
        _request: &SelectionRequest,
        _tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        Ok(self.0.to_vec())
    }
}

#[tokio::test]
async fn scores_that_break_the_contract_are_not_followed() {
    let check = async |scores: &'static [f32], problem: &str| {
        let selection = with(Says(scores))
            .select_tools(&request(""), &numbered(4))
            .await;
        assert_eq!(names(&selection), ["t0", "t1", "t2"]);
        let found = selection.problem.unwrap();
        assert!(found.ends_with(problem), "{found}");
    };
    check(&[1.0, 2.0, 3.0], ": it has 3 scores for 4 tools").await;
    check(&[1.0; 5], ": it has 5 scores for 4 tools").await;
    check(
        &[0.0, f32::NAN, 1.0, 1.0],
        "a score of NaN, and scores are finite and not negative",
    )
    .await;
    check(
        &[0.0, 1.0, f32::INFINITY, 1.0],
        "a score of inf, and scores are finite and not negative",
    )
    .await;
    check(
        &[0.0, 1.0, 1.0, -0.5],
        "a score of -0.5, and scores are finite and not negative",
    )
    .await;
}

#[tokio::test]
async fn what_was_shown_stays_while_a_strategy_does_not_work() {
    let coordinator = with(Faulty::new(Told, Fault::Error).every(2));
    let tools = numbered(9);
    let first = coordinator
        .select_tools(&request("t4:1 t6:1 t8:1"), &tools)
        .await;
    let second = coordinator.select_tools(&request("t1:1"), &tools).await;
    assert!(second.problem.is_some());
    assert!(Arc::ptr_eq(&first.tools, &second.tools));
}

#[tokio::test]
async fn a_strategy_that_is_no_longer_used_ails_nobody() {
    let coordinator = with(Faulty::new(Told, Fault::Error));
    coordinator.select_tools(&request(""), &numbered(9)).await;
    assert!(!coordinator.health().is_healthy());
    coordinator.use_strategy("keyword").unwrap();
    assert!(coordinator.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn a_strategy_that_fails_when_another_has_taken_its_place_ails_nobody() {
    let coordinator = with(Faulty::new(Told, Fault::Hang));
    let (tools, request) = (numbered(9), request("t1:1"));
    let (selection, ()) = tokio::join!(coordinator.select_tools(&request, &tools), async {
        coordinator.use_strategy("keyword").unwrap();
    });
    assert!(selection.problem.is_some());
    assert!(coordinator.health().is_healthy());
}

/// Embeds one text a call, and fails at every call but each third.
#[derive(Debug)]
struct Flaky(ModelId, std::sync::atomic::AtomicUsize);

#[async_trait]
impl Embedder for Flaky {
    fn model(&self) -> &ModelId {
        &self.0
    }

    fn dimensions(&self) -> usize {
        1
    }

    fn max_batch(&self) -> usize {
        1
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        let call = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if !call.is_multiple_of(3) {
            return Err(EmbedError::unavailable("busy"));
        }
        Ok(vec![Embedding::new([texts[0].len() as f32])?])
    }
}

#[tokio::test]
async fn vectors_that_were_made_before_a_failure_are_kept() {
    let semantic =
        Semantic::new(Arc::new(Flaky("flaky".into(), Default::default()))).with_capacity(2);
    let tools = numbered(5);
    let mut failures = 0;
    while let Err(error) = semantic.score(&request("x"), &tools).await {
        assert_eq!(error.to_string(), "cannot embed");
        failures += 1;
        assert!(failures < 20);
    }
    assert_eq!(
        failures, 10,
        "two for each of the tools, and none for one twice"
    );
}
