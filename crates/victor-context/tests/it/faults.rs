//! Strategies and counters that do wrong, and calls that come at the wrong time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use victor_context::{ContextCoordinator, Truncation};
use victor_context_protocol::{
    CompactionBudget, CompactionError, CompactionStrategy, ContextManager, Prepared, TokenCounter,
};
use victor_core::{Context, Coordinator, Message, Messages, SessionId};
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::{CharCounter, cancel_at_every_poll};

use crate::{conversation, counting_chars, message, options, short, window};

const LONG: &str = "s0 u1! a1 u2 c3 r3 a3 u4 a4 u5 a5 u6";

/// A strategy that returns what a function makes of the messages.
#[derive(Debug)]
struct Returns(fn(&Messages) -> Messages);

#[async_trait]
impl CompactionStrategy for Returns {
    fn name(&self) -> &str {
        "custom"
    }

    async fn compact(
        &self,
        context: &Context,
        _: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        tokio::task::yield_now().await;
        Ok(Context::new((self.0)(context.messages())))
    }
}

async fn compact(strategy: impl CompactionStrategy) -> (Prepared, ContextCoordinator) {
    let contexts = counting_chars().strategy(Arc::new(strategy)).build();
    let session = SessionId::default();
    contexts.set_context(&session, conversation(LONG));
    let prepared = contexts.prepare(&session, &window(120)).await.unwrap();
    assert_eq!(prepared.context.messages().validate(), Ok(()));
    assert_eq!(contexts.context(&session), prepared.context);
    (prepared, contexts)
}

