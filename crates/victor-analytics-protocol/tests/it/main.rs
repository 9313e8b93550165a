//! The contracts of analytics through their public API.

use serde_json::json;
use victor_analytics_protocol::{AnalyticsEvent, DeadLetter, ExportResult, RejectedEvent};
use victor_core::{EventId, SessionId, Timestamp};
use victor_testkit::{check_golden, check_refused, check_unknown_fields};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn event() -> AnalyticsEvent {
    let mut event = AnalyticsEvent::new("tool_call")
        .with("tool", "read")
        .with("lines", 12);
    event.id = EventId::from_u128(1);
    event.session_id = Some(SessionId::new("docs-456"));
    event.timestamp = Timestamp::UNIX_EPOCH;
    event
}

#[test]
fn an_event() {
    check_golden(HERE, "analytics_event", &event());
    check_unknown_fields("analytics_event", &event(), &[]);
}

#[test]
fn a_tagged_event_that_was_given_up() {
    let mut event = event();
    event.tags = ["tenant-a".into()].into();
    let mut letter = DeadLetter::new("webhook", event, "413 Payload Too Large");
    letter.at = Timestamp::UNIX_EPOCH;
    check_golden(HERE, "dead_letter", &letter);
}

#[test]
fn an_event_without_what_may_be_absent() {
    let least = json!({ "id": event().id, "type": "t", "timestamp": "1970-01-01T00:00:00Z" });
    let event: AnalyticsEvent = serde_json::from_value(least).unwrap();
    assert_eq!((event.session_id, event.data.is_empty()), (None, true));
    check_refused::<AnalyticsEvent>(&json!({ "type": "t" }), "missing field `id`");
}

#[test]
fn results_of_exports() {
    let results = vec![
        ExportResult::exported(2),
        ExportResult::failed(1, "disk full"),
    ];
    check_golden(HERE, "export_results", &results);
    assert_eq!((results[0].success, results[1].success), (true, false));
    let rejected = RejectedEvent::new(EventId::from_u128(1), "no event");
    let names = ["json_lines", "sql"].map(str::to_owned);
    let total = ExportResult::total(names.into_iter().zip(results));
    check_golden(HERE, "export_total", &total.with_rejected([rejected]));
}
