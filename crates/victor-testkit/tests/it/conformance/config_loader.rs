use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::time::timeout;
use victor_config_protocol::{
    ConfigChange, ConfigError, ConfigFuture, ConfigLoader, ConfigMap, ConfigObserver,
    ConfigProvider, ConfigSource, EffectiveConfig, SettingScope, Settings,
};
use victor_core::{Coordinator, Health, Problems, SessionId, contain, contain_sync};
use victor_testkit::conformance;

use super::{Bug, breaks};

/// Asks its providers one after the other, once for each session.
#[derive(Debug)]
struct Loader {
    bug: Bug,
    config: Mutex<Arc<EffectiveConfig>>,
    providers: Mutex<Vec<Arc<dyn ConfigProvider>>>,
    problems: Problems,
    cache: Mutex<BTreeMap<SessionId, Arc<EffectiveConfig>>>,
    observers: Mutex<Vec<Arc<dyn ConfigObserver>>>,
}

impl Loader {
    fn new(bug: &'static str) -> Self {
        let settings = Settings::default().with_model(Some("m".into()));
        let source = ("model".to_owned(), ConfigSource::Code);
        let sources = match bug {
            "forgets sources" => BTreeMap::new(),
            "invents sources" => BTreeMap::from([source, ("modle".to_owned(), ConfigSource::Code)]),
            _ => BTreeMap::from([source]),
        };
        Self {
            bug: Bug::new(bug),
            config: Mutex::new(Arc::new(EffectiveConfig::new(settings, sources))),
            providers: Mutex::default(),
            problems: Problems::default(),
            cache: Mutex::default(),
            observers: Mutex::default(),
        }
    }

    fn is(&self, bug: &str) -> bool {
        self.bug.is(bug)
    }

    async fn ask(
        &self,
        provider: &dyn ConfigProvider,
        session: &SessionId,
    ) -> Result<ConfigMap, String> {
        if self.is("lets panics through") {
            let answer = provider.get_config(session).await;
            return answer.map_err(|error| error.to_string());
        }
        let limit = match self.bug.name {
            "waits for ever" => Duration::from_secs(1_000_000),
            _ => Duration::from_secs(1),
        };
        let answer = contain(timeout(limit, provider.get_config(session)))
            .await
            .map_err(|panicked| panicked.to_string())?;
        let values = answer
            .map_err(|_| "too slow")?
            .map_err(|error| error.to_string())?;
        let settings: Result<Settings, _> = serde_json::from_value(json!(values));
        match settings {
            Ok(settings) if settings.validate().is_ok() => Ok(values),
            _ if self.is("believes everything") => Ok(ConfigMap::new()),
            _ => Err("rubbish".to_owned()),
        }
    }

    async fn load(&self, session: &SessionId) -> Result<Arc<EffectiveConfig>, ConfigError> {
        let asked_for = session.clone();
        let wrong = self.bug.shows().await;
        let another = SessionId::new("another");
        let session = if wrong { &another } else { session };
        let providers = self.providers.lock().unwrap().clone();
        let mut failures = 0;
        let mut loaded = self.config();
        for provider in &providers {
            let name = contain_sync(|| provider.name().to_owned())
                .unwrap_or_else(|_| "nameless".to_owned());
            match self.ask(&**provider, session).await {
                Ok(_) if self.is("hears nobody") => {}
                Ok(values) if values.is_empty() => self.problems.clear(&name),
                Ok(values) => {
                    self.problems.clear(&name);
                    let ignored = values.keys().any(|key| !is_for_sessions(key));
                    if ignored && !self.is("ignores in silence") {
                        self.problems.report(&name, "a value has no effect");
                    }
                    loaded = self.with(values, &name);
                    break;
                }
                Err(why) => {
                    if !self.is("hides its health") {
                        self.problems.report(name, why);
                    }
                    failures += 1;
                    if self.is("gives up at once") {
                        break;
                    }
                }
            }
        }
        let gives_up = self.is("gives up at once") && failures > 0;
        let all_failed = failures == providers.len() && failures > 0;
        if gives_up || (all_failed && !self.is("never fails")) {
            return Err(ConfigError::new("all", "no provider works"));
        }
        if self.is("adopts answers") {
            *self.config.lock().unwrap() = loaded.clone();
        }
        if failures == 0 {
            self.cache.lock().unwrap().insert(asked_for, loaded.clone());
        }
        Ok(loaded)
    }

    fn with(&self, mut values: ConfigMap, name: &str) -> Arc<EffectiveConfig> {
        let base = self.config();
        if !self.is("takes every scope") {
            values.retain(|key, _| is_for_sessions(key));
        }
        let mut sources = base.sources.clone();
        for key in values.keys().filter(|_| !self.is("hides providers")) {
            sources.insert(key.clone(), ConfigSource::Provider(name.to_owned()));
        }
        let mut settings: ConfigMap = json!(base.settings).as_object().unwrap().clone();
        let extra = values.get("extra").and_then(|extra| extra.as_object());
        for key in extra.into_iter().flatten().map(|(key, _)| key) {
            let source = ConfigSource::Provider(name.to_owned());
            sources.insert(format!("extra.{key}"), source);
        }
        if self.is("spoils others") {
            settings.insert("mode".into(), json!("plan"));
        }
        settings.extend(values);
        let settings = serde_json::from_value(json!(settings)).unwrap();
        let mut config = EffectiveConfig::new(settings, sources);
        config.in_use.clone_from(&base.in_use);
        Arc::new(config)
    }
}

