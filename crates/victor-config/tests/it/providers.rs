//! Values for single sessions.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;
use victor_config::{ConfigCoordinator, ConfigOptions, Explanation, Resolution};
use victor_config_protocol::{
    ConfigError, ConfigLoader, ConfigMap, ConfigProvider, EffectiveConfig,
};
use victor_core::{Coordinator, SessionId};
use victor_testkit::{cancel_at_every_poll, drive};

use crate::fakes::{Act, Fake};

fn coordinator(resolution: Resolution, providers: &[Arc<Fake>]) -> ConfigCoordinator {
    let options = ConfigOptions::default()
        .with_resolution(resolution)
        .with_cache_ttl(Duration::ZERO);
    let builder = ConfigCoordinator::builder()
        .set("max_tool_iterations", 5)
        .options(options);
    let add = |builder: victor_config::ConfigCoordinatorBuilder, provider: &Arc<Fake>| {
        builder.provider(provider.clone())
    };
    providers.iter().fold(builder, add).build().unwrap()
}

fn first(providers: &[Arc<Fake>]) -> ConfigCoordinator {
    coordinator(Resolution::FirstValid, providers)
}

fn all(providers: &[Arc<Fake>]) -> ConfigCoordinator {
    coordinator(Resolution::Merge, providers)
}

async fn load(config: &ConfigCoordinator) -> Result<Arc<EffectiveConfig>, ConfigError> {
    config.load_config(&SessionId::default()).await
}

/// Returns all that is set, apart from `max_tool_iterations`, which the program sets.
async fn loaded(config: &ConfigCoordinator) -> String {
    match load(config).await {
        Ok(config) => {
            assert_eq!(config.settings.max_tool_iterations, 5);
            let set = config
                .sources
                .iter()
                .filter(|(key, _)| *key != "max_tool_iterations" && *key != "extra");
            let shown = set
                .map(|(key, source)| format!("{key} = {} from {source}", config.get(key).unwrap()));
            shown.collect::<Vec<_>>().join(", ")
        }
        Err(error) => error.to_string(),
    }
}

fn answer(value: serde_json::Value) -> Act {
    Act::Answer(value)
}

#[tokio::test]
async fn without_providers_the_shared_configuration_is_handed_out() {
    let config = first(&[]);
    assert!(Arc::ptr_eq(&load(&config).await.unwrap(), &config.config()));
}

#[tokio::test]
async fn the_first_answer_of_the_highest_priority_wins_whole() {
    let low = Fake::new("low", 1, answer(json!({"model": "low", "temperature": 1})));
    let silent = Fake::new("silent", 3, answer(json!({})));
    let high = Fake::new("high", 2, answer(json!({"model": "high"})));
    let config = first(&[low.clone(), silent.clone(), high.clone()]);
    assert_eq!(
        loaded(&config).await,
        "model = \"high\" from config provider high"
    );
    assert_eq!((silent.calls(), high.calls(), low.calls()), (1, 1, 0));
    assert!(config.health().is_healthy());
}

#[tokio::test]
async fn of_equal_priorities_the_one_that_was_added_first_is_asked_first() {
    let one = Fake::new("one", 1, answer(json!({"model": "one"})));
    let two = Fake::new("two", 1, answer(json!({"model": "two"})));
    let config = first(&[one]);
    config.add_provider(two);
    assert_eq!(
        loaded(&config).await,
        "model = \"one\" from config provider one"
    );
}

#[tokio::test]
async fn all_answers_are_merged_by_key_if_asked_to() {
    let low = Fake::new(
        "low",
        1,
        answer(json!({"model": "low", "temperature": 1, "extra": {"a": 1, "b": 1}})),
    );
    let high = Fake::new(
        "high",
        2,
        answer(json!({"model": "high", "extra": {"b": 2}})),
    );
    assert_eq!(
        loaded(&all(&[low, high])).await,
        "extra.a = 1 from config provider low, extra.b = 2 from config provider high, \
         model = \"high\" from config provider high, temperature = 1.0 from config provider low"
    );
}

