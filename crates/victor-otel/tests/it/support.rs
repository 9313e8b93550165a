//! A turn, and a receiver.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use victor_chat_protocol::{
    ChatResponse, ModelCallFinished, ModelCallStarted, TurnEvent, TurnEventKind, TurnFinished,
    TurnObserver as _, TurnOpening, TurnOutcome, TurnStarted,
};
use victor_core::{MessageId, SessionId, StopReason, Timestamp, TraceContext, TurnId, Usage};
use victor_otel::{Otel, OtelOptions};
use victor_provider_protocol::{AttemptOutcome, LedgerEntry, LedgerObserver as _, UsageSource};
use victor_testkit::{ApiRequest, FakeApi, Reply};

/// The receiver's answer that it has taken everything.
pub(crate) fn taken() -> Reply {
    Reply::new(200, "application/x-protobuf", "")
}

/// Options that send to this receiver, at once and without metrics.
pub(crate) fn options(api: &FakeApi) -> OtelOptions {
    OtelOptions::default()
        .with_endpoint(api.url().to_owned())
        .with_delay(Duration::from_millis(10))
        .with_timeout(Duration::from_secs(5))
        .with_metrics(false)
}

/// Has a turn observed: one model call of 7 tokens in and 3 out. It makes two spans.
pub(crate) fn run_turn(otel: &Otel, caller: Option<&TraceContext>) {
    let (session, turn) = (SessionId::from("s"), TurnId::generate());
    let mut opening = TurnOpening::new(&session, turn);
    opening.trace = caller;
    let Some(mut observed) = otel.begin(&opening) else {
        panic!("every turn is observed");
    };
    let mut sequence = 0;
    let mut tell = |kind: TurnEventKind| {
        observed.event(&TurnEvent::new(session.clone(), turn, sequence, kind));
        sequence += 1;
    };
    tell(TurnStarted::new(MessageId::generate()).into());
    tell(ModelCallStarted::new(1).into());
    let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), 1);
    entry.turn = Some(turn);
    otel.attempt_begun(&entry);
    tell(TurnEventKind::text("hello"));
    entry.ended = Some(Timestamp::now());
    entry.outcome = AttemptOutcome::Answered;
    entry.usage = Usage::new(7, 3);
    entry.usage_source = UsageSource::Reported;
    otel.attempt_ended(&entry);
    let usage = entry.usage.clone();
    let finished = ModelCallFinished::new(1, "acme-1".into(), StopReason::EndTurn, usage);
    tell(finished.into());
    let response = ChatResponse::ended(session.clone(), turn, TurnOutcome::Completed);
    tell(TurnFinished::new(Box::new(response)).into());
}

/// The body of a request, unpacked.
pub(crate) fn body(request: &ApiRequest) -> Vec<u8> {
    assert_eq!(request.header("content-type"), "application/x-protobuf");
    if request.header("content-encoding") != "gzip" {
        return request.bytes.clone();
    }
    let mut body = Vec::new();
    GzDecoder::new(&*request.bytes)
        .read_to_end(&mut body)
        .unwrap();
    body
}

/// The spans of a request.
pub(crate) fn spans(request: &ApiRequest) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(&*body(request)).unwrap();
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// The metrics of a request.
pub(crate) fn metrics(request: &ApiRequest) -> Vec<Metric> {
    let request = ExportMetricsServiceRequest::decode(&*body(request)).unwrap();
    let scopes = request
        .resource_metrics
        .into_iter()
        .flat_map(|resource| resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).collect()
}
