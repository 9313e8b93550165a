//! The laws of configuration loaders.

use serde_json::json;
use victor_config::ConfigCoordinator;
use victor_testkit::conformance;

#[tokio::test(start_paused = true)]
async fn of_the_defaults() {
    conformance::config_loader(ConfigCoordinator::default).await;
}

#[tokio::test(start_paused = true)]
async fn of_several_layers() {
    conformance::config_loader(|| {
        let builder = ConfigCoordinator::builder()
            .environment([("VICTOR_MODE", "plan"), ("VICTOR_EXTRA", r#"{"team":"a"}"#)])
            .set("model", "m")
            .set("extra", json!({ "region": "eu" }));
        builder.build().unwrap()
    })
    .await;
}