/// A strategy that fails is replaced by truncation, and says why.
async fn check_falls_back(strategy: impl CompactionStrategy, why: &str) {
    let (prepared, contexts) = compact(strategy).await;
    assert_eq!(short(prepared.context.messages()), "s0 u1! u5 a5 u6");
    let report = prepared.compaction.unwrap();
    assert_eq!(report.strategy, "truncation");
    let fallback = report.fallback.unwrap();
    assert!(fallback.contains(why), "{fallback}");
    let problems = contexts.health().problems;
    assert!(
        problems.len() == 1 && problems[0].contains(why),
        "{problems:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_strategy_that_fails_panics_or_hangs_falls_back() {
    check_falls_back(Faulty::new(Truncation, Fault::Error), "injected fault").await;
    check_falls_back(
        Faulty::new(Truncation, Fault::Panic),
        "panicked: injected fault",
    )
    .await;
    check_falls_back(Faulty::new(Truncation, Fault::Hang), "no answer within 30s").await;
    check_falls_back(
        Faulty::new(Truncation, Fault::HangAfterwards),
        "no answer within 30s",
    )
    .await;
}

#[tokio::test]
async fn rubbish_falls_back() {
    check_falls_back(Returns(|_| Messages::new()), "it returned no messages").await;
    check_falls_back(
        Returns(|messages| messages.iter().rev().cloned().collect()),
        "it changed the order",
    )
    .await;
    check_falls_back(
        Returns(|messages| messages.iter().chain(messages).cloned().collect()),
        "it changed the order",
    )
    .await;
    let larger = |messages: &Messages| {
        messages
            .iter()
            .cloned()
            .chain([message("u7").into()])
            .collect()
    };
    check_falls_back(Returns(larger), "it made 130 tokens of 120").await;
}

/// A strategy that breaks a rule that can be mended is used all the same.
async fn check_mended(strategy: Returns, expected: &str) {
    let (prepared, contexts) = compact(strategy).await;
    assert_eq!(short(prepared.context.messages()), expected);
    let report = prepared.compaction.unwrap();
    assert_eq!(
        (report.strategy.as_str(), report.fallback),
        ("custom", None)
    );
    assert!(contexts.health().problems[0].contains("mended"));
}

#[tokio::test]
async fn what_can_be_mended_is_mended() {
    // The protected messages come back.
    check_mended(
        Returns(|messages| messages.tail(2).cloned().collect()),
        "s0 u1! a5 u6",
    )
    .await;
    // So does the other half of what was cut apart.
    let half = |messages: &Messages| messages.iter().skip(3).take(2).cloned().collect();
    check_mended(Returns(half), "s0 u1! u2 c3 r3 u6").await;
    // What is protected cannot be altered.
    let altered = |messages: &Messages| {
        let alter = |message: &Arc<Message>| {
            Arc::new(Message::with_id(
                message.id(),
                message.role().clone(),
                vec![victor_core::Part::text("x")],
            ))
        };
        [messages.get(1), messages.get(2)]
            .into_iter()
            .flatten()
            .map(alter)
            .collect()
    };
    check_mended(Returns(altered), "s0 u1! ax u6").await;
}

#[tokio::test]
async fn a_summary_in_place_of_messages_is_welcome() {
    let summary = |messages: &Messages| {
        let first = messages.iter().take(2).cloned();
        first
            .chain([Arc::new(Message::user("sum"))])
            .chain(messages.tail(1).cloned())
            .collect()
    };
    let (prepared, contexts) = compact(Returns(summary)).await;
    assert_eq!(short(prepared.context.messages()), "s0 u1! usum u6");
    assert!(contexts.health().is_healthy());
}

#[tokio::test]
async fn a_strategy_that_leaves_too_much_is_followed_by_truncation() {
    let (prepared, contexts) = compact(Returns(Messages::clone)).await;
    assert_eq!(short(prepared.context.messages()), "s0 u1! u5 a5 u6");
    assert_eq!(
        prepared.compaction.unwrap().fallback.unwrap(),
        "`custom` left 120 tokens, and 60 are wanted"
    );
    assert!(contexts.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn health_recovers_with_the_strategy() {
    let contexts = counting_chars()
        .strategy(Arc::new(Faulty::new(Truncation, Fault::Panic).first(1)))
        .build();
    let session = SessionId::default();
    for is_healthy in [false, true] {
        contexts.set_context(&session, conversation(LONG));
        contexts.prepare(&session, &window(120)).await.unwrap();
        assert_eq!(contexts.health().is_healthy(), is_healthy);
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_can_be_set() {
    let slow = Faulty::new(Truncation, Fault::Slow(Duration::from_secs(2)));
    let contexts = counting_chars()
        .strategy(Arc::new(slow))
        .options(options(|options| {
            options.strategy_timeout = Duration::from_secs(1);
        }));
    let contexts = contexts.build();
    let prepared = contexts.compact_context(&conversation(LONG)).await.unwrap();
    assert!(
        prepared
            .compaction
            .unwrap()
            .fallback
            .unwrap()
            .contains("no answer within 1s")
    );
}

#[test]
fn without_a_runtime_there_is_no_time_limit() {
    let contexts = counting_chars()
        .strategy(Arc::new(Returns(|messages| {
            messages.tail(1).cloned().collect()
        })))
        .build();
    let context = conversation(LONG);
    let prepared = victor_testkit::drive(contexts.compact_context(&context));
    assert_eq!(
        short(prepared.unwrap().unwrap().context.messages()),
        "s0 u1! u6"
    );
}

#[derive(Debug)]
struct PanickingCounter;

impl TokenCounter for PanickingCounter {
    fn name(&self) -> &str {
        "panicking"
    }

    fn count_text(&self, _: &str) -> u32 {
        panic!("no vocabulary")
    }

    fn count_message(&self, _: &Message) -> u32 {
        panic!("no vocabulary")
    }
}

#[tokio::test]
async fn a_counter_that_panics_is_replaced_by_the_estimate() {
    let contexts = ContextCoordinator::builder()
        .counter(Arc::new(PanickingCounter))
        .build();
    let session = SessionId::default();
    contexts.append(&session, &[message("u1").into()]);
    assert!(contexts.stats(&session).tokens > 0);
    assert_eq!(
        contexts.health().problems,
        ["token counter: panicked: no vocabulary"]
    );
}

#[tokio::test]
async fn dropping_prepare_at_any_point_leaves_the_context_as_it_was() {
    let contexts = counting_chars()
        .strategy(Arc::new(Returns(|messages| {
            messages.tail(1).cloned().collect()
        })))
        .build();
    let session = SessionId::default();
    contexts.set_context(&session, conversation(LONG));
    let mut drops = 0;
    let prepared = cancel_at_every_poll(
        async || contexts.prepare(&session, &window(120)).await.unwrap(),
        async |_| {
            drops += 1;
            assert_eq!(short(contexts.context(&session).messages()), LONG);
        },
    )
    .await;
    assert!(drops > 0);
    assert_eq!(contexts.context(&session), prepared.context);
}

/// A strategy that waits until it is told to go on.
#[derive(Debug, Default)]
struct Waits {
    asked: Notify,
    go: Notify,
}

#[async_trait]
impl CompactionStrategy for Waits {
    fn name(&self) -> &str {
        "waits"
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        self.asked.notify_one();
        self.go.notified().await;
        Truncation.compact(context, budget).await
    }
}

/// Does something while a compaction of the session is under way, and shows the session afterwards.
async fn meanwhile(act: impl FnOnce(&ContextCoordinator, &SessionId)) -> String {
    let waits = Arc::new(Waits::default());
    let contexts = Arc::new(counting_chars().strategy(waits.clone()).build());
    let session = SessionId::default();
    contexts.set_context(&session, conversation("u1 a1 u2 a2 u3 a3 u4 a4 u5"));
    let task = tokio::spawn({
        let (contexts, session) = (contexts.clone(), session.clone());
        async move { contexts.prepare(&session, &window(100)).await.unwrap() }
    });
    waits.asked.notified().await;
    act(&contexts, &session);
    waits.go.notify_one();
    let prepared = task.await.unwrap();
    assert_eq!(short(prepared.context.messages()), "u1 u4 a4 u5");
    let after = contexts.context(&session);
    assert_eq!(
        contexts.stats(&session).tokens,
        victor_context_protocol::TokenCounterExt::tokens_of(&CharCounter, after.messages())
    );
    short(after.messages())
}

#[tokio::test(start_paused = true)]
async fn what_happens_during_a_compaction_is_not_lost() {
    assert_eq!(meanwhile(|_, _| ()).await, "u1 u4 a4 u5");
    let appended = |contexts: &ContextCoordinator, session: &SessionId| {
        contexts.append(session, &[message("a5").into()]);
    };
    assert_eq!(meanwhile(appended).await, "u1 u4 a4 u5 a5");
    assert_eq!(meanwhile(Coordinator::reset).await, "");
    let restored = |contexts: &ContextCoordinator, session: &SessionId| {
        contexts.set_context(session, conversation("u9"));
    };
    assert_eq!(meanwhile(restored).await, "u9");
    let reset_and_appended = |contexts: &ContextCoordinator, session: &SessionId| {
        contexts.reset(session);
        contexts.append(session, &[message("u8").into()]);
    };
    assert_eq!(meanwhile(reset_and_appended).await, "u8");
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_and_compactions_side_by_side_lose_nothing() {
    let contexts = Arc::new(ContextCoordinator::new(Truncation));
    let session = SessionId::default();
    let appends = tokio::spawn({
        let (contexts, session) = (contexts.clone(), session.clone());
        async move {
            for number in 0..500 {
                contexts.append(
                    &session,
                    &[Message::user(format!("message {number}")).pinned().into()],
                );
                tokio::task::yield_now().await;
            }
        }
    });
    while !appends.is_finished() {
        let mut request = window(100_000);
        request.force = true;
        // Nothing can be left out, so this fails; what counts is that nothing is lost.
        let _ = contexts.prepare(&session, &request).await;
        contexts.append(&session, &[Message::assistant("filler").into()]);
        tokio::task::yield_now().await;
    }
    appends.await.unwrap();
    let context = contexts.context(&session);
    let kept = context
        .messages()
        .iter()
        .filter(|message| message.is_pinned());
    assert!(
        kept.map(|message| message.text().into_owned())
            .eq((0..500).map(|number| format!("message {number}")))
    );
}
