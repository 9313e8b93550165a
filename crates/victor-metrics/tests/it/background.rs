//! Exports in the background.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use victor_core::{Coordinator, Lock};
use victor_metrics::protocol::{
    MetricsExportError, MetricsExporter, MetricsRecorder, MetricsSnapshot,
};
use victor_metrics::{MetricsCoordinator, MetricsOptions};

use crate::turn;

/// Notes the number of turns of each snapshot, or never answers.
#[derive(Debug, Default)]
struct Notes {
    turns: Lock<Vec<u64>>,
    hangs: bool,
}

#[async_trait]
impl MetricsExporter for Notes {
    fn name(&self) -> &str {
        "notes"
    }

    async fn export(&self, snapshot: &MetricsSnapshot) -> Result<(), MetricsExportError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.turns.lock().push(snapshot.total("victor_turns_total"));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn every_interval_brings_a_snapshot_and_the_shutdown_the_last() {
    let (notes, hanging) = (
        Arc::<Notes>::default(),
        Notes {
            hangs: true,
            ..Notes::default()
        },
    );
    let options = MetricsOptions::default().with_export_interval(Duration::from_secs(10));
    let metrics = MetricsCoordinator::builder()
        .exporter(hanging)
        .options(options)
        .build();
    metrics.initialize().await.unwrap();
    metrics.add_exporter(notes.clone());
    for _ in 0..3 {
        turn("s")
            .iter()
            .for_each(|event| metrics.record_turn_event(event));
        sleep(Duration::from_secs(10) + Duration::from_millis(1)).await;
    }
    turn("s")
        .iter()
        .for_each(|event| metrics.record_turn_event(event));
    metrics.shutdown().await;
    assert_eq!(*notes.turns.lock(), [1, 2, 3, 4]);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(notes.turns.lock().len(), 4);
    let problems = metrics.health().problems;
    assert_eq!(problems, ["notes: shutdown: gave no answer within 5s"]);
}

#[test]
fn without_a_runtime_it_counts_and_says_that_it_does_not_export() {
    let metrics = MetricsCoordinator::builder()
        .exporter(Notes::default())
        .build();
    let mut context = Context::from_waker(Waker::noop());
    let initialized = pin!(metrics.initialize()).poll(&mut context);
    assert!(initialized.is_ready());
    let problem = "background export: there is no tokio runtime: initialize inside of one";
    assert_eq!(metrics.health().problems, [problem]);
    turn("s")
        .iter()
        .for_each(|event| metrics.record_turn_event(event));
    assert_eq!(metrics.snapshot().total("victor_turns_total"), 1);
    // Its own failures are counted as those of others are.
    assert_eq!(metrics.snapshot().total("victor_faults_total"), 1);
}
