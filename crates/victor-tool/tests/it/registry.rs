use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::ToolSpec;
use victor_tool::{ToolCoordinator, tool_fn};
use victor_tool_protocol::{RegisterError, ToolExecutor as _};

use crate::support::{spec, tool};

#[track_caller]
fn check(name: &str, schema: Value, expected: &str) {
    let tools = ToolCoordinator::builder()
        .tool(tool("taken", |_| async { Ok("") }))
        .build()
        .unwrap();
    let tool = tool_fn(
        ToolSpec::new(name, "for tests", schema),
        |_, _: Value| async { Ok("") },
    );
    let found = match tools.register(Arc::new(tool)) {
        Ok(()) => "registered".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(found.starts_with(expected), "found {found}");
    assert_eq!(
        tools.specs().len(),
        if expected == "registered" { 2 } else { 1 }
    );
}

#[test]
fn names_are_what_providers_accept_and_unique() {
    let object = || json!({ "type": "object" });
    check("a", object(), "registered");
    check(&"a".repeat(64), object(), "registered");
    check("A-b_9", object(), "registered");
    check(&"a".repeat(65), object(), "`aaa");
    check("", object(), "`` is not a name for a tool");
    check("a b", object(), "`a b` is not a name for a tool");
    check("ä", object(), "`ä` is not a name for a tool");
    check("a\n", object(), "`a\n` is not a name for a tool");
    check(
        "taken",
        object(),
        "there is already a tool named `taken`: choose another name",
    );
    check("Taken", object(), "registered");
}

#[test]
fn schemas_are_schemas_of_objects() {
    let about = "the input schema of tool `t` is not valid: ";
    let check = |schema, expected: &str| check("t", schema, &format!("{about}{expected}"));
    check(json!({}), "it must describe an object");
    check(json!(true), "it must describe an object");
    check(json!({ "type": "string" }), "it must describe an object");
    check(
        json!({ "type": "object", "properties": 3 }),
        "at /properties: 3 is not of type \"object\"",
    );
    check(
        json!({ "type": "object", "properties": { "a": { "type": "text" } } }),
        "at /properties/a/type: ",
    );
}

#[cfg(feature = "json-schema")]
#[test]
fn patterns_are_compiled() {
    check(
        "t",
        json!({ "type": "object", "properties": { "a": { "pattern": "(" } } }),
        "the input schema of tool `t` is not valid: at /properties/a/pattern: ",
    );
}

#[cfg(feature = "json-schema")]
#[test]
fn nothing_is_fetched_to_understand_a_schema() {
    for reference in [
        "http://127.0.0.1:1/schema.json",
        "file:///etc/passwd",
        "#/$defs/missing",
    ] {
        check(
            "t",
            json!({ "type": "object", "properties": { "a": { "$ref": reference } } }),
            "the input schema of tool `t` is not valid: ",
        );
    }
}

#[test]
fn specs_keep_the_order_of_registration_and_are_shared() {
    let tools = ToolCoordinator::new();
    for name in ["z", "a", "m"] {
        tools
            .register(Arc::new(tool(name, |_| async { Ok("") })))
            .unwrap();
    }
    let specs = tools.specs();
    assert!(Arc::ptr_eq(&specs, &tools.specs()));
    assert_eq!(
        specs.iter().map(|spec| &*spec.name).collect::<Vec<_>>(),
        ["z", "a", "m"]
    );
    let refused = tools.register(Arc::new(tool("z", |_| async { Ok("") })));
    assert!(matches!(refused, Err(RegisterError::Duplicate(name)) if name == "z"));
    assert!(Arc::ptr_eq(&specs, &tools.specs()));
    assert_eq!(specs[0], spec("z"));
}
