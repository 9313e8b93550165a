//! The way of a message, from one coordinator to the next.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use victor_core::{Context, JsonMap, Part, Usage};
use victor_orchestrator::analytics::AnalyticsEvent;
use victor_orchestrator::chat::{ChatInput, TurnEventKind, TurnOutcome};
use victor_orchestrator::config::Settings;
use victor_orchestrator::context::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_orchestrator::prompt::{Contribution, PromptContext, PromptContributor, PromptError};
use victor_orchestrator::provider::{Completion, ProviderErrorKind, ToolChoice};
use victor_testkit::{Expect, ScriptedModel, conformance};

use crate::{Note, builder, orchestrator};

#[tokio::test]
async fn a_message_becomes_an_answer_and_stays_in_the_conversation() {
    let model = ScriptedModel::new()
        .expecting(Expect::user_text("Hello"))
        .says("Good day")
        .expecting(Expect::messages(3))
        .says("Still here");
    let (model, builder) = builder(model);
    let orchestrator = builder.build().unwrap();
    let response = orchestrator.chat("Hello").await.unwrap();
    assert_eq!(
        (response.content().as_ref(), response.usage.total_tokens()),
        ("Good day", 3)
    );
    orchestrator.chat("And now?").await.unwrap();
    model.assert_finished();
    let session = orchestrator.session(orchestrator.session_id());
    assert_eq!(session.context().messages().len(), 4);
    assert_eq!(session.transcript().await.unwrap().len(), 4);
}

#[tokio::test]
async fn it_is_an_agent_as_every_other() {
    conformance::agent(
        async || {
            orchestrator((0..400).fold(ScriptedModel::new(), |model, _| model.says("I am here")))
        },
        "hi",
    )
    .await;
    let make = async || {
        let model = (0..400).fold(ScriptedModel::new(), |model, _| {
            model
                .calls("note", json!({"text": "x"}))
                .says("noted it is")
        });
        builder(model)
            .1
            .tool(Note::new("note"))
            .build()
            .unwrap()
            .session("another")
    };
    conformance::agent(make, "hi").await;
}

#[tokio::test]
async fn settings_reach_the_request_and_the_turn() {
    let model = ScriptedModel::new()
        .calls("note", json!({"text": "1"}))
        .expecting(Expect::tool_choice(ToolChoice::None))
        .says("that is all");
    let (model, builder) = builder(model);
    let settings = Settings::default()
        .with_max_tool_iterations(1)
        .with_temperature(Some(0.5))
        .with_max_output_tokens(Some(77));
    let orchestrator = builder
        .settings(settings)
        .tool(Note::new("note"))
        .build()
        .unwrap();
    let response = orchestrator.chat("go").await.unwrap();
    assert_eq!(response.outcome, TurnOutcome::ToolLimit);
    let requests = model.requests();
    assert_eq!(
        (requests[0].temperature, requests[0].max_output_tokens),
        (Some(0.5), Some(77))
    );
    assert!(requests[0].system.is_some());
    assert_eq!(
        requests[1].tools.len(),
        1,
        "the tools stay in the request, for the sake of the prompt cache"
    );
    assert_eq!(requests[0].system, requests[1].system);
    let context = orchestrator
        .context_coordinator()
        .context(orchestrator.session_id());
    assert_eq!(
        context.messages().len(),
        4,
        "the note to the model is not stored"
    );
    model.assert_finished();
}

#[derive(Debug)]
struct Language;

#[async_trait]
impl PromptContributor for Language {
    fn name(&self) -> &str {
        "language"
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        Ok(cx
            .get_str("language")
            .map(|language| format!("Answer in {language}."))
            .unwrap_or_default()
            .into())
    }
}

#[tokio::test]
async fn facts_about_the_request_reach_the_prompt() {
    let model = ScriptedModel::new()
        .expecting(Expect::system_contains("Answer in French."))
        .says("Bonjour");
    let (model, builder) = builder(model);
    let orchestrator = builder
        .prompt_contributor(Arc::new(Language))
        .build()
        .unwrap();
    orchestrator
        .chat(ChatInput::from("Hello").with("language", "French"))
        .await
        .unwrap();
    model.assert_finished();
}

#[tokio::test]
async fn events_have_the_tags_of_their_session() {
    let (_, builder) = builder(ScriptedModel::new().says("Hello"));
    let orchestrator = builder.build().unwrap();
    let session = orchestrator.session("s").with_tag("tenant-a");
    session.chat("Hello").await.unwrap();
    let events = session.analytics().events;
    assert!(
        !events.is_empty()
            && events
                .iter()
                .all(|event| *event.tags == ["tenant-a".into()])
    );
}

