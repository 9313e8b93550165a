//! Roles, and coordinators of the program's own: their names, their order and their life.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use victor_core::{BoxError, Coordinator, CoordinatorError, Health, HealthStatus, SessionId};
use victor_offline::OfflineModel;
use victor_orchestrator::coordinators::mode::ModeCoordinator;
use victor_orchestrator::coordinators::tool::{ToolCoordinator, tool_fn};
use victor_orchestrator::{
    AgentOrchestrator, AgentOrchestratorBuilder, BuildError, RoleName, Session,
};
use victor_testkit::ScriptedModel;

use crate::{AskAlways, Note, builder};

/// Writes down what happens to it.
#[derive(Debug)]
struct Witness {
    name: &'static str,
    log: Arc<Mutex<Vec<String>>>,
    fails: bool,
}

impl Witness {
    fn note(&self, what: &str) {
        let line = format!("{} {what}", self.name);
        self.log.lock().unwrap().push(line);
    }
}

#[async_trait]
impl Coordinator for Witness {
    fn name(&self) -> &str {
        self.name
    }

    async fn initialize(&self) -> Result<(), CoordinatorError> {
        self.note("starts");
        if self.fails {
            return Err(CoordinatorError {
                coordinator: self.name.into(),
                source: BoxError::from("no disk"),
            });
        }
        Ok(())
    }

    fn health(&self) -> Health {
        Health::from_problems(self.name, vec!["tired".into()])
    }

    fn reset(&self, session: &SessionId) {
        self.note(&format!("forgets {session}"));
    }

    async fn shutdown(&self) {
        self.note("stops");
    }
}

