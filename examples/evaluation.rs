//! Says with how much certainty an agent passes its cases: the whole agent, with its tools, by a coordinator of its own.
//!
//! ```sh
//! cargo run -p examples --example evaluation
//! ```

use std::sync::Arc;

use anyhow::Context as _;
use victor_evaluation::evaluators::{Contains, Trajectory, TrajectoryMatch};
use victor_evaluation::{EvaluationCoordinator, Gate, Summary};
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::Agent;
use victor_orchestrator::evaluation::{
    Dataset, EvalCase, EvaluationPlan, ExpectedCall, RunOptions,
};
use victor_workspace_tools::WorkspaceTools;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("notes.txt"),
        "We met on Monday. The deadline is Friday noon. There was cake.",
    )?;
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tools(WorkspaceTools::open(folder.path())?.tools())
        .evaluation_coordinator(Arc::new(EvaluationCoordinator::new()))
        .build()?;

    let questions = [
        ("deadline", "the deadline", "Friday noon"),
        ("meeting", "Monday", "We met"),
        ("cake", "cake", "cake"),
    ];
    let cases = questions.map(|(id, about, answer)| {
        EvalCase::new(id, format!("What does notes.txt say about {about}?"))
            .expect_text(answer)
            .expect_call(ExpectedCall::new("read_file"))
    });
    let agent = orchestrator.clone();
    // Each trial is a conversation of its own.
    let subject = move |case: &EvalCase| -> Arc<dyn Agent> {
        Arc::new(agent.session(format!("trial of {}", case.id)))
    };
    let plan = EvaluationPlan::new("first", Dataset::new("notes", cases.into())?, subject)
        .evaluator(Contains)
        .evaluator(Trajectory::new(TrajectoryMatch::Superset))
        .options(RunOptions::default().with_repeats(2));
    let runner = orchestrator
        .evaluation_coordinator()
        .context("there is a runner")?;
    let run = runner.run(plan).await?;

    for evaluator in &Summary::of(&run, 0.95).evaluators {
        println!(
            "{}: {:.0} % passed",
            evaluator.name,
            evaluator.pass_rate.unwrap_or_default() * 100.0
        );
        // Three cases say little, and a gate decides by the interval.
        println!("  at least 30 %: {}", Gate::MinPass(0.3).decide(evaluator));
        println!("  at least 90 %: {}", Gate::MinPass(0.9).decide(evaluator));
    }
    Ok(())
}
