//! Live turns, judged in the background.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_evaluation::evaluators::Contains;
use victor_evaluation::{LiveEvaluation, LiveOptions};
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::analytics::{AnalyticsEvent, EventQuery};
use victor_orchestrator::coordinators::analytics::AnalyticsCoordinator;
use victor_orchestrator::core::SessionId;
use victor_orchestrator::evaluation::{EvalCase, Evaluator, EvaluatorError, Judgement, Trial};

/// An evaluator that does as it is told.
#[derive(Debug, Clone, Copy)]
enum Act {
    Scores,
    Fails,
    Panics,
    Hangs,
}

#[async_trait]
impl Evaluator for Act {
    fn name(&self) -> &str {
        "act"
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        assert_eq!(case.turns[0].input, trial.turns[0].input);
        match self {
            Self::Scores => Ok(Judgement::passed(
                trial.answer().contains("offline-extractive"),
            )),
            Self::Fails => Err(EvaluatorError::new("out of order")),
            Self::Panics => panic!("out of cheese"),
            Self::Hangs => std::future::pending().await,
        }
    }
}

/// Has some turns judged in this way, and returns the events of the judgements and the problems before the end.
async fn judged(
    act: Act,
    options: LiveOptions,
    turns: usize,
) -> (Vec<AnalyticsEvent>, Vec<String>) {
    let analytics = Arc::new(AnalyticsCoordinator::new([]));
    let evaluators: [Arc<dyn Evaluator>; 2] = [Arc::new(Contains), Arc::new(act)];
    let live = Arc::new(LiveEvaluation::new(analytics.clone(), evaluators).with_options(options));
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .analytics_coordinator(analytics.clone())
        .turn_observer(live.clone())
        .custom_coordinator("live_evaluation", live)
        .build()
        .unwrap();
    for _ in 0..turns {
        orchestrator.chat("Hello!").await.unwrap();
    }
    let health = orchestrator.health().coordinators;
    let live = health
        .into_iter()
        .find(|health| health.coordinator == "live_evaluation")
        .unwrap();
    orchestrator.shutdown().await;
    let query = EventQuery::default().with_types(vec!["evaluation".to_owned()]);
    (
        orchestrator.analytics_coordinator().events(&query),
        live.problems,
    )
}

fn all() -> LiveOptions {
    LiveOptions::default().with_sample(1.0).with_reasons(true)
}

#[tokio::test]
async fn judgements_are_events_of_the_session() {
    let (events, _) = judged(Act::Scores, all(), 2).await;
    assert_eq!(
        events.len(),
        2,
        "those that need an expectation say nothing: {events:?}"
    );
    for event in &events {
        assert_eq!(
            event.session_id.as_ref().map(SessionId::as_str),
            Some("default")
        );
        let data = event.data.to_map();
        assert_eq!(
            (&data["evaluator"], &data["score"], &data["passed"]),
            (&"act".into(), &1.0.into(), &true.into())
        );
    }
    let turns = events
        .iter()
        .map(|event| event.data.to_map()["turn_id"].to_string());
    assert_eq!(turns.collect::<std::collections::BTreeSet<_>>().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_is_no_score_and_no_turn_feels_it() {
    for (act, reason) in [
        (Act::Fails, "out of order"),
        (Act::Panics, "out of cheese"),
        (Act::Hangs, "gave no answer"),
    ] {
        let (events, _) = judged(act, all().with_drain(Duration::from_secs(600)), 1).await;
        let data = events[0].data.to_map();
        assert_eq!(data["invalid"], true, "{act:?}");
        assert!(
            data["reason"].to_string().contains(reason),
            "{act:?}: {data:?}"
        );
        assert!(!data.contains_key("score"), "{act:?}: {data:?}");
    }
    // Reasons may repeat what was said, so they are not told unless somebody asks for them.
    let (events, _) = judged(Act::Fails, LiveOptions::default().with_sample(1.0), 1).await;
    assert!(!events[0].data.to_map().contains_key("reason"));
}

#[tokio::test(start_paused = true)]
async fn turns_beyond_the_queue_are_not_judged_and_that_is_shown() {
    let options = all().with_queue(2).with_drain(Duration::from_secs(3600));
    let (events, problems) = judged(Act::Hangs, options, 6).await;
    assert!((2..=3).contains(&events.len()), "{events:?}");
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("lower the sample")),
        "{problems:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_only_for_so_long() {
    let started = tokio::time::Instant::now();
    let (events, _) = judged(Act::Hangs, all().with_drain(Duration::from_secs(5)), 1).await;
    assert!(events.is_empty() && started.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn a_sample_is_a_share_of_the_turns() {
    let (events, problems) = judged(Act::Scores, LiveOptions::default().with_sample(0.0), 5).await;
    assert!(events.is_empty() && problems.is_empty());
    let (events, _) = judged(Act::Scores, all().with_sample(0.5).with_queue(500), 200).await;
    assert!((60..140).contains(&events.len()), "{}", events.len());
}
