//! The tool `search_tools`.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{Effect, SessionId, ToolCallId, ToolSpec, TurnId, text_of};
use victor_testkit::conformance;
use victor_testkit::faults::{Fault, Faulty};
use victor_tool_protocol::{Tool, ToolContext, ToolError};
use victor_tool_selection::{SearchToolsTool, SelectionOptions, ToolSelectionCoordinator};
use victor_tool_selection_protocol::ToolSelector;

use super::{Told, names, request};

/// More tools than are shown, `search_tools` the last of them.
fn offered() -> (
    Arc<ToolSelectionCoordinator>,
    SearchToolsTool,
    Arc<[ToolSpec]>,
) {
    let options = SelectionOptions::default().with_limit(Some(2));
    let selector = ToolSelectionCoordinator::builder()
        .options(options)
        .strategy("keyword");
    tool(selector.build().unwrap())
}

fn tool(
    selector: ToolSelectionCoordinator,
) -> (
    Arc<ToolSelectionCoordinator>,
    SearchToolsTool,
    Arc<[ToolSpec]>,
) {
    let selector = Arc::new(selector);
    let spec = SearchToolsTool::new(selector.clone(), Arc::new(|_| Arc::default()));
    let mut tools: Vec<ToolSpec> = [
        ("read_file", "Reads a file"),
        ("write_file", "Writes a file"),
        (
            "send_mail",
            "Sends a mail to people.\nNever sends it twice.",
        ),
        ("list_mails", "Lists the mails of an inbox"),
        ("book_flight", " "),
    ]
    .map(|(name, description)| ToolSpec::new(name, description, json!({})))
    .into();
    tools.push(spec.spec().clone());
    let tools: Arc<[ToolSpec]> = tools.into();
    let permitted = tools.clone();
    let catalogue = Arc::new(move |session: &SessionId| match session.as_str() {
        "s" => permitted.clone(),
        _ => permitted[..1].into(),
    });
    (
        selector.clone(),
        SearchToolsTool::new(selector, catalogue),
        tools,
    )
}

async fn call(
    tool: &SearchToolsTool,
    session: &str,
    arguments: Value,
) -> Result<String, ToolError> {
    let session = SessionId::new(session);
    let cx = ToolContext::new(session, TurnId::generate(), ToolCallId::new("1"), "key");
    Ok(text_of(&tool.call(&cx, arguments).await?.content).into_owned())
}

#[tokio::test]
async fn it_is_a_tool_that_changes_nothing() {
    let (_, tool, _) = offered();
    assert_eq!(
        (&*tool.spec().name, tool.spec().effect),
        ("search_tools", Effect::ReadOnly)
    );
    conformance::tool(&tool, &json!({ "query": "mail" })).await;
}

#[tokio::test]
async fn what_it_finds_is_shown_from_the_next_selection_on() {
    let (selector, tool, tools) = offered();
    let select = async || {
        selector
            .select_tools(&request("read my file"), &tools)
            .await
    };
    assert_eq!(names(&select().await), ["read_file", "search_tools"]);
    let found = call(&tool, "s", json!({ "query": "send a mail", "limit": 2 }))
        .await
        .unwrap();
    assert_eq!(
        found,
        "From your next message on you can call:\n- send_mail: Sends a mail to people.\n- list_mails: Lists the mails of an inbox"
    );
    let shown = select().await;
    assert_eq!(names(&shown), ["send_mail", "list_mails", "search_tools"]);
    assert_eq!(
        shown.decision("send_mail").unwrap().reason.as_str(),
        "requested"
    );
}

#[tokio::test]
async fn what_it_says_is_short_and_of_the_session() {
    let (_, tool, _) = offered();
    let check = async |session: &str, arguments: Value, expected: &str| {
        assert_eq!(call(&tool, session, arguments).await.unwrap(), expected);
    };
    check(
        "s",
        json!({ "query": "flights", "limit": 1 }),
        "From your next message on you can call:\n- book_flight",
    )
    .await;
    let file = "From your next message on you can call:\n- read_file: Reads a file";
    check("other", json!({ "query": "file" }), file).await;
    let none = "None of 1 tools has to do with this. Try other words.";
    check("other", json!({ "query": "mail" }), none).await;
    check("other", json!({ "query": "" }), none).await;
    let wrong = call(&tool, "s", json!({ "query": 5 })).await.unwrap_err();
    assert!(matches!(wrong, ToolError::InvalidArguments(_)), "{wrong:?}");
}

#[tokio::test]
async fn a_search_that_fails_says_so_and_shows_nothing() {
    let told = Arc::new(Faulty::new(Told, Fault::Panic));
    let selector = ToolSelectionCoordinator::builder()
        .register_strategy(told)
        .strategy("told");
    let (_, tool, _) = tool(selector.build().unwrap());
    let error = call(&tool, "s", json!({ "query": "mail" }))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "tools cannot be searched at the moment: panicked: injected fault"
    );
}

#[tokio::test]
async fn the_latest_finds_stay() {
    let selector = ToolSelectionCoordinator::builder()
        .strategy("keyword")
        .build()
        .unwrap();
    let tool = |number| {
        ToolSpec::new(
            format!("tool{number}x"),
            format!("does {number}"),
            json!({}),
        )
    };
    let tools: Arc<[ToolSpec]> = (100..200).map(tool).collect();
    for number in 100..200 {
        let found = selector
            .search_tools(&SessionId::new("s"), &number.to_string(), 1, &tools)
            .await;
        assert_eq!(found.unwrap().len(), 1);
    }
    let none = request("").with_limit(0);
    let selection = selector.select_tools(&none, &tools).await;
    assert_eq!(selection.tools.len(), 64);
    assert_eq!(selection.tools[0].name, "tool136x");
}
