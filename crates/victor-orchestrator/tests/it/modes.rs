//! Modes bind for good: a session that was begun in a mode is in it whichever way one comes back, in a process in which
//! sessions begin in another one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use victor_core::{Effect, SessionId, ToolOutcome, ToolSpec};
use victor_mode_guard::ModeGuard;
use victor_orchestrator::chat::{ChatResponse, TurnEventKind};
use victor_orchestrator::config::Settings;
use victor_orchestrator::coordinators::mode::ModeCoordinator;
use victor_orchestrator::coordinators::tool::ToolCoordinator;
use victor_orchestrator::mode::{Mode, SwitchedBy};
use victor_orchestrator::session::SessionExport;
use victor_orchestrator::tool::{Tool, ToolContext, ToolError, ToolOutput};
use victor_orchestrator::{
    AgentOrchestrator, AgentOrchestratorBuilder, RecoveredTurn, RecoveryPolicy, Session,
};
use victor_session_protocol::SessionManagerExt as _;
use victor_session_protocol::{LeaseChange, LeaseClaim, SessionStore as _};
use victor_sql::Database;
use victor_testkit::{ScriptedModel, conformance};

use crate::Note;

/// The tool that plan denies.
const WRITE: &str = "note";

/// Copies the files of a database, as they are in the middle of a turn: as if the process had been killed there.
#[derive(Debug)]
struct Kill {
    spec: ToolSpec,
    from: PathBuf,
    to: PathBuf,
}

#[async_trait]
impl Tool for Kill {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: &ToolContext, _: Value) -> Result<ToolOutput, ToolError> {
        for name in ["victor.db", "victor.db-wal"] {
            std::fs::copy(self.from.join(name), self.to.join(name)).unwrap();
        }
        Ok("copied".into())
    }
}

/// Where sessions are kept, and where they are as a killed process has left them.
struct Place {
    folder: TempDir,
    killed: TempDir,
}

/// A process: sessions begin in its mode, and its model does what it is to do.
struct Process {
    orchestrator: AgentOrchestrator,
    note: Arc<Note>,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            killed: TempDir::new().unwrap(),
        }
    }

    async fn start(&self, mode: &str, model: ScriptedModel) -> Process {
        let builder = self.builder(self.folder.path(), mode, model).await;
        builder.build()
    }

    /// A process that finds what was there at the call of `kill`.
    async fn start_after_kill(&self, mode: &str, model: ScriptedModel) -> Process {
        let builder = self.builder(self.killed.path(), mode, model).await;
        // The process that was killed is this one, and lives.
        let path = self.killed.path().join("victor.db");
        let database = Database::open(path.to_str().unwrap()).await.unwrap();
        let (store, id) = (database.session_store(), SessionId::new("s"));
        let lease = store.standing(&id).await.unwrap().unwrap().lease.unwrap();
        let claim = LeaseClaim::new(lease.owner, lease.turn, lease.fence, Duration::ZERO);
        let runs_out = LeaseChange::Hold(claim);
        store.change_lease(&id, &runs_out).await.unwrap();
        builder.build()
    }

    async fn builder(&self, folder: &Path, mode: &str, model: ScriptedModel) -> Builder {
        let path = folder.join("victor.db");
        let database = Database::open(path.to_str().unwrap()).await.unwrap();
        let note = Note::new(WRITE);
        let schema = json!({ "type": "object" });
        let kill = Kill {
            spec: ToolSpec::new("kill", "Ends", schema).with_effect(Effect::ReadOnly),
            from: self.folder.path().to_owned(),
            to: self.killed.path().to_owned(),
        };
        let settings = Settings::default().with_mode(mode.into());
        let builder = AgentOrchestrator::builder()
            .provider(Arc::new(model))
            .model("scripted")
            .settings(settings)
            .session_store(database.session_store())
            .checkpoint_store(database.checkpoint_store())
            .receipt_store(database.receipt_store())
            .tool(note.clone())
            .tool(Arc::new(kill));
        Builder { builder, note }
    }
}

struct Builder {
    builder: AgentOrchestratorBuilder,
    note: Arc<Note>,
}

impl Builder {
    fn and(
        mut self,
        more: impl FnOnce(AgentOrchestratorBuilder) -> AgentOrchestratorBuilder,
    ) -> Self {
        self.builder = more(self.builder);
        self
    }

