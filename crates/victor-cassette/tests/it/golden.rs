//! The form of the file, which must stay readable.

use std::path::Path;

use serde_json::json;
use victor_cassette::CassettePlayer;
use victor_core::{Message, Role, ToolOutcome, ToolResult};
use victor_provider_protocol::{ChatProvider, Completion, ProviderErrorKind};
use victor_testkit::ScriptedModel;

use crate::{ask, drain, place};

/// A conversation with a call, an error and a stream that is dropped.
async fn converse(model: &dyn ChatProvider) -> Completion {
    let mut request = ask("Read notes.txt with key sk-abcdef123456");
    request.system = Some("Be brief.".into());
    request.temperature = Some(0.7);
    let called = model
        .stream_chat(&request)
        .await
        .unwrap()
        .completion()
        .await
        .unwrap();
    let call = called.tool_calls().next().unwrap().clone();
    request
        .context
        .push(Message::new(Role::Assistant, called.parts));
    let result = ToolResult::new(&call, ToolOutcome::Success, "buy milk");
    request.context.push(Message::tool_results_of([result]));
    assert_eq!(
        model.chat(&request).await.unwrap_err().kind,
        ProviderErrorKind::Overloaded
    );
    let mut dropped = model.stream_chat(&request).await.unwrap();
    dropped.next().await.unwrap().unwrap();
    drop(dropped);
    model.chat(&request).await.unwrap()
}

#[tokio::test]
async fn the_form_holds_still_and_is_readable() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/conversation.jsonl");
    let place = place();
    let script = ScriptedModel::new()
        .says_and_calls("I read it.", [("read", json!({"path": "notes.txt"}))])
        .fails(ProviderErrorKind::Overloaded)
        .says("You have to")
        .thinks("one note", "Buy milk.");
    let said = converse(&place.record(script)).await;

    let created_by = concat!("victor-cassette ", env!("CARGO_PKG_VERSION"));
    let found = place.text().replace(created_by, "victor-cassette 0.0.0");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        found, golden,
        "if the change is meant, UPDATE_GOLDEN=1 writes the file"
    );

    let player = CassettePlayer::open(&path).unwrap();
    assert_eq!(converse(&player).await, said);
    player.assert_finished();
}

#[tokio::test]
async fn fields_of_a_later_version_do_no_harm() {
    let place = place();
    let recorder = place.record(ScriptedModel::new().says("yes"));
    drain(recorder.stream_chat(&ask("x")).await.unwrap()).await;
    let lines = place.text();
    let later: Vec<String> = lines
        .lines()
        .map(|line| line.replacen('{', r#"{"from_later":1,"#, 1))
        .collect();
    std::fs::write(&place.path, later.join("\n")).unwrap();
    place.player().chat(&ask("x")).await.unwrap();
}
