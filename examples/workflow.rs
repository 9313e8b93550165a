//! Runs a workflow whose process ends in the middle, with steps of its own and turns of an agent.
//!
//! ```sh
//! cargo run -p examples --example workflow
//! ```
//!
//! The same kind of definition in YAML, for the command `victor workflow`, is in `examples/workflows`.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_sql::Database;
use victor_workflow::WorkflowCoordinator;
use victor_workflow::protocol::{
    AgentStep, Body, Join, Retry, RunOutcome, StartRun, Step, StepContext, StepError, StepHandler,
    StepOutcome, Workflow, WorkflowRunner,
};
use victor_workflow_steps::{AGENT, AgentHandler};
use victor_workspace_tools::WorkspaceTools;

/// Ships what was built, and takes it back if something later fails.
#[derive(Debug)]
struct Shop;

#[async_trait]
impl StepHandler for Shop {
    async fn call(&self, cx: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
        // A real shop is given the key, so that a second call after a crash is known to it.
        println!(
            "  {}: {} (key ends in {})",
            cx.step,
            input["do"],
            &cx.idempotency_key[37..]
        );
        match input["do"].as_str() {
            Some("announce") => Err(StepError::permanent("nobody listens")),
            _ => Ok(json!({ "name": input["what"] }).into()),
        }
    }
}

/// The definition: data, with a hash of its content as identity.
fn release() -> Workflow {
    let read = AgentStep {
        prompt: "What does {{ item }} say about decisions?".into(),
        ..AgentStep::default()
    };
    Workflow::new(
        "release",
        [
            Step::call(
                "build",
                "shop",
                json!({ "do": "build", "what": "{{ input.name }}" }),
            )
            .retry(Retry::new(3)),
            // Both come after `build`, and so run at the same time.
            Step::map("notes", "input.files", Body::new([Step::new("read", read)]))
                .after(["build"]),
            Step::approval("ok", "Ship {{ steps.build.name }}?").after(["build"]),
            Step::branch("route", [("steps.ok.approved", "ship")], None)
                .after(["ok", "notes"])
                .join(Join::All),
            Step::call(
                "ship",
                "shop",
                json!({ "do": "ship", "what": "{{ steps.build.name }}" }),
            )
            .compensate(
                "shop",
                json!({ "do": "take back", "what": "{{ output.name }}" }),
            ),
            Step::call("announce", "shop", json!({ "do": "announce" })).after(["ship"]),
        ],
    )
}

/// A runner as every process makes one: over the database, with the same handlers.
async fn runner(path: &str) -> anyhow::Result<WorkflowCoordinator> {
    let database = Database::open(path).await?;
    let agent = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .session_store(database.session_store())
        .tools(WorkspaceTools::open(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?.tools())
        .build()?;
    let runner = WorkflowCoordinator::builder(database.workflow_journal())
        .handler("shop", Shop)
        .handler(AGENT, AgentHandler::new(agent))
        .build();
    runner.register(release())?;
    Ok(runner)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("victor.db").display().to_string();

    println!("The first process:");
    let first = runner(&path).await?;
    let input = json!({ "name": "victor-1.0.tar", "files": ["docs/architecture.md"] });
    let start = StartRun::new("release", input).with_key("1.0");
    let (run, outcome) = first.run(&start).await?;
    let RunOutcome::Waiting { pending, .. } = outcome else {
        anyhow::bail!("{outcome:?}")
    };
    println!("  waits for {} step: {}", pending.len(), pending[0].step);
    drop(first);

    println!("Another one, another day:");
    let second: Arc<dyn WorkflowRunner> = Arc::new(runner(&path).await?);
    // The same key is the same run, and nothing that has finished is done again.
    assert_eq!(second.start(&start).await?.id, run);
    for wait in second.pending(run).await? {
        second
            .signal(run, &wait.answer(json!({ "approved": true })))
            .await?;
    }
    match second.drive(run).await? {
        RunOutcome::Failed { message, step } => {
            let step = step.map(|step| step.to_string()).unwrap_or_default();
            println!("The run has failed at {step}, and what it did is undone: {message}");
        }
        outcome => anyhow::bail!("{outcome:?}"),
    }
    let records = second.follow(run, 0, 1_000).await?;
    println!("Its {} records tell all of it.", records.len());
    Ok(())
}