#[derive(Debug)]
struct Hints;

#[async_trait]
impl PromptContributor for Hints {
    fn name(&self) -> &str {
        "hints"
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        let is_enabled = cx.get_bool("enable_task_hints") != Some(false);
        Ok(format!("Hints: {is_enabled}.").into())
    }
}

#[tokio::test]
async fn the_switch_for_hints_reaches_the_prompt() {
    for enabled in [true, false] {
        let model = ScriptedModel::new()
            .expecting(Expect::system_contains(format!("Hints: {enabled}.")))
            .says("Hello");
        let (model, builder) = builder(model);
        let settings = Settings::default().with_enable_task_hints(enabled);
        let builder = builder.settings(settings).prompt_contributor(Hints);
        builder.build().unwrap().chat("Hello").await.unwrap();
        model.assert_finished();
    }
}

#[tokio::test]
async fn analytics_hears_what_was_done_and_nothing_of_what_was_said() {
    let model = ScriptedModel::new()
        .calls("note", json!({"text": "secret"}))
        .says("a secret is noted");
    let orchestrator = builder(model).1.tool(Note::new("note")).build().unwrap();
    orchestrator.chat("keep my secret").await.unwrap();
    let events = orchestrator
        .session(orchestrator.session_id())
        .analytics()
        .events;
    let types: Vec<_> = events.iter().map(|event| &*event.event_type).collect();
    assert_eq!(
        types,
        [
            "turn_started",
            "model_call_started",
            "model_call_finished",
            "tool_call_started",
            "tool_call_finished",
            "model_call_started",
            "model_call_finished",
            "turn_finished"
        ]
    );
    assert!(!serde_json::to_string(&events).unwrap().contains("secret"));
    let usage = |event: &AnalyticsEvent| {
        serde_json::from_value::<Usage>(event.data.get("usage").unwrap()).unwrap()
    };
    assert_eq!(
        usage(&events[2]) + usage(&events[6]),
        usage(&events[7]),
        "no token is counted twice"
    );
}

#[tokio::test]
async fn analytics_can_be_switched_off() {
    let settings = Settings::default().with_enable_analytics(false);
    let orchestrator = builder(ScriptedModel::new().says("x"))
        .1
        .settings(settings)
        .build()
        .unwrap();
    orchestrator.chat("hi").await.unwrap();
    assert!(
        orchestrator
            .session(orchestrator.session_id())
            .analytics()
            .events
            .is_empty()
    );
}

#[tokio::test]
async fn the_provider_can_be_switched_between_turns() {
    let orchestrator = orchestrator(ScriptedModel::new().says("from one"));
    assert_eq!(orchestrator.chat("hi").await.unwrap().content(), "from one");
    let other = Arc::new(
        ScriptedModel::new()
            .named("other")
            .expecting(Expect::messages(3))
            .says("from another"),
    );
    orchestrator.switch_provider(other.clone(), "bigger");
    let response = orchestrator.chat("hi again").await.unwrap();
    assert_eq!(response.content(), "from another");
    assert_eq!(response.model, Some("bigger".into()));
    assert_eq!(
        orchestrator.provider_coordinator().route().provider,
        "other"
    );
    other.assert_finished();
}

#[tokio::test]
async fn a_context_over_the_threshold_is_compacted_before_the_model_is_asked() {
    let model = (0..30).fold(ScriptedModel::new(), |model, _| {
        model.says("word ".repeat(100))
    });
    let settings = Settings::default().with_context_window(Some(10_000));
    let orchestrator = builder(model).1.settings(settings).build().unwrap();
    let mut compacted = 0;
    for turn in 0..30 {
        let mut stream = orchestrator.stream_chat(format!("turn {turn} {}", "talk ".repeat(300)));
        while let Some(event) = stream.next().await {
            if let TurnEventKind::ContextCompacted(report) = event.unwrap().kind {
                assert!(report.tokens_after < report.tokens_before);
                compacted += 1;
            }
        }
    }
    assert!(
        (1..10).contains(&compacted),
        "it was compacted {compacted} times"
    );
    let session = orchestrator.session(orchestrator.session_id());
    session.context().messages().validate().unwrap();
    assert!(session.context().messages().len() < 60);
    assert_eq!(
        session.transcript().await.unwrap().len(),
        60,
        "the transcript has everything"
    );
    assert!(session.context_stats().fill().unwrap() < 0.9);
}

/// How many tokens were counted at the first compaction in a window of 10,000, if the provider reports `report` for each
/// request.
async fn compacted_at(report: impl Fn(usize) -> u64) -> u64 {
    compacted_at_rounds(|turn| (report(turn), None)).await
}

