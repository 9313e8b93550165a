//! The laws of analytics trackers.

use victor_analytics::{AnalyticsCoordinator, AnalyticsOptions};
use victor_testkit::conformance;

#[tokio::test(start_paused = true)]
async fn of_the_coordinator() {
    for batch_size in [1, 512] {
        conformance::analytics_tracker(|| {
            let options = AnalyticsOptions::default()
                .with_batch_size(batch_size)
                .with_waiting_events(700)
                .with_events_per_session(100);
            AnalyticsCoordinator::builder().options(options).build()
        })
        .await;
    }
}
