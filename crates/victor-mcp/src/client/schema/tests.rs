use proptest::prelude::*;

use super::*;

/// Checks what is made of a schema, that every API accepts it, and that it stays as it is from then on.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "callers have made it for this"
)]
fn check(schema: Value, expected: Value) -> Fitted {
    let fitted = fit(&schema);
    assert_eq!(Value::from(fitted.schema.clone()), expected, "{schema}");
    assert_eq!(refusal(&fitted.schema), None, "{schema}");
    let again = fit(&fitted.schema.clone().into());
    assert_eq!(again.schema, fitted.schema, "{schema}");
    fitted
}

/// Checks what is made of a schema of the argument `a`.
#[track_caller]
fn check_argument(schema: Value, expected: Value) {
    let object = |schema: Value| json!({ "type": "object", "properties": { "a": schema } });
    check(object(schema), object(expected));
}

#[test]
fn what_every_api_accepts_stays_as_it_is() {
    for schema in [
        json!({ "type": "string", "minLength": 1, "pattern": "^a", "format": "date-time", "default": "a" }),
        json!({ "type": "array", "items": { "type": "integer" }, "minItems": 1, "uniqueItems": true }),
        json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] }),
        json!({ "type": "object", "additionalProperties": { "type": "number" } }),
        json!({ "type": "string", "enum": ["a", "b"] }),
        json!({ "anyOf": [{ "type": "string" }, { "type": "null" }], "default": null }),
        json!({ "type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5 }),
    ] {
        check_argument(schema.clone(), schema);
    }
}

#[test]
fn the_top_is_an_object_with_properties() {
    let empty = json!({ "type": "object", "properties": {} });
    check(json!({}), empty.clone());
    check(json!({ "type": "object" }), empty.clone());
    check(
        json!({ "type": ["object", "null"], "$schema": "s", "enum": [{}] }),
        empty,
    );
    let fitted = fit(&json!({ "type": "array" }));
    assert!(refusal(&fitted.schema).is_some());
}

#[test]
fn alternatives_at_the_top_become_one_schema_and_a_note() {
    let text = json!({ "type": "string" });
    let both = json!({ "a": text, "b": text });
    let object = json!({ "type": "object", "properties": both });
    let mut of_names = object.clone();
    of_names["anyOf"] = json!([{ "required": ["a"] }, { "required": ["b", "a"] }]);
    let fitted = check(
        of_names.clone(),
        json!({ "type": "object", "properties": both, "required": ["a"] }),
    );
    assert_eq!(fitted.note.unwrap(), "It needs `a`, or `b` and `a`.");

    let fitted = check(
        json!({ "oneOf": [
            { "type": "object", "properties": { "a": text, "k": { "const": 1 } }, "required": ["k", "a"] },
            {
                "type": "object",
                "properties": { "b": text, "k": { "const": 2 } },
                "required": ["k"],
                "additionalProperties": false
            },
        ] }),
        json!({
            "type": "object",
            "properties": {
                "a": text, "b": text,
                "k": { "anyOf": [{ "const": 1, "type": "integer" }, { "const": 2, "type": "integer" }] },
            },
            "required": ["k"],
        }),
    );
    assert!(
        fitted
            .note
            .unwrap()
            .starts_with("The arguments must fit one of these schemas: [{")
    );

    let fitted = check(
        json!({ "allOf": [
            { "properties": { "a": text }, "required": ["a"] },
            { "$ref": "#/$defs/b" },
        ], "$defs": { "b": { "properties": { "b": text }, "required": ["b"] } } }),
        json!({ "type": "object", "properties": both, "required": ["a", "b"] }),
    );
    assert_eq!(fitted.note, None);
}