/// The same, where it may report a sum and what was read in the last of several rounds.
async fn compacted_at_rounds(report: impl Fn(usize) -> (u64, Option<u64>)) -> u64 {
    let model = (0..60).fold(ScriptedModel::new(), |model, turn| {
        let (sum, last) = report(turn);
        let parts = vec![Part::text("word ".repeat(100))];
        let mut answer = Completion::new("a-more-exact-name".into(), parts, Usage::new(sum, 1));
        answer.context_tokens = last;
        model.completes(answer)
    });
    let (_, builder) = builder(model);
    let settings = Settings::default()
        .with_context_window(Some(10_000))
        .with_max_output_tokens(Some(100));
    let orchestrator = builder.settings(settings).build().unwrap();
    for turn in 0..60 {
        let mut stream = orchestrator.stream_chat(format!("turn {turn} {}", "talk ".repeat(100)));
        while let Some(event) = stream.next().await {
            if let TurnEventKind::ContextCompacted(compacted) = event.unwrap().kind {
                return compacted.tokens_before;
            }
        }
    }
    panic!("it was never compacted")
}

#[tokio::test]
async fn thresholds_hold_in_the_tokens_that_the_provider_reports() {
    let plain = compacted_at(|_| 0).await;
    // A turn has somewhat more than 200 tokens, and is the longer by the request that is not yet answered.
    let counted = |turn: usize| turn as u64 * 210 + 110;
    let doubled = compacted_at(|turn| counted(turn) * 2).await;
    assert!(
        (plain / 2).abs_diff(doubled) < plain / 20,
        "{doubled} of {plain}"
    );
    let rounds = compacted_at_rounds(|turn| (counted(turn) * 3, Some(counted(turn)))).await;
    assert_eq!(rounds, compacted_at(counted).await);
    let cut = compacted_at(|turn| counted(turn).min(4096)).await;
    assert!(
        cut <= plain,
        "a server that cuts teaches nothing: {cut} of {plain}"
    );
    let huge = compacted_at(|_| u64::MAX).await;
    assert!(huge > plain / 4, "{huge} of {plain}");
}

#[tokio::test]
async fn a_context_that_the_provider_finds_too_long_is_compacted_and_sent_again() {
    let mut model = ScriptedModel::new();
    for _ in 0..20 {
        model = model.says("word ".repeat(50));
    }
    model = model
        .fails(ProviderErrorKind::ContextTooLong)
        .says("now it fits");
    let (model, builder) = builder(model);
    let orchestrator = builder.build().unwrap();
    for _ in 0..20 {
        orchestrator.chat("talk ".repeat(50)).await.unwrap();
    }
    assert_eq!(
        orchestrator.chat("and now?").await.unwrap().content(),
        "now it fits"
    );
    let requests = model.requests();
    let lengths: Vec<_> = requests[20..]
        .iter()
        .map(|request| request.context.messages().len())
        .collect();
    assert!(lengths[0] == 41 && lengths[1] < 30, "{lengths:?}");
    model.assert_finished();
}

/// Writes down the facts that it is told.
#[derive(Debug, Default)]
struct Facts(Mutex<Option<JsonMap>>);

#[async_trait]
impl CompactionStrategy for Facts {
    fn name(&self) -> &str {
        "facts"
    }

    async fn compact(
        &self,
        context: &Context,
        _: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        *self.0.lock().unwrap() = Some(context.metadata().clone());
        Ok(context.with_messages(context.messages().tail(2).cloned().collect()))
    }
}

#[tokio::test]
async fn a_session_can_be_compacted_by_hand_with_the_strategy_of_its_settings() {
    let (_, builder) =
        builder((0..3).fold(ScriptedModel::new(), |model, _| model.says("so it is")));
    let facts = Arc::new(Facts::default());
    let orchestrator = builder
        .register_compaction_strategy("facts", facts.clone())
        .setting("context_compaction_strategy", "facts")
        .build()
        .unwrap();
    let session = orchestrator.session("s");
    for _ in 0..3 {
        let input = ChatInput::from("and now?").with("current_task", "asking");
        session.chat(input).await.unwrap();
    }
    let report = session.compact().await.unwrap().unwrap();
    assert_eq!(
        (
            report.strategy.as_str(),
            report.messages_before,
            report.messages_after
        ),
        ("facts", 6, 3)
    );
    assert_eq!(
        facts.0.lock().unwrap().as_ref().unwrap()["current_task"],
        "asking"
    );
    assert_eq!(session.context().messages().len(), 3);
    assert_eq!(session.transcript().await.unwrap().len(), 6);
}
