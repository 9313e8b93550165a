//! What each strategy keeps, and embedders and stages that do wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use victor_context::{
    BudgetAware, CachedEmbedder, ContextCoordinator, EstimateCounter, Hybrid, Semantic, TaskAware,
    ToolResults, Truncation,
};
use victor_context_protocol::{
    CompactionBudget, CompactionStrategy, ContextManager, TokenCounterExt,
};
use victor_core::ModelId;
use victor_core::{
    Context, Coordinator, Message, Messages, Part, Role, SessionId, ToolCall, ToolOutcome,
    ToolResult,
};
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};
use victor_lexical::LexicalEmbedder;
use victor_testkit::faults::{Fault, Faulty};
use victor_testkit::{CharCounter, drive};

use crate::{conversation, counting_chars, short, window};

fn compact(strategy: &dyn CompactionStrategy, context: &Context, target: u64) -> Context {
    let budget = CompactionBudget::new(target, Arc::new(EstimateCounter));
    drive(strategy.compact(context, &budget)).unwrap().unwrap()
}

/// A step that reads a file.
fn reads(file: &str, content: &str) -> [Message; 2] {
    let call = ToolCall::new(file, "read_file", format!(r#"{{"path":"{file}"}}"#));
    let result = ToolResult::new(&call, ToolOutcome::Success, content);
    [
        Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
        Message::tool_results_of([result]),
    ]
}

fn results(messages: &Messages) -> Vec<String> {
    let results = messages.iter().flat_map(|message| message.tool_results());
    results.map(|result| result.text().into_owned()).collect()
}

#[test]
fn old_results_become_notes_and_calls_stay() {
    let content = |file: usize| format!("file {file} begins\n{}", "and goes on ".repeat(100));
    let steps = (0..6).flat_map(|file| reads(&file.to_string(), &content(file)));
    let context: Context = [Message::user("read all")]
        .into_iter()
        .chain(steps)
        .collect();
    let compacted = compact(&ToolResults::default(), &context, 0);
    let found = results(compacted.messages());
    for (file, result) in found.iter().enumerate().take(3) {
        let message = context.messages().get(2 + 2 * file).unwrap();
        assert!(
            result.contains("`read_file`")
                && result.contains(&format!(
                    "message {} of the transcript",
                    message.id().short()
                ))
                && result.contains(&format!("file {file} begins and goes")),
            "{result}"
        );
        assert!(result.len() < 250);
    }
    assert!((3..6).all(|file| found[file] == content(file)));
    assert_eq!(compacted.messages().len(), context.messages().len());
    assert_eq!(compacted.messages().validate(), Ok(()));
    assert_eq!(compact(&ToolResults::default(), &compacted, 0), compacted);
    // Only as far as is needed.
    let half = EstimateCounter.tokens_of(context.messages()) * 8 / 10;
    let found = results(compact(&ToolResults::default(), &context, half).messages());
    assert!(found[0] != content(0) && (2..6).all(|file| found[file] == content(file)));
}

/// A talk about one thing after another, of which the strategy keeps what it is asked for.
fn check_keeps(strategy: &dyn CompactionStrategy, task: &str, expected: &str) {
    let topics = [
        "The cat is called Minka and sleeps on the radiator every afternoon.",
        "Our train to Vienna leaves from platform nine at half past seven.",
        "The recipe wants two eggs, flour, butter and a pinch of salt.",
        "My bicycle has a flat tyre and the pump is broken again.",
        "The landlord will paint the kitchen walls in light green.",
    ];
    let talk = |text: &str| {
        [
            Message::user(text),
            Message::assistant("I see, thank you for telling me about it."),
        ]
    };
    let mut context: Context = topics
        .into_iter()
        .flat_map(talk)
        .flat_map(|message| [message])
        .collect();
    let tokens = EstimateCounter.tokens_of(context.messages());
    context.set_metadata("current_task", task);
    let by_task = compact(strategy, &context, tokens * 6 / 10);
    context.set_metadata("current_task", " ");
    context.push(Message::user(task));
    let by_request = compact(strategy, &context, tokens * 6 / 10);
    for compacted in [by_task, by_request] {
        let texts: Vec<_> = compacted
            .messages()
            .iter()
            .map(|message| message.text())
            .collect();
        assert!(
            texts.iter().any(|text| text.contains(expected)),
            "{texts:?}"
        );
        assert!(texts.len() < context.messages().len());
        assert_eq!(compacted.messages().validate(), Ok(()));
    }
}

#[test]
fn what_has_to_do_with_the_task_is_kept() {
    for strategy in [
        &TaskAware as &dyn CompactionStrategy,
        &Semantic::default(),
        &Hybrid::default(),
    ] {
        check_keeps(strategy, "When does the train leave?", "platform nine");
        check_keeps(strategy, "How many eggs does the recipe want?", "two eggs");
        check_keeps(
            strategy,
            "What is wrong with the bicycle tyres?",
            "flat tyre",
        );
    }
}

#[test]
fn the_same_is_not_kept_twice() {
    let texts = [
        "hello",
        "the port is 8080",
        "the port is 8080",
        "fine fine fine fine",
        "what is the port?",
    ];
    let context: Context = texts.into_iter().map(Message::user).collect();
    let target = EstimateCounter.tokens_of(context.messages()) - 1;
    let kept = |diversity| {
        let strategy = Semantic::default().diversity(diversity);
        let compacted = compact(&strategy, &context, target);
        compacted
            .messages()
            .iter()
            .filter(|message| message.text().contains("8080"))
            .count()
    };
    assert_eq!((kept(0.0), kept(2.0)), (2, 1));
}

#[test]
fn a_budget_holds_whatever_the_window_is() {
    let strategy = BudgetAware::new(200, Arc::new(Truncation));
    let contexts = counting_chars().strategy(Arc::new(strategy)).build();
    let session = SessionId::default();
    let mut request = window(1_000_000);
    request.reserved = 50;
    for number in 0..100 {
        contexts.append(
            &session,
            &[Message::user(format!("question {number}")).into()],
        );
        let prepared = drive(contexts.prepare(&session, &request))
            .unwrap()
            .unwrap();
        assert!(CharCounter.tokens_of(prepared.context.messages()) <= 150);
    }
    assert_eq!(contexts.stats(&session).window, Some(200));
    assert!(contexts.stats(&session).last_compaction.is_some());
    assert_eq!(
        Hybrid::new([
            Arc::new(BudgetAware::default()) as _,
            Arc::new(Truncation) as _
        ])
        .max_request_tokens(),
        Some(32_000)
    );
}

fn failing(fault: Fault) -> Arc<dyn CompactionStrategy> {
    Arc::new(Faulty::new(Truncation, fault))
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_fails_is_passed_over() {
    let context = conversation("u1 a1 u2 a2 u3 a3 u4");
    let budget = CompactionBudget::new(40, Arc::new(CharCounter));
    for fault in [Fault::Error, Fault::Panic, Fault::Hang] {
        let hybrid = Hybrid::new([failing(fault), Arc::new(Truncation)]);
        let compacted = hybrid.compact(&context, &budget).await.unwrap();
        assert_eq!(short(compacted.messages()), "u1 u3 a3 u4");
        let hybrid = Hybrid::new([failing(fault)]);
        hybrid.compact(&context, &budget).await.unwrap_err();
    }
    let error = Hybrid::new([failing(Fault::Error), failing(Fault::Panic)])
        .compact(&context, &budget)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "`truncation`: injected fault; `truncation`: panicked: injected fault"
    );
}

/// What an embedder does.
#[derive(Debug, Clone, Copy)]
enum Embeds {
    Well,
    Fails,
    Hangs,
    NotANumber,
    AnotherDimension,
    TooFew,
}

#[derive(Debug)]
struct Embeds3 {
    model: ModelId,
    does: Embeds,
    texts: AtomicUsize,
}

impl Embeds3 {
    fn new(does: Embeds) -> Arc<Self> {
        let (model, texts) = (ModelId::new("three"), AtomicUsize::new(0));
        Arc::new(Self { model, does, texts })
    }
}

#[async_trait]
impl Embedder for Embeds3 {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimensions(&self) -> usize {
        3
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        self.texts.fetch_add(texts.len(), Ordering::Relaxed);
        let vector = |text: &&str| match self.does {
            Embeds::NotANumber => Ok(Embedding::new([f32::NAN, 0.0, 0.0])?),
            Embeds::AnotherDimension => Ok(Embedding::new([1.0])?),
            Embeds::Fails => Err(EmbedError::unavailable("it sleeps")),
            _ => Ok(Embedding::new([text.len() as f32, 1.0, 0.0])?),
        };
        match self.does {
            Embeds::Hangs => std::future::pending().await,
            Embeds::TooFew => texts.iter().skip(1).map(vector).collect(),
            _ => texts.iter().map(vector).collect(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_embedder_that_does_wrong_falls_back_and_health_says_so() {
    let cases = [
        (
            Embeds::Fails,
            "could not be embedded: the embedder is not available: it sleeps",
        ),
        (Embeds::Hangs, "no answer within 30s"),
        (Embeds::NotANumber, "number 0 of the vector is not finite"),
        (Embeds::AnotherDimension, "a vector of 1 numbers, not 3"),
        (Embeds::TooFew, "vectors for"),
    ];
    for (does, why) in cases {
        let contexts = ContextCoordinator::builder()
            .counter(Arc::new(CharCounter))
            .strategy(Arc::new(Semantic::new(Embeds3::new(does))))
            .build();
        let session = SessionId::default();
        contexts.set_context(&session, conversation("u1 a1 u2 a2 u3 a3 u4"));
        let prepared = contexts.prepare(&session, &window(80)).await.unwrap();
        assert_eq!(short(prepared.context.messages()), "u1 u3 a3 u4");
        assert_eq!(prepared.compaction.unwrap().strategy, "truncation");
        let problems = contexts.health().problems;
        assert!(
            problems.len() == 1 && problems[0].contains(why),
            "{problems:?}"
        );
    }
}

#[tokio::test]
async fn a_text_is_embedded_once_while_it_is_remembered() {
    let embedder = Embeds3::new(Embeds::Well);
    let cached = CachedEmbedder::new(embedder.clone(), 4);
    let embed = async |texts: &[&str]| {
        let vectors = cached.embed(texts).await.unwrap();
        assert_eq!(vectors, embedder.embed(texts).await.unwrap());
        embedder.texts.swap(0, Ordering::Relaxed) - texts.len()
    };
    assert_eq!(embed(&["a", "bb"]).await, 2);
    assert_eq!(embed(&["bb", "ccc", "a"]).await, 1);
    assert_eq!(embed(&[]).await, 0);
    assert_eq!(embed(&["a", "a", "bb"]).await, 0);
    embed(&["1", "22", "333", "4444"]).await;
    assert_eq!(embed(&["a", "bb"]).await, 2);
    let lexical = CachedEmbedder::new(Arc::new(LexicalEmbedder::default()), 10);
    assert_eq!(
        lexical.dimensions(),
        LexicalEmbedder::default().dimensions()
    );
}

#[tokio::test]
async fn a_task_larger_than_the_window_is_cut_once_something_follows_it() {
    let contexts = counting_chars().build();
    let session = SessionId::default();
    contexts.append(&session, &[Message::user("do this: ".repeat(500)).into()]);
    contexts.prepare(&session, &window(1000)).await.unwrap_err();
    assert_eq!(contexts.context(&session).messages().len(), 1);
    contexts.append(
        &session,
        &[
            Message::assistant("done").into(),
            Message::user("and now?").into(),
        ],
    );
    let prepared = contexts.prepare(&session, &window(1000)).await.unwrap();
    let texts: Vec<_> = prepared
        .context
        .messages()
        .iter()
        .map(|message| message.text())
        .collect();
    assert!(texts[0].starts_with("do this") && texts[0].contains("characters were cut here"));
    assert_eq!(texts.last().unwrap(), "and now?");
}

#[test]
fn a_broken_history_is_compacted_by_every_strategy() {
    let contexts = counting_chars().build();
    for strategy in contexts.strategies() {
        let session = SessionId::new(strategy.clone());
        contexts.set_context(&session, conversation("a0 u1 c1 u2 c2 r2 r9 a2 u3 c3"));
        let mut request = window(140);
        request.strategy = Some(strategy);
        let prepared = drive(contexts.prepare(&session, &request))
            .unwrap()
            .unwrap();
        assert_eq!(prepared.context.messages().validate(), Ok(()));
    }
    assert!(contexts.health().is_healthy());
}
