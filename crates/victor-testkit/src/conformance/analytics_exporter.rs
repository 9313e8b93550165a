//! The laws of analytics exporters.

use futures_util::future::join_all;
use serde_json::json;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// Checks an exporter whose destination works. It is shut down in the end.
///
/// # Panics
///
/// A law is broken.
pub async fn analytics_exporter<E: AnalyticsExporter + ?Sized>(exporter: &E) {
    let name = exporter.name().to_owned();
    law!(!name.is_empty(), "an exporter has a name");
    let export = async |count: usize| {
        let result = succeed(calm(exporter.export(&events(count))).await);
        let arrived = result.success && result.exported_count == count && result.error.is_none();
        law!(
            arrived,
            "every event of a batch is exported",
            "{result:?} of {count}"
        );
    };
    for count in [0, 1, 2, 500] {
        export(count).await;
    }
    join_all((1..=SIDE_BY_SIDE).map(export)).await;
    drop_at_polls(async || export(3).await, async |_| export(3).await).await;

    calm(exporter.shutdown()).await;
    calm(exporter.shutdown()).await;
    // It may succeed or fail; `calm` sees to it that it does not panic.
    drop(calm(exporter.export(&events(1))).await);
    law!(exporter.name() == name, "the name is always the same");
}

fn events(count: usize) -> Vec<AnalyticsEvent> {
    let event = |number: usize| {
        let mut event =
            AnalyticsEvent::new(["tool_call", "turn_finished", "größe 📏", ""][number % 4])
                .with("number", number)
                .with("text", "line\nbreak, \"quotes\", 日本語\u{0}")
                .with("nested", json!({ "list": [1, 2.5, null], "": {} }));
        event.session_id = (!number.is_multiple_of(3)).then(|| format!("session {number}").into());
        event.extra.insert("from_a_later_version", true);
        event
    };
    (0..count).map(event).collect()
}