fn is_for_sessions(key: &str) -> bool {
    Settings::scope(key) == Some(SettingScope::Session)
}

#[async_trait]
impl Coordinator for Loader {
    fn name(&self) -> &str {
        if self.is("nameless") { "" } else { "loader" }
    }

    fn health(&self) -> Health {
        self.problems.health("loader")
    }

    fn reset(&self, session: &SessionId) {
        if !self.is("remembers what is reset") {
            self.cache.lock().unwrap().remove(session);
        }
    }
}

#[async_trait]
impl ConfigLoader for Loader {
    fn config(&self) -> Arc<EffectiveConfig> {
        self.config.lock().unwrap().clone()
    }

    fn load_config<'a>(&'a self, session: &'a SessionId) -> ConfigFuture<'a> {
        let kept = self.cache.lock().unwrap().get(session).cloned();
        match kept {
            Some(config) => ConfigFuture::ready(Ok(config)),
            None => ConfigFuture::new(self.load(session)),
        }
    }

    async fn reload(&self) -> Result<ConfigChange, ConfigError> {
        if !self.is("remembers over a reload") {
            self.cache.lock().unwrap().clear();
        }
        let mut after = EffectiveConfig::clone(&self.config());
        if self.is("drifts") {
            after.settings.max_tool_calls = Some(1);
        }
        if self.is("tells of nothing") {
            let observers = self.observers.lock().unwrap();
            observers
                .iter()
                .for_each(|observer| observer.config_changed(&ConfigChange::default()));
        }
        let before = std::mem::replace(&mut *self.config.lock().unwrap(), Arc::new(after));
        Ok(ConfigChange::between(before, self.config()))
    }

    fn subscribe(&self, observer: Arc<dyn ConfigObserver>) {
        self.observers.lock().unwrap().push(observer);
    }

    fn note_in_use(&self, key: &str, value: serde_json::Value, source: ConfigSource) {
        let mut config = EffectiveConfig::clone(&self.config());
        match self.bug.name {
            "sets what is in use" => config.settings.max_tool_iterations = 3,
            "garbles what is in use" => {
                config.in_use.insert(key.to_owned(), (json!(3), source));
            }
            _ => {
                config.in_use.insert(key.to_owned(), (value, source));
            }
        }
        *self.config.lock().unwrap() = Arc::new(config);
    }

    fn add_provider(&self, provider: Arc<dyn ConfigProvider>) {
        if !self.is("remembers over a provider") {
            self.cache.lock().unwrap().clear();
        }
        let mut providers = self.providers.lock().unwrap();
        if self.is("puts the last first") {
            providers.insert(0, provider);
        } else {
            providers.push(provider);
        }
        if !self.is("knows no order") && !self.is("puts the last first") {
            providers.sort_by_key(|provider| -provider.priority());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_loader_passes() {
    conformance::config_loader(|| Loader::new("none")).await;
}

#[tokio::test(start_paused = true)]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        (
            "forgets sources",
            "every value that is no default has a source",
        ),
        ("invents sources", "every source is that of a setting"),
        (
            "knows no order",
            "the answer of the highest priority wins, and of two alike that of the first",
        ),
        (
            "puts the last first",
            "the answer of the highest priority wins, and of two alike that of the first",
        ),
        (
            "hears nobody",
            "the answer of the highest priority wins, and of two alike that of the first",
        ),
        (
            "hides providers",
            "a provider's values are in force, and say that they are the provider's",
        ),
        (
            "spoils others",
            "a provider's answer leaves other values as they are",
        ),
        (
            "adopts answers",
            "where no provider has anything to say, a session has what every session has",
        ),
        (
            "gives up at once",
            "a provider that does not work is passed over",
        ),
        ("lets panics through", "no call panics"),
        ("waits for ever", "every call ends"),
        ("hides its health", "health shows what does not work"),
        ("believes everything", "health shows what does not work"),
        (
            "never fails",
            "where every provider fails, there is an error",
        ),
        (
            "takes every scope",
            "a provider's value for a setting of the whole process has no effect",
        ),
        ("ignores in silence", "health shows what does not work"),
        ("side by side", "every session has its own values"),
        ("after a drop", "a dropped call leaves nothing behind"),
        ("nameless", "a coordinator has a name"),
        (
            "remembers what is reset",
            "where no provider has anything to say, a session has what every session has",
        ),
        (
            "remembers over a reload",
            "the answer of the highest priority wins, and of two alike that of the first",
        ),
        (
            "remembers over a provider",
            "a provider that is added is asked from then on",
        ),
        (
            "drifts",
            "a reload that finds nothing new tells of no change",
        ),
        (
            "tells of nothing",
            "a reload that finds nothing new tells of no change",
        ),
        ("sets what is in use", "a value in use sets nothing"),
        (
            "garbles what is in use",
            "a value in use is the one that was noted",
        ),
    ] {
        breaks(law, conformance::config_loader(|| Loader::new(bug))).await;
    }
}