    fn build(self) -> Process {
        Process {
            orchestrator: self.builder.build().unwrap(),
            note: self.note,
        }
    }
}

impl Process {
    fn session(&self) -> Session {
        self.orchestrator.session("s")
    }
}

fn writes() -> ScriptedModel {
    ScriptedModel::new()
        .calls(WRITE, json!({ "text": "x" }))
        .says("done")
}

fn outcomes(response: &ChatResponse) -> Vec<ToolOutcome> {
    let results = response
        .messages
        .iter()
        .flat_map(|message| message.tool_results());
    results.map(|result| result.outcome.clone()).collect()
}

/// Says something in a session whose model wants to write, and is denied.
async fn is_bound(process: &Process, session: &Session) {
    let response = session.chat("write").await.unwrap();
    assert_eq!(outcomes(&response), [ToolOutcome::Denied]);
    assert_eq!(session.mode().as_deref(), Some("plan"));
    assert!(process.note.calls().is_empty());
}

/// A session that has been begun in plan, by one turn.
async fn begun_in_plan() -> Place {
    let place = Place::new();
    let process = place
        .start("plan", ScriptedModel::new().says("hello"))
        .await;
    process.session().chat("hi").await.unwrap();
    place
}

#[tokio::test]
async fn a_session_goes_on_in_its_mode() {
    let place = begun_in_plan().await;
    let process = place.start("build", writes()).await;
    is_bound(&process, &process.session()).await;
    // And in the one after it, of which nobody has told the mode in between.
    let process = place.start("build", writes()).await;
    let session = process.session();
    assert_eq!(
        session.mode().as_deref(),
        Some("build"),
        "nobody has looked"
    );
    let mode = session.load_mode().await.unwrap();
    assert_eq!(mode.as_deref(), Some("plan"));
    is_bound(&process, &session).await;
}

#[tokio::test]
async fn a_session_that_may_do_more_keeps_that_too() {
    let place = Place::new();
    let process = place.start("build", ScriptedModel::new().says("hi")).await;
    process.session().chat("hi").await.unwrap();
    let process = place.start("plan", writes()).await;
    let response = process.session().chat("write").await.unwrap();
    assert_eq!(outcomes(&response), [ToolOutcome::Success]);
    assert_eq!(process.session().mode().as_deref(), Some("build"));
}

#[tokio::test]
async fn the_mode_is_there_from_the_first_write() {
    for by_switch in [false, true] {
        let place = Place::new();
        let model = ScriptedModel::new().calls("kill", json!({})).says("x");
        let begins = if by_switch { "build" } else { "plan" };
        let process = place.start(begins, model).await;
        if by_switch {
            let session = process.session();
            session.switch_mode_by("plan", SwitchedBy::Person).unwrap();
        }
        process.session().chat("look around").await.unwrap();

        // The turn that was killed is taken up in plan.
        let process = place.start_after_kill("build", writes()).await;
        let recovered = process.orchestrator.recover(RecoveryPolicy::Resume).await;
        let [recovered] = &recovered.unwrap()[..] else {
            panic!("one turn is open");
        };
        let RecoveredTurn::Ended(response) = &recovered.result else {
            panic!("{recovered:?}");
        };
        assert!(outcomes(response).contains(&ToolOutcome::Denied));
        assert!(process.note.calls().is_empty());
        assert_eq!(process.session().mode().as_deref(), Some("plan"));
    }
}

#[tokio::test]
async fn a_turn_that_is_taken_up_by_hand_is_bound() {
    let place = Place::new();
    let model = ScriptedModel::new().calls("kill", json!({})).says("x");
    let process = place.start("plan", model).await;
    process.session().chat("look around").await.unwrap();
    let process = place.start_after_kill("build", writes()).await;
    let session = process.session();
    let turn = session.open_turn().await.unwrap().unwrap();
    let response = session.resume(turn, []).response().await.unwrap();
    assert!(outcomes(&response).contains(&ToolOutcome::Denied));
    assert!(process.note.calls().is_empty());
}

#[tokio::test]
async fn a_turn_that_was_dropped_at_once_has_a_mode() {
    let place = Place::new();
    for polls in 1..40 {
        let id = SessionId::new(format!("dropped {polls}"));
        let process = place.start("plan", ScriptedModel::new().says("x")).await;
        let session = process.orchestrator.session(id.clone());
        let done = victor_testkit::poll_at_most(polls, session.chat("hi")).await;
        process.orchestrator.shutdown().await;
        let info = process.orchestrator.session_coordinator().session_info(&id);
        if let Some(info) = info.await.unwrap() {
            assert_eq!(info.metadata["victor_mode"], "plan", "after {polls} polls");
        }
        if done.is_some() {
            return;
        }
    }
    panic!("the turn comes to no end");
}

