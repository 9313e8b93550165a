//! Receivers that work, and those that fail in every way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use victor_core::{Coordinator as _, TraceContext};
use victor_http::Secret;
use victor_otel::{Conventions, ExportCounts, Otel, OtelError, OtelOptions};
use victor_testkit::{ApiRequest, FakeApi, Reply};

use crate::support::{metrics, options, run_turn, spans, taken};

const LONG: Duration = Duration::from_secs(20);

/// Sent, rejected and dropped spans.
fn counts(otel: &Otel) -> (u64, u64, u64) {
    let ExportCounts {
        sent,
        rejected,
        dropped,
        waiting,
        ..
    } = otel.counts();
    assert_eq!(waiting, 0);
    (sent, rejected, dropped)
}

/// What a receiver that answers by `rule`, by the number of the request from 0, leads to: two spans are sent by a turn.
/// `expected` is what is sent, rejected and dropped, and how many requests are made; health says `said`.
async fn check(
    name: &str,
    rule: impl Fn(usize, &ApiRequest) -> Reply + Send + Sync + 'static,
    expected: (u64, u64, u64, usize),
    said: &str,
) {
    let number = AtomicUsize::new(0);
    let api = FakeApi::start(move |request| rule(number.fetch_add(1, Ordering::Relaxed), request));
    let api = api.await.unwrap();
    let options = options(&api)
        .with_max_attempts(3)
        .with_timeout(Duration::from_millis(600));
    let otel = Otel::new(options).unwrap();
    run_turn(&otel, None);
    assert!(otel.flush(LONG).await, "{name}");
    let (sent, rejected, dropped) = counts(&otel);
    let requests = api.requests().len();
    assert_eq!((sent, rejected, dropped, requests), expected, "{name}");
    let problems = otel.health().problems.join("; ");
    match said {
        "" => assert_eq!(problems, "", "{name}"),
        said => assert!(problems.contains(said), "{name}: {problems}"),
    }
}

#[tokio::test]
async fn receivers_of_every_kind() {
    let html = || Reply::new(200, "text/html", "<html>log in</html>");
    let later = |status| {
        move |number, _: &ApiRequest| match number {
            0 | 1 => Reply::json("{}")
                .status(status)
                .with_header("retry-after-ms", "20"),
            _ => taken(),
        }
    };
    check("takes all", |_, _| taken(), (2, 0, 0, 1), "").await;
    check(
        "answers in JSON",
        |_, _| Reply::json("{}"),
        (2, 0, 0, 1),
        "",
    )
    .await;
    for status in [429, 502, 503, 504] {
        check("is busy at first", later(status), (2, 0, 0, 3), "").await;
    }
    let busy = |_: usize, _: &ApiRequest| {
        Reply::new(503, "text/plain", "over\ncapacity").with_header("retry-after-ms", "5")
    };
    check(
        "stays busy",
        busy,
        (0, 0, 2, 3),
        "503 Service Unavailable: over capacity",
    )
    .await;
    for status in [400, 401, 404, 415, 500] {
        let refuses = move |_: usize, _: &ApiRequest| Reply::new(status, "text/plain", "no");
        check("refuses", refuses, (0, 0, 2, 1), &status.to_string()).await;
    }
    check(
        "is a web page",
        move |_, _| html(),
        (0, 0, 2, 1),
        "no receiver of OTLP",
    )
    .await;
    check(
        "goes away",
        |_, _| Reply::unsent(),
        (0, 0, 2, 3),
        "2 spans were dropped",
    )
    .await;
    let hangs = |number, _: &ApiRequest| match number {
        0 => Reply::json("{").stalled(),
        _ => taken(),
    };
    check("hangs in its answer", hangs, (2, 0, 0, 1), "").await;
    let partial = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 1,
            error_message: "name too long".to_owned(),
        }),
    };
    let partial = partial.encode_to_vec();
    let partial =
        move |_: usize, _: &ApiRequest| Reply::new(200, "application/x-protobuf", partial.clone());
    check("refuses one", partial, (1, 1, 0, 1), "name too long").await;
    let small = |_: usize, request: &ApiRequest| match spans(request).len() {
        1 => taken(),
        _ => Reply::new(413, "text/plain", ""),
    };
    check("takes one at once", small, (2, 0, 0, 3), "").await;
    let none = |_: usize, _: &ApiRequest| Reply::new(413, "text/plain", "");
    check("takes nothing", none, (0, 0, 2, 3), "413").await;
}

#[tokio::test]
async fn headers_go_along_and_are_not_shown() {
    let api = FakeApi::answering(taken()).await.unwrap();
    let key = vec![("authorization".to_owned(), Secret::from("Basic c2VjcmV0"))];
    let options = options(&api).with_headers(key.clone()).with_gzip(false);
    let otel = Otel::new(options.clone()).unwrap();
    run_turn(&otel, None);
    assert!(otel.flush(LONG).await);
    let request = api.last();
    assert_eq!(request.path, "/v1/traces");
    assert_eq!(request.header("authorization"), "Basic c2VjcmV0");
    assert_eq!(request.header("content-encoding"), "");
    assert_eq!(spans(&request).len(), 2);
    assert!(!format!("{otel:?}{options:?}").contains("c2VjcmV0"));
    let wrong = vec![("x\n".to_owned(), Secret::from("v"))];
    let error = Otel::new(options.with_headers(wrong)).unwrap_err();
    assert!(matches!(error, OtelError::Setting { .. }), "{error}");
}

