use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde_json::json;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_core::SessionId;
use victor_testkit::conformance;

use super::{Bug, breaks};

#[derive(Debug)]
struct Table(Bug);

#[async_trait]
impl ConfigProvider for Table {
    fn name(&self) -> &str {
        if self.0.is("nameless") {
            ""
        } else {
            self.0.changes("fickle name", ["table", "chair"])
        }
    }

    fn priority(&self) -> i32 {
        if self.0.is("fickle priority") {
            self.0.calls.load(Ordering::Relaxed).cast_signed()
        } else {
            50
        }
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let rounds = if self.0.shows().await { 5 } else { 9 };
        if self.0.is("fails") {
            return Err(ConfigError::new("table", "bug"));
        }
        let key = if self.0.is("unknown key") {
            "max_tool_iteration"
        } else {
            "max_tool_iterations"
        };
        Ok(match session.as_str() {
            "stranger" => ConfigMap::new(),
            _ => ConfigMap::from_iter([(key.to_owned(), json!(rounds))]),
        })
    }
}

async fn suite(bug: &'static str) {
    let sessions = ["stranger", "friend"].map(SessionId::new);
    conformance::config_provider(&Table(Bug::new(bug)), &sessions).await;
}

#[tokio::test]
async fn a_right_provider_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a provider has a name"),
        ("fails", "a valid call succeeds"),
        ("panics", "no call panics"),
        ("unknown key", "every key is a setting"),
        ("side by side", "the same session gets the same values"),
        ("fickle name", "the name is always the same"),
        ("fickle priority", "the priority is always the same"),
    ] {
        breaks(law, suite(bug)).await;
    }
    for (bug, law) in [
        ("second call", "the same session gets the same values"),
        ("after a drop", "a dropped call leaves nothing behind"),
    ] {
        let sessions = [SessionId::new("friend")];
        breaks(
            law,
            conformance::config_provider(&Table(Bug::new(bug)), &sessions),
        )
        .await;
    }
}
