//! Settings of single sessions.

use victor_config_protocol::{ConfigSource, EffectiveConfig};

/// Whether a provider of configuration has set a key for the session. Values from elsewhere hold for all sessions, and
/// the coordinators are built with them.
pub(crate) fn of_session(config: &EffectiveConfig, key: &str) -> bool {
    matches!(config.source(key), ConfigSource::Provider(_))
}
