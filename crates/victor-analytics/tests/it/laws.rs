//! The laws of analytics trackers.

use victor_analytics::{AnalyticsCoordinator, AnalyticsOptions};
use victor_testkit::conformance;

#[tokio::test(start_paused = true)]
async fn of_the_coordinator() {
    for batch_size in [1, 512] {
        conformance::analytics_tracker(|| {
            let options = AnalyticsOptions {
                batch_size,
                waiting_events: 700,
                events_per_session: 100,
                ..AnalyticsOptions::default()
            };
            AnalyticsCoordinator::builder().options(options).build()
        })
        .await;
    }
}
