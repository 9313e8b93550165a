//! The strategy `summarization`, and models that do wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use victor_context::Summarization;
use victor_context_protocol::{
    CompactionBudget, CompactionStrategy, ContextManager, TokenCounter, TokenCounterExt,
};
use victor_core::{Context, Coordinator, Message, Messages, SessionId};
use victor_core::{ModelId, Part, Usage, text_of};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError, ProviderErrorKind,
};
use victor_testkit::CharCounter;
use victor_testkit::faults::{Faulty, ModelFault};

use crate::{conversation, counting_chars, message, short, window};

/// A model that answers by a function of what it is asked, and remembers it.
#[derive(Debug)]
struct Model {
    answer: fn(&str) -> Result<String, ProviderErrorKind>,
    window: Option<u64>,
    asked: Mutex<Vec<ChatRequest>>,
}

impl Model {
    fn new(answer: fn(&str) -> Result<String, ProviderErrorKind>) -> Arc<Self> {
        Self::with_window(answer, None)
    }

    fn with_window(
        answer: fn(&str) -> Result<String, ProviderErrorKind>,
        window: impl Into<Option<u64>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            answer,
            window: window.into(),
            asked: Mutex::default(),
        })
    }

    /// The texts that it was asked about.
    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let texts = asked.iter().map(|request| {
            request
                .context
                .messages()
                .last()
                .unwrap()
                .text()
                .into_owned()
        });
        texts.collect()
    }
}

#[async_trait]
impl ChatProvider for Model {
    fn name(&self) -> &str {
        "model"
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        tokio::task::yield_now().await;
        self.asked.lock().unwrap().push(request.clone());
        let text = (self.answer)(&request.context.messages().last().unwrap().text())
            .map_err(|kind| ProviderError::new(kind, "model", "no"))?;
        let answer = Completion::new(
            request.model_or("model"),
            vec![Part::text(text)],
            Usage::default(),
        );
        Ok(CompletionStream::from_events([Ok(
            CompletionEvent::finished(answer),
        )]))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.context_window = self.window;
        capabilities
    }
}

/// A strategy whose model answers with one word.
pub(crate) fn summarizing() -> Summarization {
    Summarization::new(Model::new(|_| Ok("gist".to_owned())), "m")
}

async fn compact(strategy: &impl CompactionStrategy, context: &Context, target: u64) -> Context {
    let budget = CompactionBudget::new(target, Arc::new(CharCounter));
    strategy.compact(context, &budget).await.unwrap()
}

/// A conversation of so many turns of two hundred tokens.
fn long(turns: usize) -> Context {
    let text = |turn: usize| format!("turn {turn} {}", "x".repeat(89));
    let turn = |turn: usize| [Message::user(text(turn)), Message::assistant(text(turn))];
    (10..10 + turns).flat_map(turn).collect()
}

#[tokio::test]
async fn the_oldest_become_a_summary_and_what_is_protected_stays() {
    let model = Model::new(|_| Ok("it was about weather".to_owned()));
    let strategy = Summarization::new(model.clone(), "m");
    let context = conversation(&format!("s0 u1 c2 r2 a3 u4! {} u6", "u5 a5 ".repeat(20)));
    let compacted = compact(&strategy, &context, 300).await;
    let words = short(compacted.messages());
    let start = "s0 u1 u[Summary of 27 earlier messages]\nit was about weather u4! u5 a5";
    assert!(
        words.starts_with(start) && words.ends_with("a5 u6"),
        "{words}"
    );
    assert_eq!(compacted.messages().validate(), Ok(()));
    assert!(CharCounter.tokens_of(compacted.messages()) <= 300);
    let asked = model.asked.lock().unwrap()[0].clone();
    let text = asked.context.messages().last().unwrap().text().into_owned();
    for expected in [
        "call of tool: {}",
        "result of tool (success): 2",
        "assistant: 3",
        "user: 5",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("user: 4") && !text.contains("user: 6"));
    assert!(asked.system.unwrap().contains("tools were called"));
}