#[tokio::test(start_paused = true)]
async fn merged_providers_are_asked_at_once() {
    let second = Duration::from_secs(1);
    let fakes =
        ["a", "b", "c"].map(|name| Fake::new(name, 1, Act::After(second, json!({"model": name}))));
    let start = Instant::now();
    assert_eq!(
        loaded(&all(&fakes)).await,
        "model = \"a\" from config provider a"
    );
    assert_eq!(start.elapsed(), second);
}

#[tokio::test]
async fn if_nobody_has_an_answer_the_shared_configuration_is_handed_out() {
    let silent = Fake::new("silent", 2, answer(json!({})));
    let failing = Fake::new("failing", 1, Act::Fail);
    for config in [
        first(&[silent.clone(), failing.clone()]),
        all(&[silent.clone(), failing.clone()]),
    ] {
        assert!(Arc::ptr_eq(&load(&config).await.unwrap(), &config.config()));
        assert!(!config.health().is_healthy());
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_leads_to_the_next_provider_and_shows_in_health_until_it_is_gone() {
    let faults = [
        (
            Act::Fail,
            "table `config` cannot be read: the query failed: connection refused",
        ),
        (
            Act::Panic,
            "config provider bad cannot be read: panicked: out of cheese",
        ),
        (
            Act::Hang,
            "config provider bad cannot be read: gave no answer within 5s",
        ),
        (
            answer(json!({"modell": "m"})),
            "unknown setting `modell` in config provider bad: did you mean `model`?",
        ),
        (
            answer(json!({"temperature": "hot"})),
            "setting `temperature` in config provider bad: expected a number, found \"hot\"",
        ),
        (
            answer(json!({"temperature": 9})),
            "setting `temperature` in config provider bad: expected from 0 to 2, found 9",
        ),
    ];
    for (act, problem) in faults {
        let bad = Fake::new("bad", 2, act);
        let good = Fake::new("good", 1, answer(json!({"model": "good"})));
        for config in [
            first(&[bad.clone(), good.clone()]),
            all(&[bad.clone(), good]),
        ] {
            assert_eq!(
                loaded(&config).await,
                "model = \"good\" from config provider good"
            );
            assert_eq!(config.health().problems, [format!("bad: {problem}")]);
        }
        let alone = first(std::slice::from_ref(&bad));
        let error = load(&alone).await.unwrap_err().to_string();
        assert!(problem.starts_with(&error), "{error}");
        bad.becomes(answer(json!({"model": "better"})));
        assert_eq!(
            loaded(&alone).await,
            "model = \"better\" from config provider bad"
        );
        assert!(alone.health().is_healthy());
    }
}

#[tokio::test]
async fn if_all_fail_all_are_named() {
    let fakes = [
        Fake::new("one", 1, Act::Fail),
        Fake::new("two", 2, Act::Panic),
    ];
    for config in [first(&fakes), all(&fakes)] {
        assert_eq!(
            load(&config).await.unwrap_err().to_string(),
            "every config provider cannot be read: \
             two: config provider two cannot be read: panicked: out of cheese; \
             one: table `config` cannot be read: the query failed: connection refused"
        );
        assert_eq!(config.health().problems.len(), 2);
    }
}

#[tokio::test]
async fn a_value_that_is_not_for_sessions_is_ignored_and_reported() {
    let fake = Fake::new("db", 1, answer(json!({})));
    for resolution in [Resolution::FirstValid, Resolution::Merge] {
        fake.becomes(answer(
            json!({"command_timeout": 5, "enable_metrics": false, "model": "m"}),
        ));
        let config = coordinator(resolution, std::slice::from_ref(&fake));
        assert_eq!(
            loaded(&config).await,
            "model = \"m\" from config provider db"
        );
        assert_eq!(
            config.health().problems,
            [
                "db: its value of `command_timeout` has no effect: the setting is read once, when the program starts; \
              its value of `enable_metrics` has no effect: the setting is read once, when the program starts"
            ],
        );
        let session = load(&config).await.unwrap();
        assert_eq!(
            Explanation::of(&session, "command_timeout")
                .unwrap()
                .to_string(),
            "command_timeout = null from the defaults (the value of config provider db has no effect: the setting is \
             read once, when the program starts)"
        );
        fake.becomes(answer(json!({"model": "m"})));
        assert_eq!(
            load(&config).await.unwrap().ignored,
            std::collections::BTreeMap::new()
        );
        assert!(config.health().is_healthy());
    }
    let code = ConfigCoordinator::builder()
        .set("command_timeout", 5)
        .build()
        .unwrap();
    assert!(
        code.health().is_healthy(),
        "the program says it for the whole process"
    );
}

#[tokio::test]
async fn providers_of_one_name_are_told_apart() {
    let config = first(&[
        Fake::new("db", 3, Act::Fail),
        Fake::new("db", 2, Act::Panic),
        Fake::new("db", 1, Act::Fail),
    ]);
    load(&config).await.unwrap_err();
    let problems = config.health().problems;
    assert!(
        problems[1].starts_with("db (2): config provider db (2) cannot"),
        "{problems:?}"
    );
    assert!(
        problems[0].starts_with("db: ") && problems[2].starts_with("db (3): "),
        "{problems:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_drops_the_calls_of_the_providers() {
    let second = Duration::from_secs(1);
    for resolution in [Resolution::FirstValid, Resolution::Merge] {
        let fakes = [
            Fake::new("silent", 2, Act::After(second, json!({}))),
            Fake::new("slow", 1, Act::After(2 * second, json!({"model": "m"}))),
        ];
        let config = coordinator(resolution, &fakes);
        let mut drops = 0;
        let loaded = cancel_at_every_poll(
            async || load(&config).await,
            async |_| {
                drops += 1;
                assert!(fakes.iter().all(|fake| fake.running() == 0));
                assert!(config.health().is_healthy(), "nobody failed");
            },
        );
        assert_eq!(loaded.await.unwrap().settings.model, Some("m".into()));
        assert!(drops > 0);
    }
}

#[test]
fn without_a_runtime_providers_are_asked_without_a_time_limit() {
    let config = first(&[Fake::new("db", 1, answer(json!({"model": "m"})))]);
    let loaded = drive(load(&config)).unwrap().unwrap();
    assert_eq!(loaded.settings.model, Some("m".into()));
    assert!(drive(load(&first(&[]))).unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_may_load_and_add_at_once() {
    let config = Arc::new(first(&[Fake::new(
        "base",
        1,
        answer(json!({"model": "m"})),
    )]));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let config = Arc::clone(&config);
            tokio::spawn(async move {
                config.add_provider(Fake::new("more", 0, Act::Fail));
                config
                    .load_config(&SessionId::generate())
                    .await
                    .unwrap()
                    .settings
                    .model
                    .clone()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Some("m".into()));
    }
}

/// A provider that cannot even say its name.
#[derive(Debug)]
struct Nameless;

#[async_trait]
impl ConfigProvider for Nameless {
    fn name(&self) -> &str {
        panic!("out of cheese")
    }

    async fn get_config(&self, _session: &SessionId) -> Result<ConfigMap, ConfigError> {
        Ok(ConfigMap::from_iter([("model".into(), json!("m"))]))
    }
}

#[tokio::test]
async fn a_provider_that_panics_over_its_name_goes_without_one() {
    let config = ConfigCoordinator::new([Arc::new(Nameless), Arc::new(Nameless)]);
    let loaded = load(&config).await.unwrap();
    assert_eq!(
        loaded.source("model").to_string(),
        "config provider unnamed"
    );
}
