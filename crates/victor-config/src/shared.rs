//! The state of the coordinator: what is in force, and how that changes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracing::{info, warn};
use victor_config_protocol::{
    ConfigChange, ConfigError, ConfigObserver, ConfigProvider, ConfigSource, EffectiveConfig,
    SettingScope, Settings,
};
use victor_core::{Lock, Problems, SessionId, contain_sync, with_causes};
use victor_guard::Plugins;

use crate::ConfigOptions;
use crate::cache::Cache;
use crate::environment::Misspelt;
use crate::layer::Layers;
use crate::resolve::{Resolved, resolve};
use crate::sources::Sources;
use crate::watch::{Stamp, Watch, stamps};

/// Parts of the health report.
const RELOAD: &str = "reload";
const RESTART: &str = "restart";
const WATCH: &str = "watch";

/// The state that the coordinator shares with the thread that watches its files.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    sources: Sources,
    options: ConfigOptions,
    start: Start,
    state: Lock<State>,
    /// Held while sources are read again. Its value is what the files were like when they were read last.
    reloading: Lock<Vec<Stamp>>,
    pub(crate) cache: Lock<Cache>,
    pub(crate) providers: Plugins<dyn ConfigProvider>,
    pub(crate) observers: Lock<Vec<Arc<dyn ConfigObserver>>>,
    pub(crate) problems: Problems,
}

/// The values with which the program started.
#[derive(Debug, Default)]
struct Start {
    layers: Layers,
    settings: Settings,
}

/// The values that are in force for every session.
#[derive(Debug, Clone, Default)]
struct State {
    layers: Layers,
    config: Arc<EffectiveConfig>,
}

impl Shared {
    pub(crate) fn new(sources: Sources, options: ConfigOptions) -> Result<Self, ConfigError> {
        let before = stamps(&sources.paths());
        let (layers, misspelt) = sources.read()?;
        let config = layers.clone().effective()?;
        let shared = Self {
            sources,
            options,
            start: Start {
                layers: layers.clone(),
                settings: config.settings.clone(),
            },
            state: Lock::new(State {
                layers,
                config: Arc::new(config),
            }),
            reloading: Lock::new(before),
            ..Self::default()
        };
        for Misspelt { variable, closest } in misspelt {
            warn!(variable, closest, "the variable is no setting");
            shared.problems.report(
                format!("environment variable {variable}"),
                format!("it is no setting and has no effect; did you mean {closest}?"),
            );
        }
        Ok(shared)
    }

    pub(crate) fn config(&self) -> Arc<EffectiveConfig> {
        self.state.lock().config.clone()
    }

    /// Returns the configuration of a session if nobody has to be asked for it.
    pub(crate) fn known(&self, session: &SessionId) -> Option<Arc<EffectiveConfig>> {
        if self.providers.list().is_empty() {
            return Some(self.config());
        }
        self.cache.lock().get(session)
    }

    /// Asks the providers, and keeps what they say for a time.
    pub(crate) async fn load(
        &self,
        session: &SessionId,
    ) -> Result<Arc<EffectiveConfig>, ConfigError> {
        let begun = self.cache.lock().generation();
        let State { mut layers, config } = self.state.lock().clone();
        let providers = self.providers.list();
        let Resolved { answers, is_whole } =
            resolve(&providers, &self.options, &self.problems, session).await?;
        let loaded = match answers.is_empty() {
            true => config,
            false => {
                for (name, values) in answers.into_iter().rev() {
                    layers.lay_answer(values, ConfigSource::Provider(name));
                }
                let mut loaded = layers.effective()?;
                loaded.changed.clone_from(&config.changed);
                loaded.in_use.clone_from(&config.in_use);
                Arc::new(loaded)
            }
        };
        if is_whole {
            let mut cache = self.cache.lock();
            cache.keep(session, &loaded, self.options.cache_ttl, begun);
        }
        Ok(loaded)
    }

