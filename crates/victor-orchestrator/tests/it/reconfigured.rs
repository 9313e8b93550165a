//! Settings that change while sessions go on, and the coordinators that they switch off.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{Effect, Lock, ToolSpec};
use victor_orchestrator::checkpoint::InMemoryCheckpointStore;
use victor_orchestrator::config::{ConfigChange, ConfigObserver};
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::{AgentOrchestrator, Session};
use victor_testkit::ScriptedModel;

/// Notes the keys that have changed.
#[derive(Debug, Default)]
struct Notes(Lock<Vec<String>>);

impl ConfigObserver for Notes {
    fn config_changed(&self, change: &ConfigChange) {
        self.0.lock().extend(change.keys.clone());
    }
}

struct Home {
    _folder: tempfile::TempDir,
    file: PathBuf,
    model: Arc<ScriptedModel>,
    orchestrator: AgentOrchestrator,
}

/// An orchestrator with settings in a file, a tool that destroys and five that read.
fn home(settings: &str, model: ScriptedModel) -> Home {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("victor.toml");
    fs::write(&file, settings).unwrap();
    let model = Arc::new(model);
    let mut builder = AgentOrchestrator::builder()
        .provider(model.clone())
        .checkpoint_store(Arc::new(InMemoryCheckpointStore::default()))
        .config_file(&file);
    for (name, effect) in [
        ("remove", Effect::Destructive),
        ("find_cat", Effect::ReadOnly),
        ("find_dog", Effect::ReadOnly),
        ("find_horse", Effect::ReadOnly),
        ("find_sheep", Effect::ReadOnly),
    ] {
        let spec = ToolSpec::new(name, format!("Does {name}"), json!({ "type": "object" }))
            .with_effect(effect);
        builder = builder.tool(tool_fn(spec, |_cx, _: Value| async { Ok("done") }));
    }
    let orchestrator = builder.build().unwrap();
    Home {
        _folder: folder,
        file,
        model,
        orchestrator,
    }
}

impl Home {
    async fn becomes(&self, settings: &str) {
        fs::write(&self.file, settings).unwrap();
        self.orchestrator
            .config_coordinator()
            .reload()
            .await
            .unwrap();
    }

    /// Chats, and tells the model that was asked and the number of tools that it was shown.
    async fn asks(&self, session: &Session) -> (String, usize) {
        session.chat("go on").await.unwrap();
        let requests = self.model.requests();
        let request = requests.last().unwrap();
        let model = request.model.as_ref().map(ToString::to_string);
        (model.unwrap_or_default(), request.tools.len())
    }
}

#[tokio::test]
async fn a_running_session_has_new_values_from_its_next_turn_on() {
    let home = home(
        "model = 'one'\ntool_selection_limit = 3",
        (0..4).fold(ScriptedModel::new(), |m, _| m.says("ok")),
    );
    let notes = Arc::new(Notes::default());
    home.orchestrator
        .config_coordinator()
        .subscribe(notes.clone());
    let session = home.orchestrator.session("s");
    assert_eq!(home.asks(&session).await.1, 3);
    assert_eq!(
        home.orchestrator.config_coordinator().config().get("model"),
        Some(json!("one"))
    );

    home.becomes("model = 'two'\ntool_selection_limit = 2")
        .await;
    assert_eq!(home.asks(&session).await, ("two".into(), 2));
    assert_eq!(*notes.0.lock(), ["model", "tool_selection_limit"]);
    assert_eq!(
        home.orchestrator.config_coordinator().config().get("model"),
        Some(json!("two"))
    );

    home.becomes("model = 'two'\nenable_tool_selection = false\ntool_selection_limit = 2")
        .await;
    assert_eq!(home.asks(&session).await, ("two".into(), 5));
    home.becomes("model = 'one'\ntool_selection_limit = 3")
        .await;
    assert_eq!(home.asks(&session).await.1, 3, "as at the start");
}

#[tokio::test]
async fn checkpoints_are_made_by_themselves_unless_they_are_switched_off() {
    for (settings, expected) in [("", 1), ("enable_checkpoints = false", 0)] {
        let model = ScriptedModel::new()
            .calls("remove", json!({}))
            .says("removed");
        let home = home(&format!("model = 'm'\n{settings}"), model);
        let session = home.orchestrator.session("s");
        session.chat("tidy up").await.unwrap();
        assert_eq!(
            session.checkpoints().await.unwrap().len(),
            expected,
            "{settings}"
        );
        session.checkpoint(None).await.unwrap();
        assert_eq!(
            session.checkpoints().await.unwrap().len(),
            expected + 1,
            "asked for"
        );
    }
}

#[tokio::test]
async fn the_model_that_will_be_used_is_told_wherever_it_was_chosen() {
    let model = || Arc::new(ScriptedModel::new());
    let told = |orchestrator: &AgentOrchestrator| {
        let config = orchestrator.config_coordinator().config();
        format!(
            "{} from {}",
            config.get("model").unwrap(),
            config.source("model")
        )
    };
    let by_builder = AgentOrchestrator::builder()
        .provider(model())
        .model("built")
        .build()
        .unwrap();
    assert_eq!(told(&by_builder), "\"built\" from code");
    by_builder.switch_provider(model(), "switched");
    assert_eq!(
        told(&by_builder),
        "\"switched\" from model provider scripted"
    );

    let by_default = AgentOrchestrator::builder()
        .provider(victor_offline::OfflineModel::new())
        .build()
        .unwrap();
    let default = victor_orchestrator::provider::ChatProvider::default_model(
        &victor_offline::OfflineModel::new(),
    );
    assert_eq!(
        told(&by_default),
        format!("{} from model provider offline", json!(default))
    );
    let loaded = by_default
        .config_coordinator()
        .load_config(&"s".into())
        .await
        .unwrap();
    assert_eq!(loaded.get("model"), Some(json!(default)));
}