/// A builder with coordinators of these names, each of which knows itself by another one where it fails, and what they
/// write down.
fn witnesses(
    names: &[(&'static str, bool)],
) -> (AgentOrchestratorBuilder, Arc<Mutex<Vec<String>>>) {
    let log = Arc::<Mutex<Vec<String>>>::default();
    let (_, builder) = builder(ScriptedModel::new().says("Hello!"));
    let builder = names.iter().fold(builder, |builder, &(name, fails)| {
        let witness = Witness {
            name: if fails { "witness" } else { name },
            log: log.clone(),
            fails,
        };
        builder.custom_coordinator(name, Arc::new(witness))
    });
    (builder, log)
}

#[tokio::test]
async fn a_coordinator_of_the_program_shares_the_life_of_the_orchestrator() {
    let (builder, log) = witnesses(&[("billing", false), ("audit", false)]);
    let orchestrator = builder.build().unwrap();
    assert_eq!(log.lock().unwrap().len(), 0, "nothing starts unasked");

    orchestrator.session("s").chat("hi").await.unwrap();
    let report = orchestrator.health();
    assert_eq!(report.get("billing").unwrap().problems, ["tired"]);
    assert_eq!(report.status, HealthStatus::Degraded);
    orchestrator.reset_session(&"s".into()).await.unwrap();
    orchestrator.shutdown().await;
    let expected = [
        "billing starts",
        "audit starts",
        "billing forgets s",
        "audit forgets s",
        "audit stops",
        "billing stops",
    ];
    assert_eq!(*log.lock().unwrap(), expected);

    let audit = orchestrator.custom_coordinator("audit").unwrap();
    assert_eq!(audit.name(), "audit");
    assert!(orchestrator.custom_coordinator("chat").is_none());
}

#[tokio::test]
async fn it_goes_by_the_name_that_the_program_gave_it() {
    let (builder, _) = witnesses(&[("billing", true)]);
    let orchestrator = builder.build().unwrap();
    let error = orchestrator.chat("hi").await.unwrap_err();
    let report = error.report();
    assert!(
        report.contains("billing") && report.contains("no disk"),
        "{report}"
    );
    assert!(orchestrator.health().get("billing").is_some());
    assert!(orchestrator.health().get("witness").is_none());
}

#[test]
fn each_has_a_name_of_its_own() {
    #[track_caller]
    fn check(names: &[(&'static str, bool)], expected: &str) {
        let error = witnesses(names).0.build().unwrap_err();
        assert!(matches!(error, BuildError::CoordinatorName { .. }));
        assert_eq!(error.to_string(), expected);
    }
    check(
        &[("", false)],
        "a custom coordinator cannot be named ``: it is empty",
    );
    check(
        &[("audit", false), ("audit", false)],
        "a custom coordinator cannot be named `audit`: there is one of that name already",
    );
    for role in RoleName::ALL.iter().map(|role| role.name()) {
        check(
            &[("audit", false), (role, false)],
            &format!("a custom coordinator cannot be named `{role}`: it is the name of a role"),
        );
    }
    check(
        &[("orchestrator", false)],
        "a custom coordinator cannot be named `orchestrator`: it is the name of a role",
    );
}

#[test]
fn coordinators_are_listed_in_the_order_of_the_roles() {
    let store = victor_orchestrator::checkpoint::InMemoryCheckpointStore::default();
    let (_, builder) = builder(ScriptedModel::new());
    let journal = victor_orchestrator::workflow::InMemoryJournal::default();
    let runner = victor_workflow::WorkflowCoordinator::builder(journal).build();
    let builder = builder
        .evaluation_coordinator(Arc::new(victor_evaluation::EvaluationCoordinator::new()))
        .workflow_coordinator(Arc::new(runner));
    let orchestrator = builder.checkpoint_store(store).build().unwrap();
    let report = orchestrator.health();
    let mut names = report
        .coordinators
        .iter()
        .map(|health| &*health.coordinator);
    assert_eq!(names.next(), Some("orchestrator"));
    let roles = RoleName::ALL.iter().map(|role| role.name());
    assert!(names.eq(roles), "{report:?}");
    assert_eq!(
        RoleName::ToolSelection.setter(),
        "tool_selection_coordinator"
    );
    assert_eq!(RoleName::ToolSelection.feature(), "tool-selection");
    assert_eq!(format!("{:>8}", RoleName::Chat), "    chat");
}

#[tokio::test]
async fn parts_are_taken_as_they_are_or_shared() {
    let spec = victor_core::ToolSpec::new("ping", "Answers", serde_json::json!({"type": "object"}));
    let ping = tool_fn(spec, |_cx, _: serde_json::Value| async { Ok("pong") });
    let shared = Note::new("note");
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tool(ping)
        .tool(shared.clone())
        .tools([Note::new("one"), Note::new("two")])
        .approval_policy(AskAlways)
        .build()
        .unwrap();
    let tools = orchestrator.tool_coordinator().specs();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["ping", "note", "one", "two"]);
    let shared: Arc<dyn victor_orchestrator::provider::ChatProvider> =
        Arc::new(ScriptedModel::new().says("Hello!"));
    let builder = AgentOrchestrator::builder().provider(shared).model("m");
    let session: Session = builder.build().unwrap().session("s");
    assert_eq!(session.chat("hi").await.unwrap().content(), "Hello!");
}

#[test]
fn an_agent_that_is_a_tool_has_the_modes_of_its_caller() {
    let modes = Arc::new(ModeCoordinator::builder().build().unwrap());
    let inner = builder(ScriptedModel::new()).1.mode_coordinator(modes);
    let outer = builder(ScriptedModel::new()).1;
    let error = outer
        .agent_tool("helper", "Helps", inner)
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("agent `helper` has a mode coordinator"),
        "{error}"
    );
}

#[test]
fn a_part_for_a_default_coordinator_that_was_replaced_is_an_error() {
    let tools = Arc::new(ToolCoordinator::new());
    let results = victor_orchestrator::tool::InMemoryResultStore::default();
    let (_, builder) = builder(ScriptedModel::new());
    let error = builder
        .tool_coordinator(tools)
        .result_store(results)
        .build();
    let expected = "`result_store` has no effect on a tool coordinator that is injected: build that coordinator with it";
    assert_eq!(error.unwrap_err().to_string(), expected);
}