#[tokio::test]
async fn a_queue_has_an_end_and_batches_have_a_size() {
    let api = FakeApi::answering(taken()).await.unwrap();
    let long = options(&api)
        .with_delay(LONG)
        .with_max_batch(4)
        .with_max_queue(10);
    let otel = Otel::new(long).unwrap();
    for _ in 0..8 {
        run_turn(&otel, None); // the task has no chance to run in between
    }
    assert_eq!((otel.counts().waiting, otel.counts().dropped), (10, 6));
    assert!(otel.flush(LONG).await);
    assert_eq!(counts(&otel), (10, 0, 6));
    let sizes: Vec<_> = api
        .requests()
        .iter()
        .map(|request| spans(request).len())
        .collect();
    assert_eq!(sizes, [4, 4, 2]);
    assert!(
        otel.health()
            .problems
            .join("; ")
            .contains("6 spans were dropped")
    );
}

#[tokio::test]
async fn the_end_comes_in_time_and_what_is_left_is_counted() {
    let api = FakeApi::answering(Reply::unsent()).await.unwrap();
    let stalled =
        FakeApi::answering(Reply::new(503, "text/plain", "").with_header("retry-after", "60"));
    let stalled = stalled.await.unwrap();
    for api in [&api, &stalled] {
        let options = options(api).with_shutdown_timeout(Duration::from_millis(800));
        let otel = Otel::new(options).unwrap();
        run_turn(&otel, None);
        // It waits for its next attempt when the end comes.
        tokio::time::sleep(Duration::from_millis(100)).await;
        run_turn(&otel, None);
        let begin = Instant::now();
        otel.shutdown().await;
        assert!(begin.elapsed() < Duration::from_secs(5));
        assert_eq!(counts(&otel), (0, 0, 4));
        run_turn(&otel, None);
        otel.shutdown().await;
        assert_eq!(
            counts(&otel),
            (0, 0, 6),
            "what comes after the end is no panic"
        );
    }
}

#[test]
fn turns_without_a_runtime_and_after_another_one_are_sent_later() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let first = runtime();
    let api = first.block_on(FakeApi::answering(taken())).unwrap();
    let otel = Otel::new(options(&api)).unwrap();
    run_turn(&otel, None);
    assert_eq!(otel.counts().waiting, 2);
    assert!(first.block_on(otel.flush(LONG)));
    drop(first);
    let second = runtime();
    second.block_on(async {
        run_turn(&otel, None);
        assert!(otel.flush(LONG).await);
    });
    // The receiver went with the first runtime.
    assert_eq!((otel.counts().sent, otel.counts().dropped), (2, 2));
}

#[tokio::test]
async fn a_caller_that_does_not_record_its_trace_has_no_spans_and_is_measured() {
    let api = FakeApi::answering(taken()).await.unwrap();
    for (flags, count) in [("00", 0), ("01", 2)] {
        let otel = Otel::new(options(&api).with_metrics(true)).unwrap();
        let header = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        run_turn(&otel, TraceContext::parse(&header).as_ref());
        assert!(otel.flush(LONG).await);
        assert_eq!(otel.counts().sent, count);
        assert_eq!(api.last().path, "/v1/metrics");
        assert!(!metrics(&api.last()).is_empty());
    }
}

#[tokio::test]
async fn metrics_have_the_names_of_the_conventions_and_the_tokens_of_the_ledger() {
    let api = FakeApi::answering(taken()).await.unwrap();
    for (conventions, names) in [
        (
            Conventions::V1_41,
            &[
                "gen_ai.client.operation.duration",
                "gen_ai.client.operation.time_to_first_chunk",
                "gen_ai.client.token.usage",
            ][..],
        ),
        (
            Conventions::GenAiV0_1,
            &[
                "gen_ai.client.inference.duration",
                "gen_ai.client.inference.operation.input_tokens",
                "gen_ai.client.inference.operation.output_tokens",
                "gen_ai.client.inference.time_to_first_chunk",
                "gen_ai.client.inference.usage.input_tokens",
                "gen_ai.client.inference.usage.output_tokens",
                "gen_ai.invoke_agent.duration",
                "gen_ai.invoke_agent.inference_calls",
                "gen_ai.invoke_agent.tool_calls",
            ],
        ),
    ] {
        let options = options(&api)
            .with_metrics(true)
            .with_conventions(conventions);
        let otel = Otel::new(options).unwrap();
        run_turn(&otel, None);
        run_turn(&otel, None);
        assert!(otel.flush(LONG).await);
        let metrics = metrics(&api.last());
        let found: Vec<_> = metrics.iter().map(|metric| &*metric.name).collect();
        assert_eq!(found, names);
        let mut tokens = 0.0;
        for metric in metrics.iter().filter(|metric| metric.unit == "{token}") {
            if let Some(Data::Histogram(histogram)) = &metric.data {
                tokens += histogram
                    .data_points
                    .iter()
                    .filter_map(|point| point.sum)
                    .sum::<f64>();
            }
        }
        assert_eq!(tokens, 20.0);
    }
}

#[tokio::test]
async fn nothing_is_sent_of_a_signal_that_is_off() {
    let api = FakeApi::answering(taken()).await.unwrap();
    let off: OtelOptions = options(&api).with_traces(false);
    let otel = Otel::new(off).unwrap();
    run_turn(&otel, None);
    assert!(otel.flush(LONG).await);
    otel.shutdown().await;
    assert!(api.requests().is_empty());
    assert_eq!(otel.health().problems, [""; 0]);
}
