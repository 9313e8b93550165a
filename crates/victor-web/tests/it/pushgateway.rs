//! Numbers pushed to a Pushgateway, the real one too.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use victor_http::header::HeaderMap;
use victor_http::{HttpClient, HttpOptions};
use victor_testkit::{FakeApi, Reply, conformance};
use victor_web::analytics::{AnalyticsEvent, AnalyticsExporter, ExportErrorKind};
use victor_web::metrics::core::Timestamp;
use victor_web::metrics::{CounterValue, Metric, MetricsExporter, MetricsSnapshot};
use victor_web::{PushgatewayExporter, PushgatewayExporterBuilder};

fn events(types: &[&'static str]) -> Vec<AnalyticsEvent> {
    types
        .iter()
        .map(|kind| AnalyticsEvent::new(*kind))
        .collect()
}

#[tokio::test]
async fn it_is_an_exporter_of_both_kinds() {
    let api = FakeApi::answering(Reply::new(202, "", "")).await.unwrap();
    let exporter = PushgatewayExporter::builder(api.url()).build().unwrap();
    conformance::analytics_exporter(&exporter).await;
    conformance::metrics_exporter(&exporter).await;
}

#[tokio::test]
async fn the_numbers_are_those_since_the_beginning_and_what_failed_counts_once() {
    let number = AtomicUsize::new(0);
    let api = FakeApi::start(move |_| match number.fetch_add(1, Ordering::Relaxed) {
        1 => Reply::new(500, "text/plain", "no"),
        2 => Reply::new(413, "text/plain", "no"),
        3 => Reply::new(429, "text/plain", "no").with_header("retry-after", "3"),
        _ => Reply::new(200, "", ""),
    });
    let api = api.await.unwrap();
    let exporter = PushgatewayExporter::builder(api.url())
        .job("victor-analytics")
        .grouping("instance", "a/b")
        .build()
        .unwrap();
    let pushed =
        async |types: &[&'static str]| AnalyticsExporter::export(&exporter, &events(types)).await;
    pushed(&["tool_call", "tool_call", "größe 📏"])
        .await
        .unwrap();
    let failed = pushed(&["tool_call"]).await.unwrap_err();
    assert_eq!(failed.kind, ExportErrorKind::Retryable);
    let failed = pushed(&["tool_call"]).await.unwrap_err();
    assert_eq!(failed.kind, ExportErrorKind::TooLarge);
    let failed = pushed(&["tool_call"]).await.unwrap_err();
    assert_eq!(failed.retry_after, Some(Duration::from_secs(3)));
    pushed(&["tool_call"]).await.unwrap();
    let last = api.last();
    assert_eq!(last.method, "POST");
    assert_eq!(
        last.path,
        "/metrics/job/victor-analytics/instance@base64/YS9i"
    );
    assert!(
        last.body.contains("\nvictor_analytics_tool_call 3\n"),
        "{}",
        last.body
    );
    assert!(
        last.body.contains("\nvictor_analytics_gr__e__ 1\n"),
        "{}",
        last.body
    );
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    let check = |change: fn(PushgatewayExporterBuilder) -> PushgatewayExporterBuilder, says| {
        let builder = change(PushgatewayExporter::builder("http://localhost:9091"));
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    check(|builder| builder.job(""), "must have a name");
    check(|builder| builder.grouping("a-b", "1"), "`a-b`");
    check(|builder| builder.grouping("job", "1"), "`job`");
    check(|builder| builder.grouping("", "1"), "``");
}

/// A Pushgateway that runs until this is dropped.
struct Pushgateway {
    child: Child,
    url: String,
}

impl Pushgateway {
    /// Starts one, unless it is not installed. The test is passed over then, and says so; where `CI` is `true`, it fails.
    async fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let child = Command::new("prometheus-pushgateway")
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            let is_ci = std::env::var_os("CI").is_some_and(|value| value == *"true");
            let advice =
                "the Pushgateway is not installed (apt-get install prometheus-pushgateway)";
            assert!(!is_ci, "{advice}");
            #[expect(
                clippy::print_stderr,
                reason = "a test that tests nothing must not pass silently"
            )]
            {
                eprintln!("SKIPPED: {advice}");
            }
            return None;
        };
        let url = format!("http://{address}");
        let gateway = Self { child, url };
        timeout(Duration::from_secs(60), async {
            while gateway.read("/-/ready").await.is_none() {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("the Pushgateway does not become ready");
        Some(gateway)
    }

    async fn read(&self, path: &str) -> Option<String> {
        let client = HttpClient::new(&HttpOptions::default()).unwrap();
        let url = format!("{}{path}", self.url);
        let answer = client.get(&url, HeaderMap::new()).await;
        answer.ok()?.text().await.ok()
    }
}

impl Drop for Pushgateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_one_takes_everything() {
    let Some(gateway) = Pushgateway::start().await else {
        return;
    };
    let builder = || PushgatewayExporter::builder(&gateway.url).job("victor/analytics");
    let suite = builder().grouping("instance", "").build().unwrap();
    conformance::analytics_exporter(&suite).await;
    conformance::metrics_exporter(&suite).await;

    let exporter = builder().grouping("instance", "x y").build().unwrap();
    for types in [&["tool_call", "tool_call", "9 {lives}"][..], &["tool_call"]] {
        let exported = AnalyticsExporter::export(&exporter, &events(types)).await;
        exported.unwrap();
    }
    let turns = CounterValue {
        value: 7,
        ..Default::default()
    };
    let metrics = vec![Metric::new("victor_turns_total", turns)];
    let snapshot = MetricsSnapshot::new(Timestamp::now(), metrics);
    MetricsExporter::export(&exporter, &snapshot).await.unwrap();
    let read = gateway.read("/metrics").await.unwrap();
    for line in [
        r#"victor_analytics_tool_call{instance="x y",job="victor/analytics"} 3"#,
        r#"victor_analytics_9__lives_{instance="x y",job="victor/analytics"} 1"#,
        r#"victor_turns_total{instance="x y",job="victor/analytics"} 7"#,
    ] {
        assert!(read.lines().any(|found| found == line), "{line}: {read}");
    }
}