#[tokio::test]
async fn an_import_is_in_the_mode_of_what_was_exported() {
    let place = begun_in_plan().await;
    let process = place.start("build", ScriptedModel::new()).await;
    let sessions = process.orchestrator.session_coordinator();
    let export = sessions.export_session(&"s".into()).await.unwrap();
    let export = SessionExport::from_json_lines(&export.to_json_lines()).unwrap();
    let elsewhere = Place::new();
    for name in ["s", "t"] {
        let process = elsewhere.start("build", writes()).await;
        let sessions = process.orchestrator.session_coordinator();
        let name = SessionId::new(name);
        let imported = sessions.import_session(&export, Some(name.clone())).await;
        imported.unwrap();
        is_bound(&process, &process.orchestrator.session(name)).await;
    }
}

#[tokio::test]
async fn forks_and_what_is_gone_back_to_are_in_the_mode_of_their_checkpoint() {
    let place = begun_in_plan().await;
    let process = place
        .start("build", ScriptedModel::new().says("built"))
        .await;
    let session = process.session();
    let checkpoint = session.checkpoint(None).await.unwrap();
    session.switch_mode_by("build", SwitchedBy::Person).unwrap();
    session.chat("and now build").await.unwrap();

    let process = place.start("build", writes()).await;
    let fork = process.orchestrator.fork(checkpoint.id, "f").await.unwrap();
    is_bound(&process, &fork).await;
    let process = place.start("build", writes()).await;
    is_bound(&process, &process.orchestrator.session("f")).await;

    let process = place.start("build", ScriptedModel::new()).await;
    let session = process.session();
    session.restore_checkpoint(checkpoint.id).await.unwrap();
    assert_eq!(session.mode().as_deref(), Some("plan"));
    let process = place.start("build", writes()).await;
    is_bound(&process, &process.session()).await;
}

#[tokio::test]
async fn undoing_and_forgetting_leave_the_mode() {
    let place = begun_in_plan().await;
    let process = place.start("build", writes()).await;
    let session = process.session();
    session.undo().await.unwrap().unwrap();
    is_bound(&process, &session).await;
    let process = place.start("build", writes()).await;
    let session = process.session();
    session.load_mode().await.unwrap();
    session.reset().await.unwrap();
    is_bound(&process, &session).await;
    // Also if it is the first thing that a process does.
    let process = place.start("build", ScriptedModel::new()).await;
    process.session().reset().await.unwrap();
    let process = place.start("build", writes()).await;
    is_bound(&process, &process.session()).await;
}

#[tokio::test]
async fn a_switch_is_told_and_kept() {
    let place = begun_in_plan().await;
    let process = place.start("build", writes()).await;
    let session = process.session();
    session.load_mode().await.unwrap();
    session.switch_mode_by("build", SwitchedBy::Person).unwrap();
    let mut turn = session.stream_chat("write");
    let mut told = Vec::new();
    while let Some(event) = turn.next().await {
        if let TurnEventKind::ModeSwitched(switched) = event.unwrap().kind {
            told.push((switched.from, switched.to, switched.by));
        }
    }
    assert_eq!(told, [("plan".into(), "build".into(), "person".into())]);
    assert_eq!(process.note.calls().len(), 1);
    let process = place.start("plan", ScriptedModel::new()).await;
    let session = process.session();
    let mode = session.load_mode().await.unwrap();
    assert_eq!(mode.as_deref(), Some("build"));

    // Also where nothing is said after it.
    session
        .switch_mode_by("explore", SwitchedBy::Person)
        .unwrap();
    session.keep_mode().await.unwrap();
    let process = place.start("plan", ScriptedModel::new()).await;
    let mode = process.session().load_mode().await.unwrap();
    assert_eq!(mode.as_deref(), Some("explore"));
}

