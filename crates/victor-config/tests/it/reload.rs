//! Values that change while the program runs.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use victor_config::{ConfigCoordinator, ConfigCoordinatorBuilder, ConfigOptions};
use victor_config_protocol::{ConfigChange, ConfigLoader, ConfigObserver, ConfigSource};
use victor_core::{Coordinator as _, Lock};

use crate::fakes::{Act, Fake};

/// Notes the keys of every change, and then panics.
#[derive(Debug, Default)]
struct Notes(Lock<Vec<String>>);

impl ConfigObserver for Notes {
    fn config_changed(&self, change: &ConfigChange) {
        let model = |config: &victor_config_protocol::EffectiveConfig| {
            format!("{}", config.get("model").unwrap())
        };
        let note = format!(
            "{}: {} to {}",
            change.keys.join(" "),
            model(&change.before),
            model(&change.after)
        );
        self.0.lock().push(note);
        panic!("out of cheese");
    }
}

struct Home {
    _directory: tempfile::TempDir,
    file: PathBuf,
}

impl Home {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("victor.toml");
        fs::write(&file, text).unwrap();
        Self {
            _directory: directory,
            file,
        }
    }

    fn builder(&self) -> ConfigCoordinatorBuilder {
        ConfigCoordinator::builder().file(&self.file)
    }
}

#[tokio::test]
async fn a_reload_puts_new_values_in_force_and_tells_of_them() {
    let home = Home::new("model = 'one'\n[extra]\na = 1");
    let config = home
        .builder()
        .environment([("VICTOR_TEMPERATURE", "1")])
        .set("mode", "plan")
        .build()
        .unwrap();
    let notes = Arc::new(Notes::default());
    config.subscribe(notes.clone());
    config.subscribe(notes.clone()); // hears of it although the first one panics
    let first = config.config();
    assert!(config.reload().await.unwrap().is_empty());
    assert_eq!(config.config(), first);

    fs::write(
        &home.file,
        "# a line\nmodel = 'two'\ntemperature = 0\nmode = 'build'\nextra = {a = 2}",
    )
    .unwrap();
    let change = config.reload().await.unwrap();
    assert_eq!(
        change.keys,
        ["extra", "model"],
        "environment and code beat the file"
    );
    assert_eq!(*change.before, *first);
    assert_eq!(*change.after, *config.config());
    assert_eq!(
        config.config().changed,
        ["extra", "model"].map(str::to_owned).into()
    );
    assert!(config.config().is_of_session("model") && !config.config().is_of_session("mode"));
    assert!(
        config
            .explain("model")
            .unwrap()
            .to_string()
            .ends_with("victor.toml, line 2")
    );
    assert_eq!(*notes.0.lock(), ["extra model: \"one\" to \"two\""; 2]);

    fs::write(&home.file, "model = 'one'\nextra = {a = 1}").unwrap();
    config.reload().await.unwrap();
    assert!(
        config.config().changed.is_empty(),
        "it is as it was at the start"
    );
    assert!(config.health().is_healthy());
}

#[tokio::test]
async fn what_is_wrong_leaves_the_old_values_in_force() {
    let home = Home::new("model = 'one'");
    let config = home.builder().build().unwrap();
    let before = config.config();
    for (text, problem) in [
        ("model = ", "it is not valid TOML"),
        (
            "model = 'two'\ntemperature = 9",
            "line 2, column 1: expected from 0 to 2",
        ),
        (
            "model = 'two'\ntemprature = 9",
            "did you mean `temperature`?",
        ),
    ] {
        fs::write(&home.file, text).unwrap();
        let error = config.reload().await.unwrap_err();
        let problems = config.health().problems;
        assert!(
            problems[0].starts_with("reload: the old values stay in force: "),
            "{problems:?}"
        );
        assert!(problems[0].contains(problem), "{problems:?}");
        assert!(problems[0].contains(&error.to_string()), "{problems:?}");
        assert!(Arc::ptr_eq(&before, &config.config()));
    }
    fs::remove_file(&home.file).unwrap();
    config.reload().await.unwrap_err();
    fs::write(&home.file, "model = 'two'").unwrap();
    config.reload().await.unwrap();
    assert!(config.health().is_healthy());
    assert_eq!(config.config().settings.model, Some("two".into()));
}

