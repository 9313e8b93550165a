//! The orchestrator and workflows: its turns and tools as steps, and the runner as a coordinator.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{HealthStatus, RunId};
use victor_orchestrator::chat::{Agent as _, TurnOutcome};
use victor_orchestrator::session::SessionStore as _;
use victor_orchestrator::tool::InMemoryReceiptStore;
use victor_orchestrator::workflow::{
    AgentRequest, AgentStep, AgentTurn, InMemoryJournal, RunOutcome, Signal, StartRun, Step,
    StepAction, StepAgent, Wait, Workflow, WorkflowError, WorkflowRunner,
};
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder};
use victor_sql::Database;
use victor_testkit::ScriptedModel;
use victor_workflow::WorkflowCoordinator;
use victor_workflow_steps::{AGENT, AgentHandler, TOOL, ToolHandler, WorkflowAgent};

use crate::recovery::Disk;
use crate::{AskAlways, Note, builder};

/// A program with a runner, as it composes them.
struct Program {
    runner: Arc<WorkflowCoordinator>,
    orchestrator: AgentOrchestrator,
}

impl Program {
    fn new(runner: WorkflowCoordinator, builder: AgentOrchestratorBuilder) -> Self {
        let runner = Arc::new(runner);
        let builder = builder.workflow_coordinator(runner.clone());
        let orchestrator = builder.build().unwrap();
        runner.add_handler(AGENT, Arc::new(AgentHandler::new(orchestrator.clone())));
        let tools = orchestrator.tool_coordinator().clone();
        runner.add_handler(TOOL, Arc::new(ToolHandler::new(tools)));
        Self {
            runner,
            orchestrator,
        }
    }

    fn in_memory(builder: AgentOrchestratorBuilder) -> Self {
        let runner = WorkflowCoordinator::builder(InMemoryJournal::default()).build();
        Self::new(runner, builder)
    }

    /// A process over a database.
    async fn on(path: &Path, builder: AgentOrchestratorBuilder) -> Self {
        let database = Database::open(path.to_str().unwrap()).await.unwrap();
        let runner = WorkflowCoordinator::builder(database.workflow_journal()).build();
        let builder = builder
            .session_store(database.session_store())
            .receipt_store(database.receipt_store());
        Self::new(runner, builder)
    }

    async fn run(&self, steps: impl IntoIterator<Item = Step>) -> (RunId, RunOutcome) {
        self.runner.register(Workflow::new("test", steps)).unwrap();
        self.runner
            .run(&StartRun::new("test", Value::Null))
            .await
            .unwrap()
    }
}

fn agent(change: impl FnOnce(&mut AgentStep)) -> Step {
    let mut step = AgentStep {
        prompt: "Do it".into(),
        ..AgentStep::default()
    };
    change(&mut step);
    Step::new("work", StepAction::Agent(step))
}

fn tool(arguments: &Value) -> Step {
    let step = json!({ "id": "note", "tool": { "name": "note", "arguments": arguments } });
    serde_json::from_value(step).unwrap()
}

fn finished(outcome: &RunOutcome) -> &Value {
    match outcome {
        RunOutcome::Finished(output) => output,
        other => panic!("{other:?}"),
    }
}

