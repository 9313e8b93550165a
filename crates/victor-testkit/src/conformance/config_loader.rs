//! The laws of configuration loaders.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use victor_config_protocol::{
    ConfigChange, ConfigError, ConfigLoader, ConfigMap, ConfigObserver, ConfigProvider,
    ConfigSource, EffectiveConfig, Settings,
};
use victor_core::SessionId;

use super::puppet::{Act, ends, perform};
use super::{SIDE_BY_SIDE, calm, drop_at_polls, guarded, life, succeed};
use crate::Puppet;

/// Checks a loader. `make` makes a new one that has no providers; it may have values of other sources.
///
/// The laws: what is configured for all stays the same and has a source for every value that is no default; providers
/// are asked by priority and the first answer that is not empty wins; one that fails, panics, hangs or answers what are
/// no settings is passed over and shown in health, and a value for a setting of the whole process is ignored and shown;
/// there is an error only where all fail; an answer may be cached, until its session is reset, everything is reloaded
/// or a provider is added; a reload that finds nothing new changes nothing and tells of nothing; a value that the
/// program uses is told where no session has its own; sessions do not mix, and a dropped call ends the calls of the
/// providers and leaves nothing behind.
///
/// Some of the suite's providers never answer, so the clock of tokio should be paused.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime with a clock.
pub async fn config_loader<L: ConfigLoader>(make: impl Fn() -> L) {
    check_sources(&make()).await;
    check_order(&make).await;
    check_faults(&make).await;
    check_changes(&make).await;
    check_memory(&make).await;
    check_sessions(&make()).await;
    check_life(&make()).await;
}

async fn load<L: ConfigLoader>(loader: &L, session: &str) -> Arc<EffectiveConfig> {
    succeed(ends(loader.load_config(&SessionId::new(session))).await)
}

/// Loads without what may be cached.
async fn load_anew<L: ConfigLoader>(loader: &L, session: &str) -> Arc<EffectiveConfig> {
    guarded(|| loader.reset(&SessionId::new(session)));
    load(loader, session).await
}

async fn check_sources<L: ConfigLoader>(loader: &L) {
    let config = guarded(|| loader.config());
    law!(
        guarded(|| loader.config()) == config,
        "what is configured for every session stays the same"
    );
    let loaded = load(loader, "a").await;
    law!(
        loaded == config,
        "without providers, a session has what every session has",
        "{loaded:?}"
    );
    check_provenance(&config);
}

/// Every value that is no default has a source, and nothing else has one that is no setting.
fn check_provenance(config: &EffectiveConfig) {
    let default = EffectiveConfig::default();
    for key in Settings::keys() {
        law!(
            config.get(key) == default.get(key) || config.is_set(key),
            "every value that is no default has a source",
            "`{key}` is {:?}",
            config.get(key)
        );
    }
    for key in config.settings.extra.keys() {
        law!(
            config.is_set(&format!("extra.{key}")),
            "every value that is no default has a source",
            "`extra.{key}`"
        );
    }
    for (key, source) in &config.sources {
        law!(
            Settings::keys().contains(&key.as_str()) || key.starts_with("extra."),
            "every source is that of a setting",
            "`{key}`: {source}"
        );
    }
}

async fn check_order<L: ConfigLoader>(make: &impl Fn() -> L) {
    // Name and priority in the order in which they are added, and the one that must answer.
    for (providers, first) in [
        (&[("low", 10), ("high", 100)][..], "high"),
        (&[("high", 100), ("low", 10)], "high"),
        (&[("one", 50), ("two", 50)], "one"),
        (&[("below", -1), ("default", 50), ("above", 51)], "above"),
    ] {
        let loader = make();
        let before = guarded(|| loader.config());
        let mut added = Vec::new();
        for (name, priority) in providers {
            added.push(Source::add(&loader, name, *priority));
        }
        let config = load_anew(&loader, "a").await;
        check_answer(&config, &before, first);
        for source in &added {
            source.puppet.becomes(Act::Silent);
        }
        let silent = load_anew(&loader, "a").await;
        law!(
            silent == before,
            "where no provider has anything to say, a session has what every session has",
            "{silent:?}"
        );
        for source in added.iter().filter(|source| source.name != first).take(1) {
            source.puppet.becomes(Act::Works);
            let config = load_anew(&loader, "a").await;
            check_answer(&config, &before, source.name);
        }
        law!(
            guarded(|| loader.config()) == before,
            "the answers of providers are for single sessions"
        );
        life::is_well(&loader);
    }
}

