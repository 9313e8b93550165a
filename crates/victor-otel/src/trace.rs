//! Spans of turns, model calls and tool calls.

mod call;
mod turn;

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use victor_core::{Timestamp, TraceContext};

pub(crate) use self::call::CallFacts;
pub(crate) use self::turn::TurnTrace;
use crate::OtelOptions;
use crate::export::Exporter;
use crate::metrics::{Kind, Metrics, nanos};

/// The flag of a sampled trace (bit 0), and the one that says whether the next is known (bit 8).
const FLAGS: u32 = 0x101;
/// The flag of a parent in another process.
const REMOTE: u32 = 0x200;

/// Takes spans and measurements.
pub(crate) struct Recorder {
    pub(crate) options: OtelOptions,
    pub(crate) exporter: Exporter,
    pub(crate) metrics: Arc<Metrics>,
}

impl Recorder {
    fn push(&self, place: &TraceContext, span: Span) {
        if place.is_sampled() {
            self.exporter.push(span);
        }
    }

    /// Records a value, if metrics are sent.
    fn measure(&self, name: &'static str, kind: Kind, value: f64, of: &[KeyValue]) {
        if self.options.metrics {
            self.metrics.record(name, kind, value, of);
            self.exporter.wake();
        }
    }
}

/// The parent of a span.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent {
    pub(crate) span: u64,
    pub(crate) is_remote: bool,
}

/// The period of a span.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Period {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Period {
    fn seconds(self) -> f64 {
        self.end.saturating_duration_since(self.start).as_secs_f64()
    }
}

/// Makes a span.
fn span(
    name: String,
    kind: SpanKind,
    place: &TraceContext,
    parent: Option<Parent>,
    period: Period,
) -> Span {
    let start = nanos(period.start);
    let remote = parent.map_or(0, |parent| if parent.is_remote { REMOTE } else { 0 });
    Span {
        trace_id: place.trace_id().to_be_bytes().to_vec(),
        span_id: place.span_id().to_be_bytes().to_vec(),
        trace_state: place.state().unwrap_or_default().to_owned(),
        parent_span_id: parent.map_or_else(Vec::new, |parent| parent.span.to_be_bytes().to_vec()),
        flags: FLAGS | remote,
        name,
        kind: kind.into(),
        start_time_unix_nano: start,
        // A clock that was set back makes no span of negative length.
        end_time_unix_nano: nanos(period.end).max(start),
        ..Span::default()
    }
}

/// Makes an event.
fn event(name: &str, at: Timestamp, attributes: Vec<KeyValue>) -> Event {
    Event {
        time_unix_nano: nanos(at),
        name: name.to_owned(),
        attributes,
        ..Event::default()
    }
}

/// The status of an operation that has failed.
fn failure(message: &str) -> Option<Status> {
    Some(Status {
        message: message.to_owned(),
        code: StatusCode::Error.into(),
    })
}
