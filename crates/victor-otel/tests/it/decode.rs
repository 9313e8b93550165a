//! What is sent, read by the code that others generate from the protocol's definition.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use victor_otel::Otel;
use victor_testkit::FakeApi;

use crate::support::{body, options, run_turn, taken};

/// Reads a request with spans and one with metrics, and prints what is in them.
const PROGRAM: &str = r#"
import json, sys
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
size = int(sys.stdin.buffer.readline())
spans, metrics = ExportTraceServiceRequest(), ExportMetricsServiceRequest()
spans.ParseFromString(sys.stdin.buffer.read(size))
metrics.ParseFromString(sys.stdin.buffer.read())
[resource] = spans.resource_spans
[scope] = resource.scope_spans
attributes = lambda all: {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in all}
calls, turn = scope.spans
assert turn.name == "invoke_agent" and calls.name == "chat acme-1", scope
assert calls.trace_id == turn.trace_id and calls.parent_span_id == turn.span_id
assert len(turn.trace_id) == 16 and len(turn.span_id) == 8 and not turn.parent_span_id
assert turn.kind == 1 and calls.kind == 3
assert 0 < turn.start_time_unix_nano <= calls.start_time_unix_nano <= calls.end_time_unix_nano <= turn.end_time_unix_nano
of = attributes(calls.attributes)
assert (of["gen_ai.usage.input_tokens"], of["gen_ai.usage.output_tokens"]) == (7, 3), of
assert not any("usage" in pair.key for pair in turn.attributes), turn
assert attributes(resource.resource.attributes)["service.name"] == "victor"
for span in spans, metrics:
    assert len(UnknownFieldSet(span)) == 0
[resource] = metrics.resource_metrics
points = [metric.name for metric in resource.scope_metrics[0].metrics]
print(json.dumps(points))
"#;

#[tokio::test]
async fn python_reads_what_is_sent() {
    let Some(folder) = std::env::var_os("VICTOR_OTLP") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "VICTOR_OTLP is not set, so nothing is read by others"
        );
        #[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
        {
            eprintln!("SKIPPED: set VICTOR_OTLP to have what is sent read by others");
        }
        return;
    };
    let api = FakeApi::answering(taken()).await.unwrap();
    let otel = Otel::new(options(&api).with_metrics(true)).unwrap();
    run_turn(&otel, None);
    assert!(otel.flush(Duration::from_secs(20)).await);
    let [spans, metrics] = &api.requests()[..] else {
        panic!("one request for each signal: {:?}", api.requests().len());
    };
    let (spans, metrics) = (body(spans), body(metrics));
    let mut python = Command::new("python3");
    python.args(["-c", PROGRAM]).env("PYTHONPATH", folder);
    python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut python = python.spawn().unwrap();
    let mut input = python.stdin.take().unwrap();
    writeln!(input, "{}", spans.len()).unwrap();
    input.write_all(&[spans, metrics].concat()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metrics = String::from_utf8_lossy(&output.stdout);
    assert!(metrics.contains("gen_ai.client.token.usage"), "{metrics}");
}
