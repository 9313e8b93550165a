//! What others see of a conversation: spans at a receiver, and the page of `victor report`.

use std::fs;

use victor_testkit::{FakeApi, Reply};

use crate::run::{QUESTION, chat, folder, ran, victor};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn spans_go_to_the_receiver_that_the_environment_names() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let api = runtime
        .block_on(FakeApi::answering(Reply::json("{}")))
        .unwrap();
    let folder = folder();
    let mut command = victor(folder.path());
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", api.url())
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        .env("OTEL_METRICS_EXPORTER", "none")
        .env("OTEL_SERVICE_NAME", "my-service")
        .env("TRACEPARENT", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .args(["chat", "--provider", "offline", QUESTION]);
    let ran = ran(&mut command, "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains("telemetry"), "{ran:?}");
    let request = api.last();
    assert_eq!(request.path, "/v1/traces");
    for part in [
        "my-service",
        "invoke_agent victor",
        "chat offline-extractive",
        "execute_tool read_file",
    ] {
        assert!(request.body.contains(part), "{part}");
    }
    let trace: Vec<_> = (0..16)
        .map(|at| u8::from_str_radix(&TRACE[2 * at..][..2], 16).unwrap())
        .collect();
    let spans = request
        .bytes
        .windows(16)
        .filter(|bytes| **bytes == trace[..])
        .count();
    assert_eq!(spans, 4, "every span belongs to the trace of the caller");
    assert!(!request.body.contains(QUESTION), "nothing of what was said");
}

#[test]
fn a_receiver_that_is_not_there_costs_the_chat_nothing_and_is_named() {
    let folder = folder();
    let mut command = victor(folder.path());
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .args(["chat", "--provider", "offline", QUESTION]);
    let run = ran(&mut command, "");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stderr.contains("telemetry: ") && run.stderr.contains("4 spans were dropped"),
        "{run:?}"
    );
    let mut command = victor(folder.path());
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .args(["chat", "--provider", "offline", QUESTION]);
    let run = ran(&mut command, "");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("only http/protobuf"), "{run:?}");
}

#[test]
fn the_page_has_what_the_ledger_and_the_transcripts_have() {
    let folder = folder();
    let empty = ran(victor(folder.path()).args(["report", "-o", "-"]), "");
    assert!(empty.stdout.contains("no model calls yet"), "{empty:?}");
    let asked = chat(
        folder.path(),
        &["--session", "one", "--provider", "offline", QUESTION],
        "",
    );
    assert_eq!(asked.code, Some(0), "{asked:?}");
    let file = folder.path().join("page.html");
    let written = ran(victor(folder.path()).args(["report", "-o"]).arg(&file), "");
    assert_eq!(written.code, Some(0), "{written:?}");
    assert!(written.stderr.contains("page.html"), "{written:?}");
    let page = fs::read_to_string(&file).unwrap();
    for part in [
        "offline-extractive",
        "read_file",
        "Tokens by day and model",
        QUESTION,
    ] {
        assert!(page.contains(part), "{part}");
    }
    let untold = ran(
        victor(folder.path()).args(["report", "--no-titles", "-o", "-"]),
        "",
    );
    assert!(!untold.stdout.contains(QUESTION));
    let nothing = ran(
        victor(folder.path()).args(["report", "--since", "2999-01-01", "-o", "-"]),
        "",
    );
    assert!(nothing.stdout.contains("no model calls yet"));
    let wrong = ran(
        victor(folder.path()).args(["report", "-o", "no/such/folder/page.html"]),
        "",
    );
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("cannot be written"), "{wrong:?}");
}