/// Checks a configuration in which the provider `name` has answered.
fn check_answer(config: &EffectiveConfig, before: &EffectiveConfig, name: &str) {
    let answer = |key: &str| config.settings.extra.get(key).and_then(Value::as_str);
    law!(
        answer("suite_answer") == Some(name),
        "the answer of the highest priority wins, and of two alike that of the first",
        "{:?} in place of {name}",
        answer("suite_answer")
    );
    let others = config.settings.extra.keys();
    law!(
        others
            .filter(|key| key.starts_with("suite_of_"))
            .eq([&format!("suite_of_{name}")]),
        "one provider answers for a session",
        "{:?}",
        config.settings.extra
    );
    law!(
        config.settings.max_tool_iterations == ROUNDS
            && config.source("max_tool_iterations") == &ConfigSource::Provider(name.to_owned())
            && config.source("extra.suite_answer") == &ConfigSource::Provider(name.to_owned()),
        "a provider's values are in force, and say that they are the provider's",
        "{:?}",
        config.sources
    );
    for key in Settings::keys() {
        law!(
            ["max_tool_iterations", "extra"].contains(key)
                || (config.get(key) == before.get(key) && config.source(key) == before.source(key)),
            "a provider's answer leaves other values as they are",
            "`{key}` is {:?}, by {}",
            config.get(key),
            config.source(key)
        );
    }
    check_provenance(config);
}

async fn check_faults<L: ConfigLoader>(make: &impl Fn() -> L) {
    let faults = [
        Act::Fails,
        Act::Panics,
        Act::Hangs,
        Act::Rubbish("unknown key"),
        Act::Rubbish("wrong type"),
        Act::Rubbish("out of range"),
    ];
    for fault in faults {
        let loader = make();
        let before = guarded(|| loader.config());
        let upper = Source::add(&loader, "suite_upper", 100);
        let lower = Source::add(&loader, "suite_lower", 10);
        upper.puppet.becomes(fault);
        let config = ends(loader.load_config(&SessionId::new("a"))).await;
        let Ok(config) = config else {
            panic!(
                "law broken: a provider that does not work is passed over: {fault:?}: {config:?}"
            );
        };
        check_answer(&config, &before, "suite_lower");
        life::shows_problem(&loader, "suite_upper", &format!("{fault:?}"));
        life::counts_faults(&loader, "suite_upper", &format!("{fault:?}"));
        lower.puppet.becomes(Act::Silent);
        let silent = load_anew(&loader, "a").await;
        law!(
            silent == before,
            "it is no failure that a provider has nothing to say",
            "{silent:?}"
        );
        lower.puppet.becomes(fault);
        guarded(|| loader.reset(&SessionId::new("a")));
        let failed = ends(loader.load_config(&SessionId::new("a"))).await;
        law!(
            failed.is_err(),
            "where every provider fails, there is an error",
            "{fault:?}: {failed:?}"
        );
        for source in [&upper, &lower] {
            source.puppet.becomes(Act::Silent);
        }
        load_anew(&loader, "a").await;
        life::is_well(&loader);
        law!(
            upper.puppet.running() + lower.puppet.running() == 0,
            "a provider that takes too long is dropped",
            "{fault:?}"
        );
    }
    check_nameless(make).await;
    check_scope(make).await;
}

/// A value for a setting that is read once for the whole process cannot be one of a session.
async fn check_scope<L: ConfigLoader>(make: &impl Fn() -> L) {
    let loader = make();
    let before = guarded(|| loader.config());
    let source = Source::add(&loader, "suite_source", 50);
    source.puppet.becomes(Act::Rubbish("process scope"));
    let config = load_anew(&loader, "a").await;
    let key = "command_timeout";
    law!(
        config.get(key) == before.get(key) && config.source(key) == before.source(key),
        "a provider's value for a setting of the whole process has no effect",
        "`{key}` is {:?}, by {}",
        config.get(key),
        config.source(key)
    );
    law!(
        config.settings.extra.contains_key("suite_answer"),
        "a provider's other values are in force, where one has no effect",
        "{:?}",
        config.settings.extra
    );
    life::shows_problem(&loader, "suite_source", "a value without effect");
    source.puppet.becomes(Act::Silent);
    load_anew(&loader, "a").await;
    life::is_well(&loader);
}

/// A provider that cannot even say its name.
async fn check_nameless<L: ConfigLoader>(make: &impl Fn() -> L) {
    let loader = make();
    let before = guarded(|| loader.config());
    guarded(|| loader.add_provider(Arc::new(Nameless)));
    Source::add(&loader, "suite_named", 10);
    let config = load_anew(&loader, "a").await;
    check_answer(&config, &before, "suite_named");
}

/// Checks that nothing stays cached where somebody says so.
async fn check_memory<L: ConfigLoader>(make: &impl Fn() -> L) {
    let loader = make();
    let before = guarded(|| loader.config());
    let source = Source::add(&loader, "suite_source", 50);
    load(&loader, "a").await;
    source.puppet.becomes(Act::Silent);
    let config = load_anew(&loader, "a").await;
    law!(
        config == before,
        "of a session that is reset, nothing is cached",
        "{config:?}"
    );
    source.puppet.becomes(Act::Works);
    succeed(calm(loader.reload()).await);
    let config = load(&loader, "a").await;
    check_answer(&config, &before, "suite_source");
    Source::add(&loader, "suite_above", 51);
    let config = load(&loader, "a").await;
    law!(
        config.source("max_tool_iterations") == &ConfigSource::Provider("suite_above".to_owned()),
        "a provider that is added is asked from then on",
        "{:?}",
        config.source("max_tool_iterations")
    );
}

