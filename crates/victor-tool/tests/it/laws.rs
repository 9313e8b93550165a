//! What is here keeps the laws of the protocol.

use std::sync::Arc;

use serde_json::json;
use victor_core::{Effect, ToolSpec};
use victor_testkit::conformance;
use victor_tool::{
    ArgumentTest, Decision, EffectPolicy, Rule, RulePolicy, ToolCoordinator, ToolOptions,
};
use victor_tool_protocol::{
    ApprovalRequest, InMemoryReceiptStore, InMemoryResultStore, ToolExecutor as _,
};

use crate::support::call;

#[tokio::test(start_paused = true)]
async fn the_coordinator_is_an_executor() {
    conformance::tool_executor(async || ToolCoordinator::new()).await;
    let one_by_one = ToolOptions::default().with_max_concurrent_calls(1);
    conformance::tool_executor(async || {
        let builder = ToolCoordinator::builder().options(one_by_one.clone());
        builder.build().unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_with_receipts_and_many_threads() {
    conformance::tool_executor(async || {
        let receipts = Arc::new(InMemoryReceiptStore::default());
        let tools = ToolCoordinator::builder()
            .receipts(receipts)
            .results(Arc::new(InMemoryResultStore::default()))
            .build()
            .unwrap();
        // The suite wants one without tools.
        assert!(tools.unregister("read_result"));
        tools
    })
    .await;
}

#[tokio::test]
async fn the_policies_are_policies() {
    let requests = [Effect::ReadOnly, Effect::Write, Effect::Destructive].map(|effect| {
        let spec = ToolSpec::new("act", "Acts", json!({ "type": "object" })).with_effect(effect);
        let call = call("1", "act", r#"{"path":"docs/a.md","n":{"b":1,"a":2}}"#);
        ApprovalRequest::new("s".into(), call, spec)
    });
    for make in [EffectPolicy::ask_above, EffectPolicy::deny_above] {
        conformance::approval_policy(|| make(Effect::ReadOnly), &requests).await;
    }
    let rules = || {
        let rules = [
            Rule::deny().from_effect(Effect::Destructive),
            Rule::ask().argument("/path", ArgumentTest::Matches("*.md".into())),
        ];
        RulePolicy::new(Decision::Allow, rules).unwrap()
    };
    conformance::approval_policy(rules, &requests).await;
}