#[tokio::test]
async fn nothing_is_paid_for_twice_and_there_is_one_summary_at_a_time() {
    let model = Model::new(|text| Ok(format!("summary of {} characters", text.len())));
    let strategy = Summarization::new(model.clone(), "m");
    let mut context = long(20);
    let first = compact(&strategy, &context, 2000).await;
    assert_eq!(compact(&strategy, &context, 2000).await, first);
    assert_eq!(model.asked().len(), 1);
    context = first;
    for message in long(20).messages().iter().skip(2) {
        context.push(message.clone());
    }
    let second = compact(&strategy, &context, 2000).await;
    assert_eq!(model.asked().len(), 2);
    assert!(model.asked()[1].contains("[Summary of"));
    let notes = second.messages().iter().filter(|message| message.is_note());
    assert_eq!(notes.count(), 1);
}

#[tokio::test]
async fn a_history_larger_than_the_models_window_is_summarized_in_pieces() {
    let model = Model::with_window(|_| Ok("x".repeat(200)), 2000);
    let strategy = Summarization::new(model.clone(), "m").max_summary_tokens(400);
    let compacted = compact(&strategy, &long(50), 2000).await;
    assert!(CharCounter.tokens_of(compacted.messages()) <= 2000);
    let asked = model.asked();
    assert!(asked.len() > 8, "{}", asked.len());
    assert!(asked.iter().all(|text| CharCounter.count_text(text) < 1200));
    for turn in 11..40 {
        assert!(
            asked
                .iter()
                .any(|text| text.contains(&format!("turn {turn}"))),
            "{turn}"
        );
    }
}

#[tokio::test]
async fn a_piece_that_the_provider_finds_too_long_is_halved() {
    let answer = |text: &str| match text.len() {
        0..3000 => Ok("short".to_owned()),
        _ => Err(ProviderErrorKind::ContextTooLong),
    };
    let model = Model::with_window(answer, 1_000_000);
    let strategy = Summarization::new(model.clone(), "m");
    let compacted = compact(&strategy, &long(50), 2000).await;
    let summary = compacted.messages().get(1).unwrap();
    assert!(
        summary.text().ends_with("short\n\nshort"),
        "{}",
        summary.text()
    );
}

/// A model that does wrong is replaced by truncation, health says why, and nothing else is lost.
async fn check_falls_back(provider: impl ChatProvider, why: &str) {
    let strategy = Summarization::new(Arc::new(provider), "m");
    let contexts = counting_chars().strategy(Arc::new(strategy)).build();
    let session = SessionId::default();
    contexts.set_context(&session, long(20));
    let prepared = contexts.prepare(&session, &window(4000)).await.unwrap();
    let report = prepared.compaction.unwrap();
    assert_eq!(report.strategy, "truncation");
    let problems = contexts.health().problems;
    assert!(
        problems.len() == 1 && problems[0].contains(why),
        "{problems:?}"
    );
    let last = |messages: &Messages| messages.tail(2).cloned().collect::<Vec<_>>();
    assert_eq!(
        text_of(last(prepared.context.messages())[0].parts()),
        text_of(last(long(20).messages())[0].parts())
    );
    contexts.append(&session, &[message("u99").into()]);
    contexts.prepare(&session, &window(4000)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_wrong_falls_back() {
    let answering = |answer: fn(&str) -> Result<String, ProviderErrorKind>| {
        Arc::into_inner(Model::new(answer)).unwrap()
    };
    let faulty = |fault| Faulty::new(answering(|_| Ok("gist".to_owned())), fault);
    check_falls_back(answering(|_| Ok(String::new())), "no summary").await;
    check_falls_back(answering(|_| Ok(" \n".to_owned())), "no summary").await;
    check_falls_back(answering(|text| Ok(text.to_owned())), "were allowed").await;
    let wordy = Model::with_window(|text| Ok("x".repeat(text.len() * 7 / 10)), 2000);
    check_falls_back(Arc::into_inner(wordy).unwrap(), "hardly shorter").await;
    check_falls_back(
        answering(|_| Err(ProviderErrorKind::Quota)),
        "asked for a summary: model: no",
    )
    .await;
    check_falls_back(
        answering(|_| Err(ProviderErrorKind::ContextTooLong)),
        "window is too small",
    )
    .await;
    check_falls_back(faulty(ModelFault::Hang), "no answer within 30s").await;
    check_falls_back(faulty(ModelFault::Panic), "panicked").await;
    check_falls_back(faulty(ModelFault::Truncate(0)), "asked for a summary").await;
    let slow = ModelFault::Slow {
        first: Duration::from_secs(60),
        between: Duration::ZERO,
    };
    check_falls_back(faulty(slow), "no answer within 30s").await;
}