#[test]
fn alternatives_within_that_say_nothing_are_left_out() {
    let properties = json!({ "b": { "type": "string" } });
    check_argument(
        json!({ "type": "object", "properties": properties, "anyOf": [{ "required": ["b"] }, { "required": ["c"] }] }),
        json!({ "type": "object", "properties": properties }),
    );
    check_argument(
        json!({ "type": "string", "oneOf": [{ "pattern": "^a" }, { "pattern": "^b" }], "not": { "const": "c" } }),
        json!({
            "type": "string",
            "anyOf": [{ "type": "string", "pattern": "^a" }, { "type": "string", "pattern": "^b" }]
        }),
    );
}

#[test]
fn older_drafts_are_brought_up_to_date() {
    check(
        json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "id": "urn:x",
            "type": "object",
            "properties": {
                "id": {
                    "type": "integer",
                    "minimum": 0, "exclusiveMinimum": true, "exclusiveMaximum": false, "maximum": 9
                },
                "old": { "type": "string", "required": true },
                "type": "object",
            },
        }),
        json!({
            "type": "object",
            "properties": {
                "id": { "type": "integer", "exclusiveMinimum": 0, "maximum": 9 },
                "old": { "type": "string" },
                "type": anything(),
            },
            "required": ["old"],
        }),
    );
    check_argument(
        json!({ "type": "array", "items": [{ "type": "number" }, { "type": "number" }], "additionalItems": false }),
        json!({ "type": "array", "items": { "type": "number" } }),
    );
    check_argument(
        json!({ "type": "array", "prefixItems": [{ "type": "number" }], "items": { "type": "string" } }),
        json!({ "type": "array", "items": { "anyOf": [{ "type": "number" }, { "type": "string" }] } }),
    );
}

#[test]
fn keywords_with_values_that_they_cannot_have_are_left_out() {
    check_argument(
        json!({ "type": "any", "description": ["d"], "minLength": -1, "enum": [], "pattern": 7, "required": "x" }),
        anything().into(),
    );
    check_argument(
        json!({ "type": "string", "anyOf": [], "properties": [], "items": "x", "multipleOf": 0 }),
        json!({ "type": "string" }),
    );
}

#[test]
fn everything_has_one_type() {
    check_argument(true.into(), anything().into());
    check_argument(
        json!({ "description": "d", "items": {} }),
        json!({ "description": "d", "type": "array", "items": anything() }),
    );
    check_argument(
        json!({ "enum": ["a"] }),
        json!({ "enum": ["a"], "type": "string" }),
    );
    check_argument(
        json!({ "const": 1.5 }),
        json!({ "const": 1.5, "type": "number" }),
    );
    check_argument(
        json!({ "properties": {} }),
        json!({ "properties": {}, "type": "object" }),
    );
    check_argument(
        json!({ "type": "array" }),
        json!({ "type": "array", "items": item() }),
    );
    check_argument(
        json!({ "type": "string", "items": {} }),
        json!({ "type": "string" }),
    );
    check_argument(
        json!({ "type": ["array", "null"], "items": { "type": "string" } }),
        json!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "null" }] }),
    );
    check(
        json!({ "type": "object", "properties": { "a": false, "b": { "type": "null" } }, "required": ["a", "b"] }),
        json!({ "type": "object", "properties": { "b": { "type": "null" } }, "required": ["b"] }),
    );
}

