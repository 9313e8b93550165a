//! The laws of tools.

use futures_util::future::join_all;
use serde_json::Value;
use victor_core::{SessionId, ToolCallId, ToolSpec, TurnId};
use victor_tool_protocol::{Tool, ToolContext};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// Checks a tool with arguments with which it succeeds, however often and beside itself it is called with them.
///
/// # Panics
///
/// A law is broken.
pub async fn tool<T: Tool + ?Sized>(tool: &T, arguments: &Value) {
    let spec = tool.spec().clone();
    check_spec(&spec);
    law!(
        arguments.is_object(),
        "arguments are an object",
        "the suite was given {arguments}"
    );

    let call = async |number: usize| {
        let id = ToolCallId::new(format!("call_{number}"));
        let cx = ToolContext::new(
            SessionId::default(),
            TurnId::generate(),
            id,
            format!("key-{number}"),
        );
        succeed(calm(tool.call(&cx, arguments.clone())).await)
    };
    call(0).await;
    join_all((1..=SIDE_BY_SIDE).map(call)).await;
    drop_at_polls(
        async || call(SIDE_BY_SIDE + 1).await,
        async |_| {
            // That it still works after a call was dropped is the law; `call` checks it.
            call(SIDE_BY_SIDE + 2).await;
        },
    )
    .await;
    law!(
        *tool.spec() == spec,
        "a tool is always the same",
        "{spec:?} became {:?}",
        tool.spec()
    );
}

fn check_spec(spec: &ToolSpec) {
    let name = &spec.name;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    law!(
        (1..=64).contains(&name.len()) && name.bytes().all(allowed),
        "a tool's name has 1 to 64 ASCII letters, digits, `_` and `-`",
        "`{name}`"
    );
    law!(
        !spec.description.trim().is_empty(),
        "a tool says what it is good for",
        "`{name}`"
    );

    let schema = &spec.input_schema;
    law!(
        schema["type"] == "object",
        "the input schema describes an object",
        "{schema}"
    );
    let properties = &schema["properties"];
    let is_schema = |value: &Value| value.is_object() || value.is_boolean();
    law!(
        properties.is_null()
            || properties
                .as_object()
                .is_some_and(|map| map.values().all(is_schema)),
        "every property of the input schema is a schema",
        "{properties}"
    );
    let required = &schema["required"];
    let names = required
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    let well_formed = names.is_some_and(|names| {
        let distinct = (1..names.len()).all(|index| !names[..index].contains(&names[index]));
        distinct && Some(names.len()) == required.as_array().map(Vec::len)
    });
    law!(
        required.is_null() || well_formed,
        "what the input schema requires is a list of different names",
        "{required}"
    );
}
