//! The laws of sources of configuration.

use futures_util::future::join_all;
use victor_config_protocol::{ConfigProvider, Settings};
use victor_core::SessionId;

use super::{SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// Checks a provider with sessions about which it can be asked. Its values must not change meanwhile.
///
/// # Panics
///
/// A law is broken.
pub async fn config_provider<P: ConfigProvider + ?Sized>(provider: &P, sessions: &[SessionId]) {
    let (name, priority) = (provider.name().to_owned(), provider.priority());
    law!(!name.is_empty(), "a provider has a name");
    for session in sessions {
        let values = async || succeed(calm(provider.get_config(session)).await);
        let first = values().await;
        for key in first.keys() {
            law!(
                Settings::keys().contains(&key.as_str()),
                "every key is a setting",
                "`{key}`"
            );
        }
        for other in join_all((0..SIDE_BY_SIDE).map(|_| values())).await {
            law!(
                other == first,
                "the same session gets the same values",
                "{session}"
            );
        }
        drop_at_polls(
            async || values().await,
            async |polls| {
                let next = values().await;
                law!(
                    next == first,
                    "a dropped call leaves nothing behind",
                    "after {polls} polls"
                );
            },
        )
        .await;
    }
    law!(provider.name() == name, "the name is always the same");
    law!(
        provider.priority() == priority,
        "the priority is always the same"
    );
}
