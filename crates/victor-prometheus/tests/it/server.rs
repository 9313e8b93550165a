//! The judgement of Prometheus itself.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};
use victor_http::header::HeaderMap;
use victor_http::{HttpClient, HttpOptions};
use victor_metrics_protocol::TextFormat;
use victor_prometheus::PrometheusListener;

use crate::program::{Running, installed};
use crate::{recorder, snapshot};

#[test]
fn promtool_has_nothing_to_say_against_the_text() {
    let Some(mut promtool) = installed("promtool") else {
        return;
    };
    let mut child = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = snapshot().to_text(TextFormat::Prometheus);
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

/// The value of a query; none as long as there is nothing.
async fn query(client: &HttpClient, port: u16, query: &str) -> Option<String> {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url = format!("http://127.0.0.1:{port}/api/v1/query?query={escaped}");
    let answer = client.get(&url, HeaderMap::new()).await.ok()?;
    let answer: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
    let value = &answer["data"]["result"][0]["value"][1];
    Some(value.as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_every_measurement() {
    let Some(prometheus) = installed("prometheus") else {
        return;
    };
    let listener = PrometheusListener::builder(recorder()).token("s3cret");
    let listener = listener.bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n- job_name: victor\n  \
         authorization: {{credentials: s3cret}}\n  static_configs:\n  - targets: [\"{}\"]\n",
        listener.local_addr()
    );
    std::fs::write(&config, text).unwrap();
    // Free at this moment.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let _running = Running::start(
        prometheus,
        [
            format!("--config.file={}", config.display()),
            format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ],
    );
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    for (asked, expected) in [
        ("up", "1"),
        ("victor_turns_total", "7"),
        ("victor_cost_dollars_total", "1.5"),
        (
            "victor_tool_calls_total{tool=\"a \\\"b\\\"\\\\\\n日本語\"}",
            "3",
        ),
        ("victor_turn_duration_seconds_count", "1000"),
        ("victor_turn_duration_seconds_sum", "500.5"),
        ("victor_turn_duration_seconds_bucket{le=\"+Inf\"}", "1000"),
        // Up to 65,535 microseconds there are 65 whole milliseconds.
        ("victor_turn_duration_seconds_bucket{le=\"0.065535\"}", "65"),
        (
            "histogram_quantile(0.5, victor_turn_duration_seconds_bucket) < 0.525 > 0.475",
            "some",
        ),
    ] {
        let mut last = None;
        let found = async {
            loop {
                last = query(&client, port, asked).await;
                match last.as_deref() {
                    Some(found) if expected == "some" || found == expected => break,
                    _ => sleep(Duration::from_millis(100)).await,
                }
            }
        };
        let found = timeout(Duration::from_secs(60), found).await;
        assert!(found.is_ok(), "{asked}: {last:?} and not {expected}");
    }
}
