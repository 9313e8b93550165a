//! Decorators around exporters.

use std::sync::Arc;

use async_trait::async_trait;
use victor_analytics::{BatchExporter, FilterExporter, RedactExporter, Redactor, TeeExporter};
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportErrorKind, ExportResult,
};
use victor_core::Timestamp;
use victor_testkit::conformance;

use crate::fakes::{Act, Fake};

fn events(kinds: &str) -> Vec<AnalyticsEvent> {
    let event = |kind: &str| {
        let mut event = AnalyticsEvent::new(kind.to_owned());
        // Of one length as JSON.
        event.timestamp = Timestamp::UNIX_EPOCH;
        event
    };
    kinds.split(' ').map(event).collect()
}

async fn export(exporter: &impl AnalyticsExporter, events: &[AnalyticsEvent]) -> ExportResult {
    exporter.export(events).await.unwrap()
}

#[tokio::test]
async fn each_keeps_the_laws() {
    conformance::analytics_exporter(&FilterExporter::new(Calm, |event| {
        !event.event_type.is_empty()
    }))
    .await;
    conformance::analytics_exporter(&FilterExporter::sample(Calm, 0.5)).await;
    conformance::analytics_exporter(&BatchExporter::new(Calm).with_events(7).with_bytes(900)).await;
    conformance::analytics_exporter(&RedactExporter::new(Calm, Redactor::default())).await;
    conformance::analytics_exporter(&TeeExporter::new("tee", [Arc::new(Calm), Arc::new(Calm)]))
        .await;
}

/// Takes everything, also side by side and after its end.
#[derive(Debug)]
struct Calm;

#[async_trait]
impl AnalyticsExporter for Calm {
    fn name(&self) -> &str {
        "calm"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        tokio::task::yield_now().await;
        Ok(ExportResult::exported(events.len()))
    }
}

#[tokio::test]
async fn a_filter_passes_some_on_and_counts_all() {
    let fake = Fake::new("fake", Act::Take);
    let filter = FilterExporter::new(fake.clone(), |event| event.event_type.starts_with('a'));
    assert_eq!(
        export(&filter, &events("a1 b a2 b")).await,
        ExportResult::exported(4)
    );
    assert_eq!(
        export(&filter, &events("b b")).await,
        ExportResult::exported(2)
    );
    assert_eq!((fake.arrived(), fake.calls()), ("a1 a2".into(), 1));
    fake.becomes(Act::TakeOnly(1));
    let result = export(&filter, &events("b a1 b a2 a3")).await;
    assert_eq!(
        (result.success, result.exported_count),
        (false, 3),
        "a2 and what follows come again"
    );
    fake.becomes(Act::Fail);
    assert!(filter.export(&events("a")).await.is_err());
}

#[tokio::test]
async fn a_sample_has_sessions_whole_or_not_at_all() {
    let fake = Fake::new("fake", Act::Take);
    let sample = FilterExporter::sample(fake.clone(), 0.5);
    let mut all = events(&vec!["e"; 1_000].join(" "));
    for (number, event) in all.iter_mut().enumerate() {
        event.session_id = Some(format!("s{}", number % 100).into());
    }
    export(&sample, &all).await;
    let mut sessions = std::collections::BTreeMap::new();
    for event in fake.events() {
        *sessions.entry(event.session_id.unwrap()).or_insert(0) += 1;
    }
    assert!((30..70).contains(&sessions.len()), "{sessions:?}");
    assert!(sessions.values().all(|count| *count == 10), "{sessions:?}");
    for (share, expected) in [(0.0, 0), (1.0, 1_000)] {
        let fake = Fake::new("fake", Act::Take);
        export(&FilterExporter::sample(fake.clone(), share), &all).await;
        assert_eq!(fake.events().len(), expected);
    }
}

#[tokio::test]
async fn a_batch_is_sent_in_parts() {
    let fake = Fake::new("fake", Act::Take);
    let batches = BatchExporter::new(fake.clone()).with_events(2);
    assert_eq!(
        export(&batches, &events("1 2 3 4 5")).await,
        ExportResult::exported(5)
    );
    assert_eq!(fake.arrived(), "1 2 | 3 4 | 5");
    let size = serde_json::to_vec(&events("1")[0]).unwrap().len();
    for (bytes, expected) in [
        (0, "1 | 2 | 3"),
        (2 * size + 2, "1 2 | 3"),
        (1 << 20, "1 2 3"),
    ] {
        let fake = Fake::new("fake", Act::Take);
        export(
            &BatchExporter::new(fake.clone()).with_bytes(bytes),
            &events("1 2 3"),
        )
        .await;
        assert_eq!(fake.arrived(), expected);
    }
    fake.becomes(Act::TakeOnly(1));
    let result = export(&batches, &events("1 2 3")).await;
    assert_eq!((result.success, result.exported_count), (false, 1));
    fake.becomes(Act::Fail);
    assert!(batches.export(&events("1 2 3")).await.is_err());
}

#[tokio::test]
async fn a_tee_repeats_nothing_to_those_who_have_it() {
    let (one, other) = (Fake::new("one", Act::Take), Fake::new("other", Act::Fail));
    let tee = TeeExporter::new("tee", [one.clone(), other.clone()]);
    let all = events("1 2 3");
    let error = tee.export(&all).await.unwrap_err();
    assert_eq!(error.to_string(), "other: not sent");
    other.becomes(Act::TakeOnly(2));
    let result = export(&tee, &all).await;
    assert_eq!((result.success, result.exported_count), (false, 2));
    other.becomes(Act::Panic);
    assert!(
        tee.export(&all[2..])
            .await
            .unwrap_err()
            .to_string()
            .contains("out of cheese")
    );
    other.becomes(Act::Give(ExportErrorKind::Permanent));
    let result = export(&tee, &all[2..]).await;
    assert_eq!(
        (result.success, result.exported_count, result.rejected.len()),
        (true, 0, 1)
    );
    other.becomes(Act::Take);
    assert_eq!(export(&tee, &events("4")).await, ExportResult::exported(1));
    assert_eq!(
        (one.arrived(), other.arrived()),
        ("1 2 3 | 4".into(), "1 2 | 4".into())
    );
    tee.shutdown().await;
    assert_eq!((one.ended(), other.ended()), (1, 1));
}
