//! Tools with a schema from a type.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use victor_core::Effect;
use victor_tool::{ToolArguments, ToolCoordinator, typed_tool};
use victor_tool_protocol::{Tool, ToolContext, ToolExecutor as _, ToolLimits, Verdict};

use crate::support::{call, scope};

/// How to find something.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only their schema counts")]
struct Search {
    /// What to look for
    query: String,
    /// The heading under which it stands
    title: Option<String>,
    #[serde(default)]
    place: Place,
    within: Vec<Place>,
}

/// Where something is.
#[derive(Default, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only their schema counts")]
struct Place {
    #[serde(rename = "lineNumber")]
    line: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only their schema counts")]
struct Open {
    name: String,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only their schema counts")]
struct Tree {
    children: Vec<Tree>,
}

fn tool<A: ToolArguments>() -> impl Tool {
    typed_tool::<A>("t", "for tests").run(|_cx, _: A| async { Ok("") })
}

fn schema<A: ToolArguments>() -> Value {
    tool::<A>().spec().input_schema.clone()
}

/// Whether arguments fit, or why not.
async fn reviewed(tool: impl Tool, arguments: &str) -> String {
    let tools = ToolCoordinator::builder().tool(tool).build().unwrap();
    let calls = [call("1", "t", arguments)];
    match tools.review_tool_calls(&calls, &scope()).await.remove(0) {
        Verdict::Run => "run".to_owned(),
        Verdict::Reject { reason } => reason,
        other => format!("{other:?}"),
    }
}

#[test]
fn a_schema_says_what_a_model_needs_and_nothing_else() {
    let place = json!({
        "type": "object",
        "description": "Where something is.",
        "properties": { "lineNumber": { "type": "integer", "format": "uint32", "minimum": 0 } },
        "required": ["lineNumber"],
    });
    let found = schema::<Search>();
    assert_eq!(found["type"], "object");
    assert_eq!(found["additionalProperties"], false);
    assert_eq!(found["required"], json!(["query", "within"]));
    assert_eq!(
        found["properties"]["query"],
        json!({ "type": "string", "description": "What to look for" })
    );
    assert_eq!(
        found["properties"]["title"],
        json!({ "type": ["string", "null"], "description": "The heading under which it stands" })
    );
    assert_eq!(
        found["properties"]["within"],
        json!({ "type": "array", "items": place })
    );
    let words: Vec<_> = found
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        words,
        ["additionalProperties", "properties", "required", "type"]
    );
    assert_eq!(
        schema::<Tree>()["properties"]["children"]["items"],
        json!({ "$ref": "#" })
    );
}

#[tokio::test]
async fn what_a_type_does_not_name_is_refused_unless_it_takes_it_up() {
    let found = reviewed(tool::<Search>(), r#"{"qurey":"a","query":"b","within":[]}"#).await;
    assert!(
        found.contains("/qurey is unknown, did you mean `query`?"),
        "{found}"
    );
    let fits = r#"{"query":"a","within":[{"lineNumber":1,"column":2}]}"#;
    assert_eq!(reviewed(tool::<Search>(), fits).await, "run");
    assert_eq!(
        reviewed(tool::<Open>(), r#"{"name":"a","more":[1]}"#).await,
        "run"
    );
    assert_eq!(
        reviewed(tool::<Shape>(), r#"{"kind":"circle","radius":1}"#).await,
        "run"
    );
    let found = reviewed(tool::<Shape>(), r#"{"kind":"circle"}"#).await;
    assert!(found.contains("fits no alternative"), "{found}");
    assert_eq!(
        reviewed(tool::<Tree>(), r#"{"children":[{"children":[]}]}"#).await,
        "run"
    );
    let found = reviewed(tool::<Tree>(), r#"{"children":[{"children":[1]}]}"#).await;
    assert!(
        found.contains("/children/0/children/0 must be an object"),
        "{found}"
    );
}

#[tokio::test]
async fn a_tool_is_made_with_all_that_it_has() {
    let limits = ToolLimits::default()
        .with_timeout(Duration::from_secs(7))
        .sequential();
    let area = typed_tool::<Shape>("area", "Measures a shape")
        .effect(Effect::ReadOnly)
        .limits(limits.clone())
        .preview(|cx: ToolContext, shape| async move {
            match shape {
                Shape::Circle { radius } => Some(format!("{}: a circle of {radius}", cx.session)),
                Shape::Square { .. } => None,
            }
        })
        .run(|_cx, shape| async move {
            Ok(match shape {
                Shape::Circle { radius } => (3.0 * radius * radius).to_string(),
                Shape::Square { side } => (side * side).to_string(),
            })
        });
    assert_eq!(area.spec().effect, Effect::ReadOnly);
    assert_eq!(area.limits(), limits);
    let cx = ToolContext::new(scope().session, scope().turn, "1".into(), "key");
    let circle = json!({ "kind": "circle", "radius": 2 });
    assert_eq!(
        area.preview(&cx, &circle).await,
        Some("s: a circle of 2".into())
    );
    assert_eq!(
        area.preview(&cx, &json!({ "kind": "square", "side": 1 }))
            .await,
        None
    );
    assert_eq!(area.preview(&cx, &json!({})).await, None);
    victor_testkit::conformance::tool(&area, &circle).await;
}

#[test]
fn what_cannot_be_arguments_is_not_registered() {
    let tools = ToolCoordinator::builder().tool(tool::<String>()).build();
    let error = tools.unwrap_err().to_string();
    assert!(error.contains("it must describe an object"), "{error}");
}
