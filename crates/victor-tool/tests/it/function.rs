use serde::Deserialize;
use serde_json::{Value, json};
use victor_core::{ToolCallId, ToolOutcome};
use victor_tool::{ToolCoordinator, tool_fn};
use victor_tool_protocol::{Tool as _, ToolContext, ToolError, ToolExecutor as _};

use crate::support::{call, scope, spec};

#[derive(Deserialize)]
struct Args {
    items: Vec<u8>,
}

#[tokio::test]
async fn arguments_that_do_not_fit_the_type_name_the_field() {
    let sum = tool_fn(spec("sum"), |_cx, Args { items }| async move {
        Ok(items
            .iter()
            .map(|&item| u32::from(item))
            .sum::<u32>()
            .to_string())
    });
    let cx = ToolContext::new(scope().session, scope().turn, ToolCallId::new("1"), "key");
    let output = sum.call(&cx, json!({ "items": [1, 2] })).await.unwrap();
    assert_eq!(output, "3".into());
    let error = sum
        .call(&cx, json!({ "items": [1, 256] }))
        .await
        .unwrap_err();
    assert!(matches!(error, ToolError::InvalidArguments(_)));
    assert_eq!(
        error.to_string(),
        "invalid arguments: items[1]: invalid value: integer `256`, expected u8"
    );
    assert!(format!("{sum:?}").contains("\"sum\""));
}

#[tokio::test]
async fn a_tool_knows_on_whose_behalf_it_is_called() {
    let who = tool_fn(spec("who"), |cx: ToolContext, _: Value| async move {
        Ok(json!([cx.session, cx.call, cx.idempotency_key]))
    });
    let tools = ToolCoordinator::builder().tool(who).build().unwrap();
    let mut keyed = call("2", "who", "");
    keyed.idempotency_key = "k".into();
    let results = tools
        .execute_tool_calls(&[call("1", "who", ""), keyed], &scope())
        .await;
    assert_eq!(results[0].outcome, ToolOutcome::Success);
    let key = format!("{}/1", scope().turn);
    assert_eq!(results[0].text(), json!(["s", "1", key]).to_string());
    assert_eq!(results[1].text(), r#"["s","2","k"]"#);
}

#[tokio::test]
async fn a_function_is_a_tool_by_the_law() {
    let sum = tool_fn(spec("sum"), |_cx, Args { items }| async move {
        tokio::task::yield_now().await;
        Ok(json!(items))
    });
    victor_testkit::conformance::tool(&sum, &json!({ "items": [1] })).await;
}
