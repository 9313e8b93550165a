//! Keys appear in no Debug, log, event or error.

use std::io::Write;
use std::sync::{Arc, Mutex};

use victor_core::{Context, Message};
use victor_provider_protocol::{ChatProvider, ChatRequest, CompletionEvent};

use crate::server::{KEY, Server};
use victor_testkit::Reply;

const OTHER: &str = "another-secret-value";
const TOKEN: &str = "token-secret-value";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_tells_a_secret_even_if_the_server_does() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());

    let all = format!("{KEY} {OTHER} {TOKEN}");
    let error = serde_json::json!({"type": "error", "error": {"type": all, "message": all}, "request_id": all}).to_string();
    let start = "data: {\"type\":\"message_start\",\"message\":{}}\n\n";
    let mut told = String::new();
    for answer in [
        Reply::new(401, "application/json", error.clone()),
        Reply::new(500, "text/plain", all.clone()),
        Reply::new(500, "text/html", format!("<title>{all}</title>")),
        Reply::new(200, &all, "{}"),
        Reply::new(
            200,
            "application/json",
            format!("{{\"type\":\"message\",\"content\":\"{all}\"}}"),
        ),
        Reply::events(format!("{start}event: error\ndata: {error}\n\n")),
        Reply::events(format!("{start}event: message_stop\ndata: {all}\n\n")),
        Reply::events(format!(
            "{start}data: {{\"type\":\"message_start\",\"message\":\"{all}\"}}\n\n"
        )),
    ] {
        let server = Server::answering(answer).await;
        let settings = server.settings().auth_token(TOKEN).header("x-other", OTHER);
        told += &format!("{settings:?}");
        let provider = settings.build().unwrap();
        let mut request = ChatRequest::new("claude", Context::from_iter([Message::user("hello")]));
        request.max_output_tokens = Some(1);
        told += &format!("{provider:?}");
        let mut errors = vec![
            provider.chat(&request).await.unwrap_err(),
            provider.count_tokens(&request).await.unwrap_err(),
        ];
        match provider.stream_chat(&request).await {
            Err(error) => errors.push(error),
            Ok(mut stream) => {
                told += &format!("{stream:?}");
                while let Some(event) = stream.next().await {
                    match event {
                        Err(error) => errors.push(error),
                        Ok(event) => {
                            assert!(!matches!(event, CompletionEvent::Finished(_)));
                            told += &format!("{event:?}");
                        }
                    }
                }
            }
        }
        let sent = server.last().headers;
        assert_eq!(
            (sent["x-api-key"].as_str(), sent["x-other"].as_str()),
            (KEY, OTHER),
            "it was sent"
        );
        assert_eq!(sent["authorization"], format!("Bearer {TOKEN}"));
        told += &format!("{errors:?}");
        errors.iter().for_each(|error| told += &error.to_string());
    }
    told += &String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        told.contains("asking anthropic") && told.contains("[redacted]"),
        "{told}"
    );
    for secret in [KEY, OTHER, TOKEN] {
        let found = told
            .find(secret)
            .map(|at| &told[at.saturating_sub(300)..at]);
        assert_eq!(found, None, "{secret}");
    }
}
