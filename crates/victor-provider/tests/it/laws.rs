//! The laws of provider routers.

use victor_provider::{ProviderCoordinator, ProviderOptions, RetryOptions};
use victor_testkit::conformance;

#[tokio::test(start_paused = true)]
async fn of_the_defaults() {
    conformance::provider_router(ProviderCoordinator::new).await;
}

#[tokio::test(start_paused = true)]
async fn of_many_attempts() {
    conformance::provider_router(|provider, model| {
        let retry = RetryOptions::default().with_max_attempts(9);
        let options = ProviderOptions::default().with_retry(retry);
        ProviderCoordinator::new(provider, model).with_options(options)
    })
    .await;
}
