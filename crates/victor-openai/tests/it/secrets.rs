//! Keys stay where they belong.

use std::io::Write;
use std::sync::{Arc, Mutex};

use victor_core::{Context, Message};
use victor_openai::{Dialect, OpenAiBuilder, Server};
use victor_provider_protocol::{ChatProvider, ChatRequest, ListModels};

use crate::fake::{Fake, Reply};

const KEY: &str = "sk-secret-0123456789";
const HEADER: &str = "tenant-secret-987654";

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn keys_are_in_no_error_no_event_no_log_and_no_debug() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let mut seen = String::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // For the whole process: what one thread alone listens to, tracing may find that nobody does.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    seen += &runtime.block_on(what_is_seen());
    seen += &format!(
        "{:?}",
        OpenAiBuilder::default()
            .api_key(KEY)
            .base_url(format!("http://u:{KEY}@h/"))
    );
    seen += &format!(
        "{:?}",
        OpenAiBuilder::default()
            .api_key(format!("{KEY}\n{HEADER}"))
            .build()
    );
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("asking"), "{logged}");
    assert!(seen.contains("[redacted]"), "{seen}");
    for secret in [KEY, HEADER] {
        assert!(!seen.contains(secret), "{seen}");
        assert!(!logged.contains(secret), "{logged}");
    }
}

/// Answers that repeat the secrets, in every place where a server could.
fn replies() -> Vec<Reply> {
    let said = format!("the key {KEY} of {HEADER} is wrong");
    let error = serde_json::json!({"error": {"message": said}}).to_string();
    let odd = serde_json::json!({"type": "response.created", "choices": said, "response": said});
    let location = format!("http://{KEY}@elsewhere/?{HEADER}");
    vec![
        Reply::new(401, "application/json", error.clone()),
        Reply::new(500, "text/plain", said),
        Reply::json(error.clone()),
        Reply::events(format!("data: {error}\n\n")),
        Reply::events(format!("data: {odd}\n\n")),
        Reply::new(500, "", "").with_header("x-request-id", KEY),
        Reply::new(307, "", "").with_header("location", &location),
    ]
}

async fn what_is_seen() -> String {
    let mut seen = String::new();
    for reply in replies() {
        for dialect in [Dialect::ChatCompletions, Dialect::Responses] {
            let fake = Fake::saying(reply.clone()).await;
            let builder = fake
                .builder(Server::OPENAI, dialect)
                .api_key(KEY)
                .header("x-tenant", HEADER);
            seen += &format!("{builder:?}");
            let provider = builder.build().unwrap();
            seen += &format!("{provider:?}");
            let context = Context::from_iter([Message::user("hello")]);
            match provider.stream_chat(&ChatRequest::new("m", context)).await {
                Ok(mut stream) => {
                    seen += &format!("{stream:?}");
                    while let Some(event) = stream.next().await {
                        seen += &format!("{event:?}");
                    }
                }
                Err(error) => seen += &format!("{error} {error:?}"),
            }
            seen += &format!("{:?}", provider.models().await);
            seen += &format!("{:?}", provider.embedder("m", None).await);
            let asked = &fake.asked()[0];
            assert_eq!(asked.header("authorization"), format!("Bearer {KEY}"));
            assert_eq!(asked.header("x-tenant"), HEADER);
        }
    }
    seen
}
