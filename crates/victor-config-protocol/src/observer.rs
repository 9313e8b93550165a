//! The extension point for whoever follows changes of the configuration.

use std::fmt;
use std::sync::Arc;

use crate::EffectiveConfig;

/// Hears when the values for every session change. Implemented by whoever follows the configuration; called by the
/// [`ConfigLoader`](crate::ConfigLoader) after the new values are in force, one call at a time.
///
/// A call should return soon, since the reload waits for it. Its panic is contained.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait ConfigObserver: fmt::Debug + Send + Sync + 'static {
    /// Takes note of a change.
    fn config_changed(&self, change: &ConfigChange);
}

#[deny(clippy::missing_trait_methods)]
impl<T: ConfigObserver + ?Sized> ConfigObserver for Arc<T> {
    fn config_changed(&self, change: &ConfigChange) {
        (**self).config_changed(change);
    }
}

/// A change of the values for every session.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ConfigChange {
    /// Keys whose values have changed, in alphabetical order; none where a reload has found everything as it was.
    pub keys: Vec<String>,
    /// Configuration before.
    pub before: Arc<EffectiveConfig>,
    /// Configuration that is in force now.
    pub after: Arc<EffectiveConfig>,
}

impl ConfigChange {
    /// Returns the change from one configuration to another.
    #[must_use]
    pub fn between(before: Arc<EffectiveConfig>, after: Arc<EffectiveConfig>) -> Self {
        let is_other = |key: &&str| before.settings.get(key) != after.settings.get(key);
        let mut keys: Vec<_> = crate::Settings::keys()
            .iter()
            .copied()
            .filter(is_other)
            .map(str::to_owned)
            .collect();
        keys.sort_unstable();
        Self {
            keys,
            before,
            after,
        }
    }

    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
