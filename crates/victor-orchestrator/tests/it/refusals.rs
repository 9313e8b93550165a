//! Answers that the model declines to give.

use std::sync::Arc;

use serde_json::json;
use victor_core::{Part, StopReason, Usage};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::TurnOutcome;
use victor_orchestrator::provider::Completion;
use victor_orchestrator::session::InMemorySessionStore;
use victor_testkit::{Expect, ScriptedModel};

use crate::{Note, builder};

fn declines(model: ScriptedModel, words: &str) -> ScriptedModel {
    let parts = vec![Part::text(words)];
    let mut answer = Completion::new("m".into(), parts, Usage::new(20, 1));
    let details =
        json!({"type": "refusal", "category": "cyber", "explanation": "It could do harm."});
    answer
        .extra
        .insert("anthropic", json!({ "stop_details": details }));
    model.completes(answer.with_stop_reason(StopReason::Refusal))
}

fn texts(orchestrator: &AgentOrchestrator) -> Vec<String> {
    let context = orchestrator.session("s").context();
    context.messages().validate().unwrap();
    let texts = context.messages().iter();
    texts.map(|message| message.text().into_owned()).collect()
}

#[tokio::test]
async fn a_declined_exchange_is_left_out_of_what_follows_in_every_process() {
    for words in ["I will not", ""] {
        let store = Arc::new(InMemorySessionStore::default());
        let model = ScriptedModel::new()
            .says("Good day")
            .calls("note", json!({"text": "a"}));
        let model = declines(model, words)
            .expecting(Expect::messages(3))
            .says("Gladly");
        let (model, builder) = builder(model);
        let first = builder
            .session_store(store.clone())
            .tool(Note::new("note"))
            .build()
            .unwrap();
        first.session("s").chat("Hello").await.unwrap();
        let refused = first.session("s").chat("Harm").await.unwrap();
        assert_eq!(
            (&refused.outcome, &*refused.content()),
            (&TurnOutcome::Refused, words)
        );
        let refusal = refused.refusal.unwrap();
        assert_eq!(
            (refusal.category.as_deref(), refusal.explanation.as_deref()),
            (Some("cyber"), Some("It could do harm."))
        );
        assert_eq!(texts(&first), ["Hello", "Good day"]);
        first.session("s").chat("Help").await.unwrap();
        model.assert_finished();
        let seen = ["Hello", "Good day", "Help", "Gladly"];
        assert_eq!(texts(&first), seen);

        let model = ScriptedModel::new()
            .expecting(Expect::messages(5))
            .says("Yes");
        let (model, builder) = crate::builder(model);
        let second = builder.session_store(store).build().unwrap();
        let session = second.session("s");
        session.chat("Still there?").await.unwrap();
        model.assert_finished();
        assert_eq!(texts(&second)[..4], seen);
        let transcript = session.transcript().await.unwrap();
        assert_eq!(transcript.len(), 10, "the transcript has everything");
        let declined = transcript[5].message.declines_from();
        assert_eq!(declined, Some(transcript[2].message.id()));
    }
}
