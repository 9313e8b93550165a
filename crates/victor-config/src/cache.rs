//! The configurations of sessions that have been loaded.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use victor_config_protocol::EffectiveConfig;
use victor_core::{RecentMap, SessionId};

/// Number of sessions whose configuration is kept.
const KEPT: usize = 4_096;

/// The configurations of the sessions that were used last, each for a time.
#[derive(Debug)]
pub(crate) struct Cache {
    loaded: RecentMap<SessionId, (Arc<EffectiveConfig>, Instant)>,
    generation: u64,
}

/// The state of the sources at which a load has begun. What is loaded after they have changed is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl Cache {
    /// Returns the configuration of a session, while it is fresh.
    pub(crate) fn get(&mut self, session: &SessionId) -> Option<Arc<EffectiveConfig>> {
        let (config, until) = self.loaded.get(session)?;
        (Instant::now() < *until).then(|| config.clone())
    }

    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation)
    }

    /// Keeps the configuration of a session for a time, unless the sources have changed since `begun`.
    pub(crate) fn keep(
        &mut self,
        session: &SessionId,
        config: &Arc<EffectiveConfig>,
        time: Duration,
        begun: Generation,
    ) {
        let until = Instant::now().checked_add(time);
        if let Some(until) = until.filter(|_| begun == self.generation() && !time.is_zero()) {
            self.loaded.insert(session.clone(), (config.clone(), until));
        }
    }

    pub(crate) fn forget(&mut self, session: &SessionId) {
        self.loaded.remove(session);
        // What is being loaded now may be from before.
        self.generation += 1;
    }

    pub(crate) fn forget_all(&mut self) {
        *self = Self {
            generation: self.generation + 1,
            ..Self::default()
        };
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            loaded: RecentMap::new(KEPT),
            generation: 0,
        }
    }
}
