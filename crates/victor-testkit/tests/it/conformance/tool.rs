use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Effect, ToolSpec};
use victor_testkit::conformance;
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

use super::{Bug, breaks};

#[derive(Debug)]
struct Echo {
    spec: ToolSpec,
    other: ToolSpec,
    bug: Bug,
}

impl Echo {
    fn new(bug: &'static str) -> Self {
        let schema = json!({
            "type": "object",
            "properties": { "text": { "type": "string" }, "anything": true },
            "required": ["text"],
        });
        let spec = ToolSpec::new("echo", "Says the text back", schema);
        Self {
            other: spec.clone().with_effect(Effect::ReadOnly),
            spec,
            bug: Bug::new(bug),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut ToolSpec)) -> Self {
        change(&mut self.spec);
        self
    }
}

#[async_trait]
impl Tool for Echo {
    fn spec(&self) -> &ToolSpec {
        if self.bug.changes("fickle", ["", "x"]).is_empty() {
            &self.spec
        } else {
            &self.other
        }
    }

    async fn call(&self, _: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        if self.bug.shows().await {
            return Err(ToolError::failed("bug"));
        }
        Ok(arguments["text"].clone().into())
    }
}

async fn suite(tool: Echo) {
    conformance::tool(&tool, &json!({ "text": "hello" })).await;
}

#[tokio::test]
async fn a_right_tool_passes() {
    suite(Echo::new("none")).await;
    suite(Echo::new("none").with(|spec| spec.input_schema = json!({ "type": "object" }))).await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    let spec = async |law: &str, change: fn(&mut ToolSpec)| {
        breaks(law, suite(Echo::new("none").with(change))).await;
    };
    let name = "a tool's name has 1 to 64 ASCII letters, digits, `_` and `-`";
    spec(name, |spec| spec.name.clear()).await;
    spec(name, |spec| spec.name = "a b".into()).await;
    spec(name, |spec| spec.name = "größe".into()).await;
    spec(name, |spec| spec.name = "x".repeat(65)).await;
    spec("a tool says what it is good for", |spec| {
        spec.description = " ".into();
    })
    .await;
    spec("the input schema describes an object", |spec| {
        spec.input_schema = json!({ "type": "string" });
    })
    .await;
    spec("the input schema describes an object", |spec| {
        spec.input_schema = Value::Null;
    })
    .await;
    let property = "every property of the input schema is a schema";
    spec(property, |spec| spec.input_schema["properties"] = json!([])).await;
    spec(property, |spec| {
        spec.input_schema["properties"]["text"] = json!("string");
    })
    .await;
    let required = "what the input schema requires is a list of different names";
    spec(required, |spec| spec.input_schema["required"] = json!(true)).await;
    spec(required, |spec| {
        spec.input_schema["required"] = json!(["text", 1]);
    })
    .await;
    spec(required, |spec| {
        spec.input_schema["required"] = json!(["text", "text"]);
    })
    .await;

    breaks("a valid call succeeds", suite(Echo::new("second call"))).await;
    breaks("a valid call succeeds", suite(Echo::new("side by side"))).await;
    breaks("a valid call succeeds", suite(Echo::new("after a drop"))).await;
    breaks("no call panics", suite(Echo::new("panics"))).await;
    breaks("a tool is always the same", suite(Echo::new("fickle"))).await;
    breaks(
        "arguments are an object",
        conformance::tool(&Echo::new("none"), &json!([])),
    )
    .await;
}