#[tokio::test]
async fn what_is_read_once_stays_as_it_was_at_the_start() {
    let home = Home::new("command_timeout = 5\nmodel = 'one'");
    let config = home.builder().build().unwrap();
    fs::write(&home.file, "analytics_export_interval = 7\nmodel = 'two'").unwrap();
    assert_eq!(config.reload().await.unwrap().keys, ["model"]);
    let now = config.config();
    assert_eq!(
        (
            now.settings.command_timeout,
            now.settings.analytics_export_interval
        ),
        (Some(5), 60)
    );
    assert!(now.is_set("command_timeout") && !now.is_set("analytics_export_interval"));
    assert_eq!(
        config.health().problems,
        [
            "restart: `command_timeout`, `analytics_export_interval` changed, which takes effect when the program starts \
          again"
        ]
    );
    fs::write(&home.file, "command_timeout = 5").unwrap();
    config.reload().await.unwrap();
    assert!(config.health().is_healthy());
}

#[tokio::test]
async fn sessions_have_new_values_with_those_of_their_providers() {
    let home = Home::new("model = 'one'\nextra = {a = {x = 1}}");
    let provider = Fake::new("db", 1, Act::Answer(json!({"extra": {"a": {"y": 1}}})));
    let config = home.builder().provider(provider.clone()).build().unwrap();
    let session = "s".into();
    config.load_config(&session).await.unwrap();
    fs::write(&home.file, "model = 'two'\nextra = {a = {x = 2}}").unwrap();
    config.reload().await.unwrap();
    let loaded = config.load_config(&session).await.unwrap();
    assert_eq!(loaded.get("model"), Some(json!("two")));
    assert_eq!(loaded.get("a"), Some(json!({"x": 2, "y": 1})));
    assert!(loaded.is_of_session("model"));
    assert_eq!(provider.calls(), 2);
}

#[tokio::test]
async fn a_file_that_changes_is_seen() {
    let home = Home::new("model = 'one'");
    let options = ConfigOptions::default().with_watch_interval(Some(Duration::from_millis(5)));
    let config = home.builder().options(options).build().unwrap();
    let notes = Arc::new(Notes::default());
    config.subscribe(notes.clone());
    let becomes = async |text: &str, is_done: &dyn Fn() -> bool| {
        // As editors do: a new file in place of the old one.
        let new = home.file.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &home.file).unwrap();
        let start = Instant::now();
        while !is_done() {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{text}: {:?}",
                config.config()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let model_is = |name: &str| config.config().settings.model == Some(name.into());
    becomes("model = 'two'", &|| model_is("two")).await;
    becomes("modell = 'three'", &|| !config.health().is_healthy()).await;
    assert!(model_is("two"));
    becomes("model = 'four'", &|| config.health().is_healthy()).await;
    assert!(model_is("four"));
    becomes("model = 'four'", &|| notes.0.lock().len() == 2).await;
}

#[tokio::test]
async fn what_is_in_use_is_told_wherever_nothing_else_is_set() {
    let home = Home::new("");
    let provider = Fake::new("db", 1, Act::Answer(json!({"temperature": 1})));
    let config = home.builder().provider(provider.clone()).build().unwrap();
    let session = "s".into();
    config.load_config(&session).await.unwrap();
    config.note_in_use(
        "model",
        json!("m"),
        ConfigSource::InUse("model provider p".into()),
    );
    assert_eq!(
        config.explain("model").unwrap().to_string(),
        "model = \"m\" from model provider p"
    );
    let loaded = config.load_config(&session).await.unwrap();
    assert_eq!(
        loaded.get("model"),
        Some(json!("m")),
        "nothing is cached from before"
    );
    assert_eq!(
        (&loaded.settings.model, loaded.is_set("model")),
        (&None, false)
    );

    provider.becomes(Act::Answer(json!({"model": "own"})));
    config.reset(&session);
    assert_eq!(
        config.load_config(&session).await.unwrap().get("model"),
        Some(json!("own"))
    );
    fs::write(&home.file, "model = 'new'").unwrap();
    config.reload().await.unwrap();
    assert_eq!(
        config.config().get("model"),
        Some(json!("new")),
        "a change is for the next turn"
    );
}
