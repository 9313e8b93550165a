//! The cost of counting.

use allocation_counter::measure;
use victor_metrics::MetricsCoordinator;
use victor_metrics::protocol::MetricsRecorder;

use crate::turn;

#[test]
fn events_with_known_labels_allocate_nothing() {
    let metrics = MetricsCoordinator::default();
    let events = turn("s");
    let record = || {
        for event in &events {
            metrics.record_turn_event(event);
        }
    };
    let first = measure(record);
    assert!(first.count_total > 0, "the measure works");
    let later = measure(record);
    assert_eq!(later.count_total, 0, "{later:?}");
}
