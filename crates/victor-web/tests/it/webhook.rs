//! Events sent to a webhook.

use std::io::Read as _;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use victor_testkit::{FakeApi, Reply, conformance};
use victor_web::analytics::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportErrorKind, ExportResult,
};
use victor_web::{WebhookExporter, WebhookExporterBuilder};

fn events(count: usize) -> Vec<AnalyticsEvent> {
    let event = |number| AnalyticsEvent::new("tool_call").with("number", number);
    (0..count).map(event).collect()
}

/// Sends so many events to a webhook that answers like this.
async fn send(reply: Reply, count: usize) -> Result<ExportResult, ExportError> {
    let api = FakeApi::answering(reply).await.unwrap();
    let exporter = WebhookExporter::builder(api.url()).build().unwrap();
    exporter.export(&events(count)).await
}

#[tokio::test]
async fn it_is_an_analytics_exporter() {
    let api = FakeApi::answering(Reply::new(204, "", "")).await.unwrap();
    let exporter = WebhookExporter::builder(api.url()).secret("s3cret").build();
    conformance::analytics_exporter(&exporter.unwrap()).await;
}

#[tokio::test]
async fn each_answer_has_its_consequence() {
    async fn check(reply: Reply, kind: ExportErrorKind, wait: Option<u64>, says: &str) {
        let error = send(reply, 2).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(error.retry_after, wait.map(Duration::from_secs), "{error}");
        assert!(error.message.contains(says), "{error}");
    }
    use ExportErrorKind::{Retryable, TooLarge};
    let answer = |status| Reply::new(status, "text/plain", "no");
    check(answer(413), TooLarge, None, "413").await;
    check(answer(422), TooLarge, None, "422").await;
    check(
        answer(429).with_header("retry-after", "7"),
        Retryable,
        Some(7),
        "429",
    )
    .await;
    check(answer(503), Retryable, None, "503").await;
    check(answer(401), Retryable, None, "check the token").await;
    check(answer(404), Retryable, None, "check the URL").await;
    let page = Reply::new(200, "text/html; charset=utf-8", "<html>Log in</html>");
    check(page, Retryable, None, "with a page").await;
    let elsewhere = answer(302).with_header("location", "http://127.0.0.1:1/?key=s3cret");
    check(
        elsewhere,
        Retryable,
        None,
        "redirects to http://127.0.0.1:1/",
    )
    .await;
    check(Reply::unsent(), Retryable, None, "127.0.0.1").await;

    // One bad event alone is known to be the bad one.
    let error = send(answer(400), 1).await.unwrap_err();
    assert_eq!(error.kind, ExportErrorKind::Permanent);
    let result = send(Reply::new(202, "application/json", "{}"), 2).await;
    assert_eq!(result.unwrap(), ExportResult::exported(2));
}

#[tokio::test]
async fn a_webhook_that_hangs_is_left_after_a_time() {
    let api = FakeApi::answering(Reply::new(200, "", "").stalled())
        .await
        .unwrap();
    let exporter = WebhookExporter::builder(api.url()).timeout(Duration::from_millis(200));
    // The answer has begun, and what follows it is not read.
    exporter.build().unwrap().export(&events(1)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let exporter = WebhookExporter::builder(url).timeout(Duration::from_millis(200));
    let error = exporter
        .build()
        .unwrap()
        .export(&events(1))
        .await
        .unwrap_err();
    assert!(error.message.contains("200ms"), "{error}");
}

#[tokio::test]
async fn a_batch_that_comes_again_has_the_same_identifier_and_the_headers_are_sent() {
    let api = FakeApi::answering(Reply::new(204, "", "")).await.unwrap();
    let url = format!("{}/hook/?team=1", api.url());
    let exporter = WebhookExporter::builder(url)
        .header("x-team", "blue")
        .bearer_token("t0ken")
        .build()
        .unwrap();
    let batch = events(3);
    for events in [&batch[..], &batch, &batch[1..]] {
        exporter.export(events).await.unwrap();
    }
    let requests = api.requests();
    let ids: Vec<_> = requests
        .iter()
        .map(|request| request.header("webhook-id"))
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    let last = api.last();
    assert_eq!((&*last.method, &*last.path), ("POST", "/hook/?team=1"));
    assert_eq!(last.header("x-team"), "blue");
    assert_eq!(last.header("authorization"), "Bearer t0ken");
    assert_eq!(last.header("webhook-signature"), "");
    assert!(last.header("webhook-timestamp").parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!(last.json().as_array().unwrap().len(), 2);
    let shown = format!("{exporter:?}");
    assert!(
        !shown.contains("t0ken") && !shown.contains("blue"),
        "{shown}"
    );
}

/// Takes one request, and returns its head and its body.
async fn take_request(listener: TcpListener) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        bytes.extend_from_slice(&piece[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec())
            .unwrap()
            .to_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if bytes.len() >= end + 4 + length {
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            return (head, bytes[end + 4..].to_vec());
        }
    }
}

#[tokio::test]
async fn a_compressed_body_is_the_same_array() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let exporter = WebhookExporter::builder(url).gzip().build().unwrap();
    let batch = events(200);
    let (taken, exported) = tokio::join!(take_request(listener), exporter.export(&batch));
    exported.unwrap();
    let (head, body) = taken;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..])
        .read_to_string(&mut text)
        .unwrap();
    assert!(body.len() < text.len() / 4);
    let sent: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sent, serde_json::to_value(&batch).unwrap());
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    let check = |builder: WebhookExporterBuilder, says: &str| {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    check(
        WebhookExporter::builder("hooks.example.com"),
        "hooks.example.com",
    );
    let builder = || WebhookExporter::builder("https://hooks.example.com");
    check(builder().secret("whsec_?"), "base64");
    check(builder().header("x y", "1"), "`x y`");
}