/// A reload that finds nothing new, and a value that the program uses.
async fn check_changes<L: ConfigLoader>(make: &impl Fn() -> L) {
    let loader = make();
    let before = guarded(|| loader.config());
    let observer = Arc::new(Observer::default());
    guarded(|| loader.subscribe(observer.clone()));
    let change = succeed(calm(loader.reload()).await);
    law!(
        change.is_empty() && observer.0.load(Ordering::SeqCst) == 0,
        "a reload that finds nothing new tells of no change",
        "{:?}",
        change.keys
    );
    law!(
        guarded(|| loader.config()) == before,
        "a reload that finds nothing new changes nothing"
    );
    let in_use = ConfigSource::InUse("the suite".to_owned());
    guarded(|| loader.note_in_use("max_tool_iterations", json!(ROUNDS + 1), in_use));
    let config = guarded(|| loader.config());
    law!(
        config.settings == before.settings,
        "a value in use sets nothing",
        "{:?}",
        config.settings
    );
    let told = config.get("max_tool_iterations");
    law!(
        told == Some(json!(ROUNDS + 1)) || told == before.get("max_tool_iterations"),
        "a value in use is the one that was noted",
        "{told:?}"
    );
    Source::add(&loader, "suite_source", 50);
    let told = load(&loader, "a").await.get("max_tool_iterations");
    law!(
        told == Some(json!(ROUNDS)),
        "a session's own value is told, whatever others use",
        "{told:?}"
    );
}

async fn check_sessions<L: ConfigLoader>(loader: &L) {
    let source = Source::add(loader, "suite_source", 50);
    let sessions: Vec<String> = (0..SIDE_BY_SIDE).map(|n| format!("s{n}")).collect();
    let loads = sessions.iter().map(|session| load(loader, session));
    for (session, config) in sessions.iter().zip(join_all(loads).await) {
        let found = config.settings.extra.get("suite_session");
        law!(
            found == Some(&json!(session)),
            "every session has its own values",
            "{session}: {found:?}"
        );
    }
    let first = load_anew(loader, "a").await;
    drop_at_polls(
        async || load_anew(loader, "a").await,
        async |polls| {
            law!(
                source.puppet.running() == 0,
                "dropping a call drops the calls of the providers",
                "after {polls} polls"
            );
            let next = load_anew(loader, "a").await;
            law!(
                next == first,
                "a dropped call leaves nothing behind",
                "after {polls} polls: {next:?}"
            );
            life::is_well(loader);
        },
    )
    .await;
}

async fn check_life<L: ConfigLoader>(loader: &L) {
    life::begins(loader).await;
    Source::add(loader, "suite_source", 50);
    load(loader, "a").await;
    life::ends(loader).await;
    guarded(|| loader.config());
    let _whatever = ends(loader.load_config(&SessionId::new("a"))).await;
}

/// Value that the suite's providers give to a setting.
const ROUNDS: u32 = 777;

/// Value that they give to a setting that is not for single sessions.
const SECONDS: u64 = 7777;

/// Counts the changes that it hears of.
#[derive(Debug, Default)]
struct Observer(AtomicUsize);

impl ConfigObserver for Observer {
    fn config_changed(&self, _: &ConfigChange) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Says who answered, and for which session.
#[derive(Debug)]
struct Source {
    name: &'static str,
    priority: i32,
    puppet: Puppet<Act>,
}

impl Source {
    fn add<L: ConfigLoader>(loader: &L, name: &'static str, priority: i32) -> Arc<Self> {
        let source = Arc::new(Self {
            name,
            priority,
            puppet: Puppet::new(Act::Works),
        });
        guarded(|| loader.add_provider(source.clone()));
        source
    }
}

#[async_trait]
impl ConfigProvider for Source {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let (key, value) = match perform(&self.puppet).await {
            Act::Silent => return Ok(ConfigMap::new()),
            Act::Fails => return Err(ConfigError::new(self.name, "it is broken")),
            Act::Rubbish("unknown key") => ("suite_unknown", json!(1)),
            Act::Rubbish("process scope") => ("command_timeout", json!(SECONDS)),
            Act::Rubbish("wrong type") => ("max_tool_iterations", json!("many")),
            Act::Rubbish(_) => ("tool_calling_timeout", json!(0)),
            _ => ("max_tool_iterations", json!(ROUNDS)),
        };
        let extra = json!({
            "suite_answer": self.name,
            "suite_session": session.as_str(),
            format!("suite_of_{}", self.name): true,
        });
        Ok(ConfigMap::from_iter([
            (key.to_owned(), value),
            ("extra".to_owned(), extra),
        ]))
    }
}

#[derive(Debug)]
struct Nameless;

#[async_trait]
impl ConfigProvider for Nameless {
    fn name(&self) -> &str {
        panic!("a provider of the suite has no name")
    }

    async fn get_config(&self, _: &SessionId) -> Result<ConfigMap, ConfigError> {
        Ok(ConfigMap::new())
    }
}
