//! Names that a model chooses name nothing of ours: identifiers of calls that come again, or are empty.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use victor_core::{Part, ToolCall, ToolCallId, Usage};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::provider::Completion;
use victor_orchestrator::tool::InMemoryReceiptStore;
use victor_testkit::ScriptedModel;

use crate::{Note, builder};

/// An answer that calls a tool once for each identifier.
fn answer(tool: &str, ids: &[&str], task: &str) -> Completion {
    let call = |(number, id): (usize, &&str)| {
        let argument = match tool {
            "helper" => "task",
            _ => "text",
        };
        let arguments = json!({ argument: format!("{task} {number}") });
        Part::from(ToolCall::new(*id, tool, arguments.to_string()))
    };
    let calls = ids.iter().enumerate().map(call).collect();
    Completion::new("m".into(), calls, Usage::new(10, 1))
}

/// A model that calls a tool under these identifiers in each of two turns.
fn caller(tool: &str, ids: &[&str]) -> ScriptedModel {
    ["first", "second"]
        .iter()
        .fold(ScriptedModel::new(), |model, task| {
            model.completes(answer(tool, ids, task)).says("done")
        })
}

const IDS: [&[&str]; 8] = [
    &["c0"],
    &["", ""],
    &["c", "c", "c"],
    &["c", "c#1", "c"],
    &["c#2", "x", "c#2", "c#2"],
    &["c#2", "c", "c"],
    &["#1", "", "#1#2"],
    &["../../etc", "a/b", "a/b"],
];

#[tokio::test]
async fn each_call_of_an_agent_is_a_conversation_of_its_own() {
    for ids in IDS {
        let inner = (0..2 * ids.len()).fold(ScriptedModel::new(), |model, _| model.says("ok"));
        let (inner, agent) = builder(inner);
        let outer = builder(caller("helper", ids))
            .1
            .agent_tool("helper", "Helps", agent)
            .build()
            .unwrap();
        for task in ["first", "second"] {
            assert_eq!(outer.chat(task).await.unwrap().content(), "done", "{ids:?}");
        }
        let mut tasks = BTreeSet::new();
        for request in inner.requests() {
            let messages = request.context.messages();
            assert_eq!(
                messages.len(),
                1,
                "{ids:?}: it sees nothing of another call"
            );
            tasks.extend(messages.iter().map(|message| message.text().into_owned()));
        }
        assert_eq!(tasks.len(), 2 * ids.len(), "{ids:?}");
    }
}

#[tokio::test]
async fn each_call_has_its_own_receipt_and_its_own_result() {
    for ids in IDS {
        let note = Note::new("note");
        let orchestrator: AgentOrchestrator = builder(caller("note", ids))
            .1
            .receipt_store(Arc::new(InMemoryReceiptStore::default()))
            .tool(note.clone())
            .build()
            .unwrap();
        for task in ["first", "second"] {
            let response = orchestrator.chat(task).await.unwrap();
            assert_eq!(response.content(), "done", "{ids:?}");
            let mut answered: Vec<_> = Vec::new();
            for message in &response.messages {
                answered.extend(message.tool_results().map(|result| result.call_id.clone()));
            }
            assert_eq!(answered.len(), ids.len(), "{ids:?}");
            let unique: BTreeSet<_> = answered.iter().map(ToolCallId::as_str).collect();
            assert_eq!(unique.len(), ids.len(), "{ids:?}: {answered:?}");
            let context = orchestrator.session("default").context();
            context.messages().validate().unwrap();
        }
        let calls = note.calls();
        let keys: BTreeSet<_> = calls.iter().map(|(key, _)| key).collect();
        let texts: BTreeSet<_> = calls
            .iter()
            .map(|(_, arguments)| arguments["text"].to_string())
            .collect();
        assert_eq!(
            (keys.len(), texts.len()),
            (2 * ids.len(), 2 * ids.len()),
            "{ids:?}"
        );
    }
}