#[tokio::test]
async fn a_switch_that_another_process_has_made_is_seen_when_the_session_grows() {
    let place = begun_in_plan().await;
    let here = place
        .start(
            "build",
            ScriptedModel::new()
                .says("a")
                .calls(WRITE, json!({ "text": "x" }))
                .says("b"),
        )
        .await;
    here.session().chat("hi").await.unwrap();
    let there = place.start("build", ScriptedModel::new().says("c")).await;
    let session = there.session();
    session.load_mode().await.unwrap();
    session.switch_mode_by("build", SwitchedBy::Person).unwrap();
    session.chat("build now").await.unwrap();
    let response = here.session().chat("write").await.unwrap();
    assert_eq!(outcomes(&response), [ToolOutcome::Success]);
}

#[tokio::test]
async fn a_mode_that_is_not_known_here_is_not_passed_over() {
    let place = Place::new();
    let audit = || Arc::new(Mode::new("audit", Effect::ReadOnly));
    let builder = place.builder(place.folder.path(), "audit", ScriptedModel::new().says("x"));
    let process = builder.await.and(|builder| builder.mode(audit())).build();
    process.session().chat("hi").await.unwrap();
    let checkpoint = process.session().checkpoint(None).await.unwrap();

    let process = place.start("build", writes()).await;
    let session = process.session();
    let error = session.chat("write").await.unwrap_err().report();
    assert!(error.contains("left in mode `audit`"), "{error}");
    let error = session.load_mode().await.unwrap_err().report();
    assert!(
        error.contains("known are `build`, `plan` and `explore`"),
        "{error}"
    );
    let error = process.orchestrator.fork(checkpoint.id, "f").await;
    assert!(error.unwrap_err().report().contains("`audit`"));
    let gone = process.orchestrator.session_coordinator();
    assert!(gone.session_info(&"f".into()).await.unwrap().is_none());
    // Whoever takes it to another mode goes on in that.
    session.switch_mode_by("plan", SwitchedBy::Person).unwrap();
    is_bound(&process, &session).await;
}

#[tokio::test]
async fn nested_sessions_are_bound_after_a_restart_too() {
    let place = Place::new();
    let builder = place.builder(
        place.folder.path(),
        "build",
        ScriptedModel::new()
            .calls("helper", json!({ "task": "help" }))
            .says("helped"),
    );
    let agent = place
        .builder(
            place.folder.path(),
            "build",
            ScriptedModel::new().says("ok"),
        )
        .await;
    let process = builder
        .await
        .and(|builder| builder.agent_tool("helper", "Helps", agent.builder))
        .build();
    let session = process.session();
    session.switch_mode_by("plan", SwitchedBy::Person).unwrap();
    session.chat("get help").await.unwrap();
    let sessions = process.orchestrator.session_coordinator();
    let listed = sessions.sessions().await.unwrap();
    let nested = listed.iter().find(|info| info.id.as_str() != "s").unwrap();

    // Its own mode is what it was begun in, and what binds it is that of the session above.
    for mode in ["build", "plan"] {
        let process = place.start(mode, writes()).await;
        let session = process.orchestrator.session(nested.id.clone());
        let response = session.chat("write").await.unwrap();
        let denial = response.messages[2].tool_results().next().unwrap().text();
        assert!(denial.contains("the agent that started you"), "{denial}");
        assert!(process.note.calls().is_empty());
    }
    // When the one above may do more, it may as well.
    let process = place.start("build", writes()).await;
    let above = process.session();
    above.load_mode().await.unwrap();
    above.switch_mode_by("build", SwitchedBy::Person).unwrap();
    above.keep_mode().await.unwrap();
    let session = process.orchestrator.session(nested.id.clone());
    let response = session.chat("write").await.unwrap();
    assert_eq!(outcomes(&response), [ToolOutcome::Success]);

    // Where the one above is gone, the mode counts that it was in.
    let export = sessions.export_session(&nested.id).await.unwrap();
    let elsewhere = Place::new();
    let process = elsewhere.start("build", writes()).await;
    let sessions = process.orchestrator.session_coordinator();
    sessions
        .import_session(&export, Some("n".into()))
        .await
        .unwrap();
    let session = process.orchestrator.session("n");
    let response = session.chat("write").await.unwrap();
    assert_eq!(outcomes(&response), [ToolOutcome::Denied]);
}

#[tokio::test(start_paused = true)]
async fn the_guard_passes_the_suite_of_executors() {
    conformance::tool_executor(async || {
        let tools = Arc::new(ToolCoordinator::new());
        ModeGuard::new(tools, Arc::new(ModeCoordinator::new()))
    })
    .await;
}
