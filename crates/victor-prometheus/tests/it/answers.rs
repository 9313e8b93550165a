//! What the listener answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use victor_metrics_protocol::MockMetricsRecorder;
use victor_prometheus::{PrometheusListener, PrometheusListenerBuilder};

use crate::recorder;

const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(listener: &PrometheusListener) -> TcpStream {
    TcpStream::connect(listener.local_addr()).await.unwrap()
}

/// Sends a request and reads to the end.
async fn ask(listener: &PrometheusListener, head: &str) -> String {
    let mut stream = connect(listener).await;
    let request = format!("{head}\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    answer
}

fn builder() -> PrometheusListenerBuilder {
    PrometheusListener::builder(recorder())
}

#[tokio::test]
async fn each_request_has_its_answer() {
    let listener = builder().token("s3cret").bind("127.0.0.1:0").await.unwrap();
    let auth = "Authorization: Bearer s3cret";
    for (head, expected) in [
        (format!("GET /metrics HTTP/1.1\r\n{auth}"), "HTTP/1.1 200"),
        (format!("HEAD /metrics HTTP/1.1\r\n{auth}"), "HTTP/1.1 200"),
        (format!("POST /metrics HTTP/1.1\r\n{auth}"), "HTTP/1.1 405"),
        (
            format!("GET /metrics?x=1 HTTP/1.1\r\n{auth}"),
            "HTTP/1.1 200",
        ),
        (format!("GET / HTTP/1.1\r\n{auth}"), "HTTP/1.1 404"),
        ("GET /metrics HTTP/1.1".into(), "HTTP/1.1 401"),
        (
            "GET /metrics HTTP/1.1\r\nAuthorization: Bearer s3cre".into(),
            "HTTP/1.1 401",
        ),
        (
            "GET /metrics HTTP/1.1\r\nAuthorization: Basic s3cret".into(),
            "HTTP/1.1 401",
        ),
        ("nonsense".into(), "HTTP/1.1 400"),
    ] {
        let answer = ask(&listener, &head).await;
        assert!(answer.starts_with(expected), "{head}: {answer}");
    }
    assert!(!format!("{listener:?}{:?}", builder().token("s3cret")).contains("s3cret"));
}

#[tokio::test]
async fn the_format_is_the_one_that_is_asked_for() {
    let listener = builder().path("m").bind("127.0.0.1:0").await.unwrap();
    let answer = ask(&listener, "GET /m HTTP/1.1").await;
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(answer.contains("\nvictor_turns_total 7\n"), "{answer}");
    assert!(
        answer.contains("\nvictor_cost_dollars_total 1.5\n"),
        "{answer}"
    );
    let accept =
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let answer = ask(&listener, &format!("GET /m HTTP/1.1\r\n{accept}")).await;
    assert!(
        answer.contains("content-type: application/openmetrics-text"),
        "{answer}"
    );
    assert!(answer.ends_with("# EOF\n"), "{answer}");
}

#[tokio::test]
async fn a_recorder_that_panics_is_an_error_of_its_request() {
    let mut recorder = MockMetricsRecorder::new();
    recorder
        .expect_snapshot()
        .returning(|| panic!("out of cheese"));
    let listener = PrometheusListener::builder(Arc::new(recorder));
    let listener = listener.bind("127.0.0.1:0").await.unwrap();
    for _ in 0..2 {
        let answer = ask(&listener, "GET /metrics HTTP/1.1").await;
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    }
}

#[tokio::test]
async fn who_says_nothing_takes_a_place_for_a_time_only() {
    let limit = Duration::from_millis(200);
    let listener = builder().connections(2).request_timeout(limit);
    let listener = listener.bind("127.0.0.1:0").await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(connect(&listener).await);
    }
    let answer = ask(&listener, "GET /metrics HTTP/1.1").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_shutdown_ends_it_and_so_does_a_drop() {
    let listener = builder().bind("127.0.0.1:0").await.unwrap();
    let mut silent = connect(&listener).await;
    sleep(Duration::from_millis(50)).await;
    timeout(PATIENCE, listener.shutdown()).await.unwrap();
    timeout(PATIENCE, listener.shutdown()).await.unwrap();
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, silent.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(read.is_err() || rest.is_empty());
    assert!(TcpStream::connect(listener.local_addr()).await.is_err());

    let listener = builder().bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr();
    assert!(
        PrometheusListener::builder(recorder())
            .bind(address)
            .await
            .is_err()
    );
    drop(listener);
    timeout(PATIENCE, async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}
