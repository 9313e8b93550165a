//! How answers come.

use std::time::Duration;

use victor_core::{ModelId, StopReason};
use victor_offline::OfflineModel;
use victor_provider_protocol::{ChatProvider, CompletionEvent};

use crate::support::{Talk, ok, readers, text_of};

#[tokio::test]
async fn text_comes_word_by_word_and_adds_up() {
    let mut talk = Talk::new(vec![]);
    talk.say("Who are you?");
    let mut stream = talk.model.stream_chat(&talk.request).await.unwrap();
    let mut words = Vec::new();
    let completion = loop {
        match stream.next().await.unwrap().unwrap() {
            CompletionEvent::TextDelta(word) => words.push(word),
            CompletionEvent::Finished(completion) => break completion,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(words[..2], ["I ", "am "]);
    assert_eq!(words.concat(), text_of(&completion));
    assert_eq!(
        (completion.model, completion.stop_reason),
        (OfflineModel::MODEL.into(), StopReason::EndTurn)
    );
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_delay_comes_before_each_word() {
    let mut talk = Talk::new(vec![]);
    talk.model = OfflineModel::new().with_delay(Duration::from_millis(10));
    talk.say("Who are you?");
    let begin = tokio::time::Instant::now();
    let words = text_of(&talk.ask().await).split_whitespace().count();
    let expected = Duration::from_millis(10) * u32::try_from(words).unwrap();
    assert!(
        begin.elapsed() >= expected && begin.elapsed() < expected * 3 / 2,
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn usage_grows_with_what_is_sent() {
    let mut talk = Talk::new(readers());
    talk.say("Read a.txt");
    let calls = talk.ask().await;
    assert_eq!(calls.stop_reason, StopReason::ToolUse);
    assert!(
        calls.usage.output > 3 && calls.usage.input > 100,
        "tools count too: {:?}",
        calls.usage
    );
    let made: Vec<_> = calls.tool_calls().cloned().collect();
    talk.results(&made, |_| ok(&"word ".repeat(400)));
    let answer = talk.ask().await;
    assert!(
        (500..600).contains(&(answer.usage.input - calls.usage.input)),
        "{:?}",
        answer.usage
    );
    talk.request.system = Some("x".repeat(400).into());
    talk.say("Hello!");
    let before = answer.usage.input + answer.usage.output;
    assert!(talk.ask().await.usage.input >= before + 100);
}

#[tokio::test]
async fn limits_of_the_request_are_kept() {
    let mut talk = Talk::new(vec![]);
    talk.say("Who are you?");
    talk.request.max_output_tokens = Some(5);
    let completion = talk.model.chat(&talk.request).await.unwrap();
    assert_eq!(
        (&*text_of(&completion), &completion.stop_reason),
        ("I am ", &StopReason::MaxTokens)
    );
    assert!(completion.usage.output <= 5);
    talk.request.stop_sequences = vec![String::new(), " an ".into(), "offline".into()];
    talk.request.max_output_tokens = Some(500);
    let completion = talk.model.chat(&talk.request).await.unwrap();
    assert_eq!(
        (&*text_of(&completion), &completion.stop_reason),
        ("I am `", &StopReason::StopSequence)
    );
}

#[test]
fn it_says_what_it_can() {
    let model = OfflineModel::default();
    let capabilities = model.capabilities(&ModelId::new("any"));
    assert_eq!(model.name(), "offline");
    assert!(capabilities.tools && capabilities.context_window >= Some(1_000_000));
}

#[tokio::test]
async fn it_keeps_the_laws_of_providers() {
    for request in ["Who are you?", "Read a.txt and b.txt"] {
        let mut talk = Talk::new(readers());
        talk.say(request);
        victor_testkit::conformance::chat_provider(&talk.model, &talk.request).await;
    }
}
