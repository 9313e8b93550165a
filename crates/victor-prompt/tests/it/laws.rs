//! The laws of prompt builders.

use victor_prompt::PromptCoordinator;
use victor_testkit::conformance;

#[tokio::test(start_paused = true)]
async fn of_the_built_in_prompt() {
    conformance::prompt_builder(PromptCoordinator::default).await;
}

#[tokio::test(start_paused = true)]
async fn of_templates() {
    conformance::prompt_builder(|| {
        PromptCoordinator::builder()
            .template("default", "You review code.")
            .template("brief", "Be brief.")
            .build()
    })
    .await;
    conformance::prompt_builder(|| PromptCoordinator::builder().template("default", "").build())
        .await;
}
