//! The contracts of tool selection through their public API.

use std::error::Error;
use std::sync::Arc;

use serde_json::json;
use victor_core::{SessionId, ToolSpec};
use victor_testkit::{check_golden, check_survives, check_unknown_fields};
use victor_tool_selection_protocol::{
    Selection, SelectionError, SelectionReason, SelectionRequest, ToolDecision,
};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn selection() -> Selection {
    let tools: Arc<[_]> = ["clock", "read_file", "fly"]
        .map(|name| ToolSpec::new(name, "", json!({})))
        .into();
    let decisions = vec![
        ToolDecision::shown("clock", SelectionReason::Pinned),
        ToolDecision::shown("read_file", SelectionReason::Ranked).with_score(0.75),
        ToolDecision::hidden("fly", SelectionReason::Irrelevant).with_score(0.0),
    ];
    let mut selection = Selection::new("keyword", &tools, decisions);
    selection.problem = Some("the index is old".into());
    selection
}

#[test]
fn a_selection() {
    check_golden(HERE, "selection", &selection());
    check_unknown_fields("selection", &selection(), &[]);
}

#[test]
fn what_is_shown_follows_from_the_decisions() {
    let selection = selection();
    let shown: Vec<_> = selection.tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(shown, ["clock", "read_file"]);
    let fly = selection.decision("fly").unwrap();
    assert_eq!(
        (fly.shown, &fly.reason),
        (false, &SelectionReason::Irrelevant)
    );
    assert_eq!(selection.decision("swim"), None);
}

#[test]
fn a_list_that_is_shown_whole_is_not_copied() {
    let tools: Arc<[_]> = ["clock", "fly"]
        .map(|name| ToolSpec::new(name, "", json!({})))
        .into();
    let shown = |name| ToolDecision::shown(name, SelectionReason::Everything);
    let selection = Selection::new("all", &tools, [shown("clock"), shown("fly")]);
    assert!(Arc::ptr_eq(&selection.tools, &tools));
}

#[test]
fn reasons_that_are_not_known_survive() {
    for word in [
        "pinned",
        "used",
        "requested",
        "ranked",
        "kept",
        "everything",
        "over_limit",
        "irrelevant",
        "lucky",
    ] {
        check_survives::<SelectionReason>(&json!(word));
    }
    assert_eq!(
        SelectionReason::from("over_limit"),
        SelectionReason::OverLimit
    );
}

#[test]
fn a_request_gathers_what_it_is_told() {
    let request = SelectionRequest::new(SessionId::new("s"), "read").with_limit(3);
    assert!(request.used.is_empty());
    let request = request.with_used(["b", "a"]).with_used(["a"]);
    assert_eq!(
        (request.limit, request.used.len(), &*request.text),
        (Some(3), 2, "read")
    );
}

#[test]
fn errors_say_what_to_do() {
    let check = |error: &SelectionError, expected: &str| assert_eq!(error.to_string(), expected);
    check(
        &SelectionError::unknown_strategy("magic", ["keyword", "all"]),
        "unknown tool selection strategy `magic`; known are `keyword` and `all`",
    );
    check(
        &SelectionError::DuplicateStrategy("all".into()),
        "there is already a tool selection strategy named `all`: choose another name",
    );
    check(&SelectionError::new("no index"), "no index");
    let error = SelectionError::new("cannot read the index")
        .with_source(std::io::Error::other("disk full"));
    check(&error, "cannot read the index");
    assert_eq!(error.source().unwrap().to_string(), "disk full");
}
