//! The tool by which a model switches its mode.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{Coordinator, Effect, SessionId, ToolCallId, TurnId, text_of};
use victor_mode::{ModeCoordinator, SwitchModeTool};
use victor_mode_protocol::{MockModeManager, Mode, ModeManager};
use victor_testkit::conformance;
use victor_tool_protocol::{Tool, ToolContext, ToolError};

use crate::{mode_of, switch, tool};

fn modes() -> Arc<ModeCoordinator> {
    let mut review = Mode::new("review", Effect::Idempotent);
    review.tools.allow = vec!["read_*".into(), "switch_mode".into()];
    review.tools.deny = vec!["read_secrets".into()];
    review.open_to_model = true;
    let locked = Mode::new("locked", Effect::ReadOnly);
    let builder = ModeCoordinator::builder().mode(Arc::new(review));
    Arc::new(builder.mode(Arc::new(locked)).build().unwrap())
}

async fn call(modes: &Arc<ModeCoordinator>, arguments: Value) -> Result<String, ToolError> {
    let cx = ToolContext::new("s".into(), TurnId::generate(), ToolCallId::new("1"), "key");
    let tool = SwitchModeTool::new(modes.clone()).unwrap();
    let output = tool.call(&cx, arguments).await?;
    Ok(text_of(&output.content).into_owned())
}

#[tokio::test]
async fn it_keeps_the_laws_of_tools() {
    let tool = SwitchModeTool::new(modes()).unwrap();
    conformance::tool(&tool, &json!({ "mode": "plan" })).await;
}

#[test]
fn it_offers_the_modes_that_are_open_to_the_model() {
    let tool = SwitchModeTool::new(modes()).unwrap();
    let spec = tool.spec();
    assert_eq!(
        (&*spec.name, spec.effect),
        ("switch_mode", Effect::ReadOnly)
    );
    let offered = &spec.input_schema["properties"]["mode"]["enum"];
    assert_eq!(*offered, json!(["plan", "explore", "review"]));
    assert!(spec.description.contains(
        "\n- `plan`: reads, thinks and proposes a plan; changes nothing\n\
         - `explore`: reads and explains; changes nothing\n\
         - `review`\n"
    ));
    assert!(!spec.description.contains("`build`") && !spec.description.contains("`locked`"));
    assert!(tool.limits().sequential);
}

#[test]
fn there_is_no_tool_where_nothing_can_be_offered() {
    let mut closed = MockModeManager::new();
    closed
        .expect_modes()
        .returning(|| vec![Arc::new(Mode::build())]);
    assert!(SwitchModeTool::new(Arc::new(closed)).is_none());
}

#[tokio::test]
async fn the_model_is_told_what_is_permitted_now() {
    let modes = modes();
    let prompt = Mode::plan().prompt;
    let checks = [
        (
            "plan",
            format!(
                "You are in mode `plan` now; before, it was `build`. It permits tools that change nothing.\n\n{prompt}"
            ),
        ),
        (
            "Review",
            "You are in mode `review` now; before, it was `plan`. It permits tools that change nothing, or nothing more \
             when they run again, of these names: `read_*`, `switch_mode`, except `read_secrets`."
                .to_owned(),
        ),
    ];
    for (mode, expected) in checks {
        assert_eq!(
            call(&modes, json!({ "mode": mode })).await.unwrap(),
            expected
        );
    }
    let again = call(&modes, json!({ "mode": "review" })).await.unwrap();
    assert!(again.starts_with("You were in mode `review` already. It permits"));
}

#[tokio::test]
async fn the_model_is_told_why_it_was_not_switched() {
    let modes = modes();
    switch(&*modes, &"s".into(), "locked");
    for (arguments, expected) in [
        (
            json!({ "mode": "build" }),
            "not permitted: the model may not switch to mode `build` by itself: ask the user to do it",
        ),
        (
            json!({ "mode": "locked" }),
            "not permitted: the model may not switch to mode `locked` by itself: ask the user to do it",
        ),
        (
            json!({ "mode": "root" }),
            "not found: unknown mode `root`; known are `build`, `plan`, `explore`, `review` and `locked`",
        ),
        (
            json!({ "mode": 1 }),
            "invalid arguments: give `mode`, the name of the mode to go to",
        ),
        (
            json!({}),
            "invalid arguments: give `mode`, the name of the mode to go to",
        ),
    ] {
        let error = call(&modes, arguments).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(mode_of(&*modes, &"s".into()), "locked");
    }
}

#[tokio::test]
async fn a_nested_session_does_not_escape_by_the_tool() {
    let modes = modes();
    let (parent, child) = (SessionId::new("parent"), SessionId::new("s"));
    switch(&*modes, &parent, "locked");
    modes.nest(&parent, &child);
    let write = tool("read_cache", Effect::Idempotent);
    // It may go to a mode that would permit the tool, and may not call it there.
    call(&modes, json!({ "mode": "review" })).await.unwrap();
    assert!(modes.mode(&child).permits(&write).is_permitted());
    assert!(!modes.permits(&child, &write).is_permitted());
    modes.reset(&parent);
    assert!(!modes.permits(&child, &write).is_permitted());
    modes.reset(&child);
    call(&modes, json!({ "mode": "review" })).await.unwrap();
    assert!(modes.permits(&child, &write).is_permitted());
}