fn failure(outcome: RunOutcome) -> String {
    match outcome {
        RunOutcome::Failed { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

/// The answer to the one question of a run, which shows this.
fn question(outcome: &RunOutcome, shown: &str) -> impl Fn(Value) -> Signal + use<> {
    let RunOutcome::Waiting { pending, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let [wait] = &pending[..] else {
        panic!("{pending:?}");
    };
    let Wait::Answer { prompt, .. } = &wait.wait else {
        panic!("{wait:?}");
    };
    assert!(prompt.contains(shown), "{prompt}");
    let wait = wait.clone();
    move |answer| wait.answer(answer)
}

#[tokio::test]
async fn the_runner_lives_with_the_orchestrator() {
    let program = Program::in_memory(builder(ScriptedModel::new()).1);
    let health = program.orchestrator.health();
    let status = health.get("workflow").map(|health| health.status);
    assert_eq!(status, Some(HealthStatus::Healthy));
    assert!(program.orchestrator.workflow_coordinator().is_some());
    program.orchestrator.shutdown().await;
    program
        .runner
        .register(Workflow::new("test", [Step::transform("a", 1)]))
        .unwrap();
    let refused = program
        .runner
        .run(&StartRun::new("test", Value::Null))
        .await;
    assert!(
        matches!(refused, Err(WorkflowError::ShutDown)),
        "{refused:?}"
    );
    // The handlers hold the orchestrator, and it holds the runner.
    let runner = Arc::downgrade(&program.runner);
    drop(program);
    assert!(
        runner.upgrade().is_none(),
        "a program that was shut down is freed"
    );
}

#[tokio::test]
async fn a_turn_of_a_step_has_a_mode_tools_a_model_and_a_budget_of_its_own() {
    let (notes, files) = (Note::new("note"), Note::new("file"));
    let script = ScriptedModel::new()
        .calls_all([
            ("file", json!({ "text": "a" })),
            ("note", json!({ "text": "b" })),
        ])
        .says("{\"score\": 7}");
    let (model, builder) = builder(script);
    let program = Program::in_memory(builder.tool(notes.clone()).tool(files.clone()));
    let step = agent(|step| {
        step.mode = Some("build".into());
        step.tools = Some(vec!["note*".into()]);
        step.model = Some("small".into());
        step.max_tokens = Some(1_000_000);
    });
    let score = Step::transform("score", "{{ steps.work.json.score }}");
    let (run, outcome) = program.run([step, score]).await;
    assert_eq!(finished(&outcome), &json!(7));
    assert_eq!((notes.calls().len(), files.calls().len()), (1, 0));
    for request in model.requests() {
        let tools: Vec<_> = request
            .tools
            .iter()
            .map(|tool| tool.name.as_str())
            .collect();
        assert_eq!(
            (request.model.as_ref().unwrap().as_str(), &tools[..]),
            ("small", &["note"][..])
        );
    }
    let session = program.orchestrator.session(format!("{run}/work"));
    assert_eq!(session.transcript().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_mode_that_denies_is_kept_within_a_step() {
    for mode in ["plan", "PLAN"] {
        let notes = Note::new("note");
        let script = ScriptedModel::new()
            .calls("note", json!({ "text": "a" }))
            .says("done");
        let program = Program::in_memory(builder(script).1.tool(notes.clone()));
        let step = agent(|step| {
            step.mode = Some(mode.into());
            step.tools = Some(vec!["note".into()]);
        });
        let (_, outcome) = program.run([step]).await;
        assert_eq!(finished(&outcome)["text"], "done");
        assert_eq!(notes.calls().len(), 0, "plan permits no writes");
    }
    let program = Program::in_memory(builder(ScriptedModel::new()).1);
    let (_, outcome) = program
        .run([agent(|step| step.mode = Some("warp".into()))])
        .await;
    assert!(failure(outcome).contains("unknown mode `warp`"));
}

#[tokio::test]
async fn a_budget_that_is_used_up_ends_the_turn_without_tools() {
    let notes = Note::new("note");
    let script = ScriptedModel::new()
        .calls("note", json!({ "text": "a" }))
        .says("so far");
    let program = Program::in_memory(builder(script).1.tool(notes.clone()));
    let (_, outcome) = program.run([agent(|step| step.max_tokens = Some(1))]).await;
    let output = finished(&outcome);
    assert_eq!(
        (&output["text"], &output["outcome"]),
        (&json!("so far"), &json!("tool_limit"))
    );
    assert_eq!(notes.calls().len(), 1);
}

#[tokio::test]
async fn a_turn_waits_for_a_person_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("victor.db");
    let notes = Note::new("note");
    let script =
        ScriptedModel::new().says_and_calls("I will note", [("note", json!({ "text": "a" }))]);
    let first = builder(script)
        .1
        .tool(notes.clone())
        .approval_policy(AskAlways);
    let first = Program::on(&path, first).await;
    let (run, outcome) = first.run([agent(|_| {})]).await;
    let answer = question(&outcome, "run note?");
    drop(first);

    let second = builder(ScriptedModel::new().says("noted it")).1;
    let second = Program::on(&path, second.tool(notes.clone()).approval_policy(AskAlways)).await;
    assert!(
        second
            .runner
            .signal(run, &answer(json!("perhaps")))
            .await
            .unwrap()
    );
    let outcome = second.runner.drive(run).await.unwrap();
    let answer = question(&outcome, "was not understood");
    assert_eq!(notes.calls().len(), 0);
    assert!(
        second
            .runner
            .signal(run, &answer(json!({ "approved": true })))
            .await
            .unwrap()
    );
    let outcome = second.runner.drive(run).await.unwrap();
    assert_eq!(finished(&outcome)["text"], "noted it");
    assert_eq!(notes.calls().len(), 1);
}

#[tokio::test]
async fn an_attempt_goes_on_with_the_turn_of_the_one_before() {
    let request = |is_repeated| {
        let mut request = AgentRequest::new("run/work", "Do it");
        request.is_repeated = is_repeated;
        request
    };
    let (disk, notes) = (Arc::new(Disk::default()), Note::new("note"));
    let script = || {
        ScriptedModel::new()
            .calls("note", json!({ "text": "a" }))
            .says("done")
    };
    let whole = builder(script())
        .1
        .tool(notes.clone())
        .session_store(disk.clone());
    let AgentTurn::Runs(turn) = whole.build().unwrap().turn(request(false)).await.unwrap() else {
        panic!("it begins");
    };
    assert_eq!(turn.response().await.unwrap().content(), "done");
    let commits = disk.commits.lock().unwrap().clone();
    assert!(commits.len() > 2, "{}", commits.len());
    // A process ends after each of its writes, and another one makes the next attempt.
    for written in 1..=commits.len() {
        let disk = Disk::after(&commits[..written]).await;
        let model = match written {
            1 => script(),
            _ if written == commits.len() => ScriptedModel::new(),
            _ => ScriptedModel::new().says("done"),
        };
        let (model, builder) = builder(model);
        let receipts = Arc::new(InMemoryReceiptStore::default());
        let next = builder
            .tool(notes.clone())
            .session_store(disk.clone())
            .receipt_store(receipts);
        let response = match next.build().unwrap().turn(request(true)).await.unwrap() {
            AgentTurn::Runs(turn) => turn.response().await.unwrap(),
            AgentTurn::Ended(response) => *response,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (response.content(), &response.outcome),
            ("done".into(), &TurnOutcome::Completed)
        );
        assert_eq!(
            disk.load(&"run/work".into(), 0).await.unwrap().len(),
            4,
            "asked once: {written}"
        );
        model.assert_finished();
    }
}

#[tokio::test]
async fn a_tool_is_a_step_under_its_policy_and_with_a_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("victor.db");
    let notes = Note::new("note");
    let builder = || builder(ScriptedModel::new()).1.tool(notes.clone());
    let first = Program::on(&path, builder().approval_policy(AskAlways)).await;
    let (run, outcome) = first.run([tool(&json!({ "text": "a" }))]).await;
    let answer = question(&outcome, "run note?");
    drop(first);
    let second = Program::on(&path, builder().approval_policy(AskAlways)).await;
    second
        .runner
        .signal(run, &answer(json!(true)))
        .await
        .unwrap();
    let outcome = second.runner.drive(run).await.unwrap();
    assert_eq!(finished(&outcome), &json!({ "text": "noted" }));
    let calls = notes.calls();
    assert_eq!(calls, [(format!("{run}/note"), json!({ "text": "a" }))]);

    let (run, outcome) = second.run([tool(&json!({ "text": "b" }))]).await;
    let answer = question(&outcome, "run note?");
    let no = json!({ "approved": false, "reason": "not today" });
    second.runner.signal(run, &answer(no)).await.unwrap();
    let message = failure(second.runner.drive(run).await.unwrap());
    assert!(message.contains("was not called: not today"), "{message}");

    for (arguments, expected) in [(json!({ "text": 1 }), "text"), (json!([]), "object")] {
        let message = failure(
            Program::in_memory(builder())
                .run([tool(&arguments)])
                .await
                .1,
        );
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(notes.calls().len(), 1);
}

#[tokio::test]
async fn a_workflow_is_an_agent() {
    let runner = |steps: Vec<Step>| {
        let runner = WorkflowCoordinator::builder(InMemoryJournal::default()).build();
        runner.register(Workflow::new("test", steps)).unwrap();
        Arc::new(runner)
    };
    let echo = || vec![Step::transform("echo", "You said {{ input.message }}")];
    let make = async || WorkflowAgent::new(runner(echo()), "test");
    victor_testkit::conformance::agent(make, "hi").await;

    let steps = vec![
        Step::approval("ok", "Ship {{ input.message }}?"),
        Step::transform(
            "end",
            "{{ 'shipped' if steps.ok.approved else steps.ok.text }}",
        ),
    ];
    for (said, expected) in [
        ("Yes!", "shipped"),
        ("not yet", "not yet"),
        ("{\"approved\": true}", "shipped"),
    ] {
        let runner = runner(steps.clone());
        let agent = WorkflowAgent::new(runner.clone(), "test");
        assert_eq!(agent.chat("it".into()).await.unwrap().content(), "Ship it?");
        // Another process, perhaps.
        let agent = WorkflowAgent::new(runner, "test").with_run(agent.run().unwrap());
        assert_eq!(agent.chat(said.into()).await.unwrap().content(), expected);
        assert_eq!(agent.run(), None);
    }
    let fails = WorkflowAgent::new(
        runner(vec![Step::transform("a", "{{ input.nothing }}")]),
        "test",
    );
    let response = fails.chat("hi".into()).await.unwrap();
    assert_eq!(response.outcome.as_str(), "failed");
    assert!(
        response.content().contains("input.nothing"),
        "{}",
        response.content()
    );
}