#[test]
fn references_are_put_in_their_place() {
    let definitions = json!({
        "text": { "type": "string", "description": "t" },
        "tree": { "type": "object", "properties": { "child": { "$ref": "#/$defs/tree" } } },
    });
    let refer = |schema: Value| json!({ "type": "object", "properties": { "a": schema }, "$defs": definitions });
    let is = |schema: Value| json!({ "type": "object", "properties": { "a": schema } });
    check(
        refer(json!({ "$ref": "#/$defs/text", "description": "d" })),
        is(json!({ "type": "string", "description": "d" })),
    );
    check(
        refer(json!({ "$ref": "#/$defs/tree" })),
        is(json!({ "type": "object", "properties": { "child": anything() } })),
    );
    for nowhere in [
        "#/$defs/none",
        "#anchor",
        "https://example.org/schema",
        "#/$defs/text/type",
    ] {
        check(refer(json!({ "$ref": nowhere })), is(anything().into()));
    }
    check(
        json!({
            "$ref": "#/definitions/Args",
            "definitions": { "Args": { "type": "object", "properties": { "a": { "type": "null" } } } }
        }),
        is(json!({ "type": "null" })),
    );
    // Each definition has the next one twice: a million times the last one.
    let mut bomb =
        json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/0" } }, "$defs": {} });
    for n in 0..20 {
        let next = json!({ "$ref": format!("#/$defs/{}", n + 1) });
        bomb["$defs"][n.to_string()] =
            json!({ "type": "object", "properties": { "l": next, "r": next } });
    }
    let fitted = fit(&bomb);
    assert_eq!(refusal(&fitted.schema), None);
    assert!(Value::from(fitted.schema).to_string().len() < 2 << 20);
}

#[test]
fn arguments_have_names_that_are_allowed() {
    let text = json!({ "type": "string" });
    let long = "x".repeat(70);
    let fitted = fit(&json!({
        "type": "object",
        "properties": {
            "filter[name]": text, "filter_name": text, "$top": { "type": "string", "description": "How many" },
            "@": text, &*long: text, "a.b-c": text
        },
        "required": ["$top", "a.b-c"],
    }));
    assert_eq!(refusal(&fitted.schema), None);
    assert_eq!(fitted.schema["required"], json!(["top", "a.b-c"]));
    let properties = fitted.schema["properties"].as_object().unwrap();
    assert_eq!(properties["top"]["description"], "Sent as `$top`. How many");
    let raw = |shown: &str| {
        let found = fitted.renamed.iter().find(|(new, _)| new == shown);
        found.map(|(_, old)| &**old)
    };
    assert_eq!(raw("top"), Some("$top"));
    assert_eq!(raw("filter_name"), None, "it is another one's");
    assert_eq!(fitted.renamed.len(), 4);
    assert!(properties.len() == 6 && properties.keys().all(|key| is_key(key)));
}

/// Schemas of all kinds, good and bad.
fn schemas() -> impl Strategy<Value = Value> {
    let types = ["object", "array", "string", "null", "any"].map(Value::from);
    let leaf = prop_oneof![
        prop::sample::select(types.to_vec()),
        Just(json!({ "$ref": "#/properties/a" })),
        Just(json!({ "$ref": "#" })),
        Just(json!({ "$ref": "#/nowhere" })),
        Just(json!({ "type": ["string", "array"] })),
        Just(json!({ "required": ["a"] })),
        Just(json!(true)),
        Just(json!(7)),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let keywords = [
            "type",
            "properties",
            "items",
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "prefixItems",
            "required",
            "additionalProperties",
            "enum",
            "exclusiveMinimum",
            "minimum",
            "$defs",
            "description",
        ];
        let many = prop::collection::vec(inner.clone(), 0..4);
        let value = prop_oneof![
            inner.clone(),
            many.prop_map(Value::from),
            prop::collection::btree_map("[a-c$]", inner, 0..3)
                .prop_map(|map| map.into_iter().collect::<JsonMap>().into()),
        ];
        prop::collection::btree_map(prop::sample::select(keywords.to_vec()), value, 0..6).prop_map(
            |map| {
                let map = map.into_iter().map(|(key, value)| (key.to_owned(), value));
                map.collect::<JsonMap>().into()
            },
        )
    })
}

proptest! {
    #[test]
    fn no_api_refuses_what_was_made_fit(mut schema in schemas()) {
        if schema["type"] != "object" && schema.is_object() {
            schema["type"] = "object".into();
        }
        let fitted = fit(&schema);
        prop_assert_eq!(refusal(&fitted.schema), None);
    }
}
