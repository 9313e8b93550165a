//! The laws of the role.

use victor_metrics::MetricsCoordinator;
use victor_testkit::conformance;

#[tokio::test(start_paused = true)]
async fn it_is_a_metrics_recorder() {
    conformance::metrics_recorder(MetricsCoordinator::default).await;
}