    pub(crate) fn add_provider(&self, provider: Arc<dyn ConfigProvider>) {
        let described = contain_sync(|| (provider.name().to_owned(), provider.priority()));
        let (name, priority) = described.unwrap_or_else(|panicked| {
            warn!(%panicked, "a config provider cannot say its name and priority");
            ("unnamed".into(), 50)
        });
        // Health and sources tell providers apart by name.
        self.providers.add_numbered(&name, priority, |_| provider);
        self.cache.lock().forget_all();
    }

    /// Reads all sources again, and puts them in force if nothing is wrong with them.
    pub(crate) fn reload(&self) -> Result<ConfigChange, ConfigError> {
        let mut known = self.reloading.lock();
        *known = stamps(&self.sources.paths());
        let read = self.sources.read().and_then(|(mut layers, _)| {
            let held = layers.hold(&self.start.layers);
            Ok((layers.clone(), held, layers.effective()?))
        });
        let (layers, held, mut config) = match read {
            Ok(read) => read,
            Err(error) => {
                let problem = with_causes(&error);
                warn!(
                    problem,
                    "the settings cannot be reloaded, and the old ones stay in force"
                );
                let problem = format!("the old values stay in force: {problem}");
                self.problems.report(RELOAD, problem);
                return Err(error);
            }
        };
        self.problems.clear(RELOAD);
        match held.is_empty() {
            true => self.problems.clear(RESTART),
            false => {
                let keys = held.join("`, `");
                let problem =
                    format!("`{keys}` changed, which takes effect when the program starts again");
                self.problems.report(RESTART, problem);
            }
        }
        config.changed = changed_since(&self.start.settings, &config.settings);
        let change = {
            let mut state = self.state.lock();
            config.in_use.clone_from(&state.config.in_use);
            let before = state.config.clone();
            *state = State {
                layers,
                config: Arc::new(config),
            };
            ConfigChange::between(before, state.config.clone())
        };
        self.cache.lock().forget_all();
        if !change.is_empty() {
            info!(keys = change.keys.join(" "), "the settings have changed");
            let observers = self.observers.lock().clone();
            for observer in observers {
                if let Err(panicked) = contain_sync(|| observer.config_changed(&change)) {
                    warn!(%panicked, "an observer of the configuration");
                }
            }
        }
        Ok(change)
    }

    pub(crate) fn note_in_use(&self, key: &str, value: Value, source: ConfigSource) {
        let mut state = self.state.lock();
        let mut config = EffectiveConfig::clone(&state.config);
        config.in_use.insert(key.to_owned(), (value, source));
        state.config = Arc::new(config);
        drop(state);
        self.cache.lock().forget_all();
    }

    /// Reloads whenever the files have changed and stay as they are for an interval. Where there are no files, or no
    /// thread can be had, nothing is watched.
    pub(crate) fn watch(self: &Arc<Self>, interval: Duration) -> Option<Watch> {
        let paths = self.sources.paths();
        if paths.is_empty() {
            return None;
        }
        let (shared, last) = (Arc::downgrade(self), Lock::new(Vec::new()));
        let watch = Watch::start(interval, move || {
            let Some(shared) = shared.upgrade() else {
                return false;
            };
            let now = stamps(&paths);
            let is_new = now != *shared.reloading.lock();
            let before = std::mem::replace(&mut *last.lock(), now.clone());
            if is_new && before == now {
                // Health shows what is wrong.
                let _ = shared.reload();
            }
            true
        });
        match watch {
            Ok(watch) => Some(watch),
            Err(error) => {
                self.problems
                    .report(WATCH, format!("files are not watched: {error}"));
                None
            }
        }
    }
}

/// The settings of sessions that are not what they were at the start.
fn changed_since(start: &Settings, now: &Settings) -> BTreeSet<String> {
    let settings = Settings::declarations().iter().filter(|setting| {
        setting.scope == SettingScope::Session && start.get(setting.key) != now.get(setting.key)
    });
    settings.map(|setting| setting.key.to_owned()).collect()
}
