//! The coordinator and every evaluator keep the laws of their protocol.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use victor_evaluation::EvaluationCoordinator;
use victor_evaluation::evaluators::{
    Contains, CostWithin, Custom, Exact, FilesMatch, JsonMatches, JsonPathMatches,
    JsonSchemaMatches, Judge, LatencyWithin, Numeric, PairwiseJudge, RegexMatches, Similarity,
    StateMatches, Trajectory, TrajectoryMatch,
};
use victor_evaluation_protocol::{EvalCase, Evaluator, ExpectedCall, Judgement, Trial};
use victor_lexical::LexicalEmbedder;
use victor_provider_protocol::NanoDollars;
use victor_testkit::{ScriptedModel, conformance};

#[tokio::test(start_paused = true)]
async fn the_coordinator_keeps_the_laws_of_runners() {
    conformance::evaluation_runner(EvaluationCoordinator::new).await;
}

/// A model that says the same to everybody.
fn model(says: &str) -> Arc<ScriptedModel> {
    Arc::new((0..2_000).fold(ScriptedModel::new(), |model, _| model.says(says)))
}

#[tokio::test(start_paused = true)]
async fn evaluators_keep_their_laws() {
    let mut case = EvalCase::new("case", "2 + 2?")
        .expect_text("4")
        .expect_call(ExpectedCall::new("sum"));
    case.expected.files.insert("a.txt".into(), None);
    case.expected.state = Some(json!({}));
    let trial = Trial::answered("case", "4");
    let path = JsonPathMatches::new("path", "$").unwrap();
    let evaluators: [Arc<dyn Evaluator>; 17] = [
        Arc::new(Exact),
        Arc::new(Contains),
        Arc::new(RegexMatches::new("four", "4").unwrap()),
        Arc::new(Numeric::default()),
        Arc::new(JsonMatches),
        Arc::new(JsonSchemaMatches::new(&json!({})).unwrap()),
        Arc::new(path.equal_to(json!(4))),
        Arc::new(Similarity::new(LexicalEmbedder::default(), 0.5)),
        Arc::new(Trajectory::new(TrajectoryMatch::Strict)),
        Arc::new(Trajectory::new(TrajectoryMatch::Unordered)),
        Arc::new(FilesMatch),
        Arc::new(StateMatches),
        Arc::new(CostWithin::new(NanoDollars::from_nanos(1))),
        Arc::new(LatencyWithin::new(Duration::from_secs(1))),
        Arc::new(Custom::new("custom", |_, _| Judgement::NotApplicable)),
        Arc::new(Judge::new(
            "judge",
            model("{\"passed\": true}"),
            "m",
            "It is right.",
        )),
        Arc::new(PairwiseJudge::new(
            "pair",
            model("{\"better\": 0}"),
            "m",
            "It is right.",
        )),
    ];
    for evaluator in evaluators {
        conformance::evaluator(&*evaluator, &case, &trial).await;
    }
}
