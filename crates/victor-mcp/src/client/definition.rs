//! The definitions of a server's tools, adapted for models.

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::{Tool as Listed, ToolAnnotations};
use serde_json::{Value, json};
use victor_core::{Effect, JsonMap, ToolSpec};
use victor_text::{cleaned, excerpt};

use super::name::tool_name;
use super::schema::{Fitted, fit, refusal};
use crate::McpServerConfig;

/// The most tools of a server: more would leave no room for the conversation.
const MAX_TOOLS: usize = 256;

/// The most bytes of a tool's description.
const MAX_DESCRIPTION: usize = 8 * 1024;

/// The most bytes of a tool's schema.
const MAX_SCHEMA: usize = 64 * 1024;

/// A tool of a server.
#[derive(Debug, PartialEq)]
pub(crate) struct Definition {
    /// The server's name of the tool.
    pub(crate) raw_name: String,
    /// The tool as models see it.
    pub(crate) spec: ToolSpec,
    /// The renamed arguments: the name for models, and the server's.
    renamed: Vec<(String, String)>,
}

impl Definition {
    /// Arguments as the server calls them.
    pub(crate) fn raw_arguments(&self, mut arguments: JsonMap) -> JsonMap {
        for (shown, raw) in &self.renamed {
            if let Some(value) = arguments.remove(shown) {
                arguments.insert(raw.clone(), value);
            }
        }
        arguments
    }
}

/// The tools that can be offered, and why others cannot.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) tools: Vec<Arc<Definition>>,
    pub(crate) problems: Vec<String>,
}

impl Listing {
    /// Looks at what a server lists. A definition that is as it was in `before` is the same one.
    pub(crate) fn of(
        listed: Vec<Value>,
        config: &McpServerConfig,
        before: &[Arc<Definition>],
    ) -> Self {
        let mut listing = Self::default();
        let mut tools = BTreeMap::new();
        let (mut names, mut surplus) = (Vec::new(), 0);
        for value in listed {
            let name = value["name"].as_str().unwrap_or_default().to_owned();
            if config.tools.permits(&name) && tools.len() == MAX_TOOLS {
                surplus += 1;
            } else if config.tools.permits(&name) {
                match definition(&value, config) {
                    Err(reason) => listing.leave_out(&name, &reason),
                    Ok(definition) if tools.contains_key(&definition.spec.name) => {
                        listing.leave_out(&name, "there is another one of that name");
                    }
                    Ok(definition) => {
                        let same = before.iter().find(|known| ***known == definition);
                        let definition = same.cloned().unwrap_or_else(|| Arc::new(definition));
                        tools.insert(definition.spec.name.clone(), definition);
                    }
                }
            }
            names.push(name);
        }
        if surplus > 0 {
            let problem = format!(
                "{surplus} tools are left out, since no more than {MAX_TOOLS} are offered: name in `allow` those that \
                 are needed"
            );
            listing.problems.push(problem);
        }
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        listing.problems.extend(config.unused(&names));
        // By name, so that a server that lists in another order changes no prompt.
        listing.tools = tools.into_values().collect();
        listing
    }

    fn leave_out(&mut self, tool: &str, reason: &str) {
        // A server can name any number of tools that cannot be offered.
        if self.problems.len() < 10 {
            let tool = excerpt(tool, 64);
            let problem = format!("tool `{tool}` is left out: {reason}");
            self.problems.push(problem);
        }
    }
}

fn definition(value: &Value, config: &McpServerConfig) -> Result<Definition, String> {
    let schema = &value["inputSchema"];
    if !schema.is_object() {
        return Err("its input schema is not an object".to_owned());
    }
    if schema.to_string().len() > MAX_SCHEMA {
        return Err("its input schema has more than 64 KiB".to_owned());
    }
    let tool: Listed = serde_json::from_value(known(value))
        .map_err(|_| "its definition is malformed".to_owned())?;
    if tool.name.is_empty() {
        return Err("it has no name".to_owned());
    }
    let Fitted {
        mut schema,
        renamed,
        note,
    } = fit(schema);
    if let Some((dialect, why)) = refusal(&schema) {
        return Err(format!(
            "{why}, for which {dialect} would refuse every request"
        ));
    }
    schema.values_mut().for_each(clean);
    let title = tool
        .annotations
        .as_ref()
        .and_then(|hints| hints.title.as_deref());
    let title = tool.title.as_deref().or(title);
    let description = tool
        .description
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    // Models have nothing else to choose by, so there is always something.
    let description = description.or(title).unwrap_or(&tool.name);
    let mut description = cleaned(description, MAX_DESCRIPTION);
    if let Some(note) = note {
        description += "\n\n";
        description += &cleaned(&note, MAX_DESCRIPTION);
    }
    let effect = config
        .effect_of(&tool.name)
        .unwrap_or_else(|| effect_of(tool.annotations.as_ref(), config.trust_annotations));
    let spec = ToolSpec::new(
        tool_name(&config.name, &tool.name),
        description,
        Value::Object(schema),
    );
    Ok(Definition {
        raw_name: tool.name.into_owned(),
        renamed,
        spec: spec.with_effect(effect),
    })
}

/// Returns the used parts of a definition. Malformed optional parts are dropped, so that they do not cost the tool.
fn known(value: &Value) -> Value {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut hints = value["annotations"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    hints.retain(|key, value| match &**key {
        "title" => value.is_string(),
        _ => value.is_boolean(),
    });
    json!({
        "name": value["name"],
        "title": text(&value["title"]),
        "description": text(&value["description"]),
        "inputSchema": {},
        "annotations": hints,
    })
}

/// Cleans what a schema tells models in words, and nothing that is matched against.
fn clean(schema: &mut Value) {
    match schema {
        Value::Array(values) => values.iter_mut().for_each(clean),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "description" || key == "title" => {
                        *text = cleaned(text, MAX_DESCRIPTION);
                    }
                    value => clean(value),
                }
            }
        }
        _ => {}
    }
}

/// Returns the effect of a tool by the server's annotations, if they are trusted.
///
/// The defaults are those of MCP: what is not said to be read-only or not destructive is destructive
/// ([ToolAnnotations](https://modelcontextprotocol.io/specification/2025-11-25/schema#toolannotations)). A server that
/// is not trusted could only make its tools look harmless, so it is not listened to at all.
fn effect_of(hints: Option<&ToolAnnotations>, is_trusted: bool) -> Effect {
    let Some(hints) = hints.filter(|_| is_trusted) else {
        return Effect::Destructive;
    };
    if hints.read_only_hint == Some(true) {
        Effect::ReadOnly
    } else if hints.destructive_hint != Some(false) {
        Effect::Destructive
    } else if hints.idempotent_hint == Some(true) {
        Effect::Idempotent
    } else {
        Effect::Write
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> McpServerConfig {
        McpServerConfig::stdio("s", "c")
    }

    fn list(listed: Value, config: &McpServerConfig) -> Listing {
        let Value::Array(listed) = listed else {
            panic!()
        };
        Listing::of(listed, config, &[])
    }

    #[test]
    fn a_tool_that_cannot_be_offered_is_left_out_alone() {
        let listing = list(
            json!([
                { "name": "good", "description": "d", "inputSchema": {} },
                { "name": "text", "inputSchema": "string" },
                { "name": "list", "inputSchema": { "type": "array" } },
                { "name": "none" },
                { "inputSchema": {} },
                { "name": "good", "inputSchema": { "type": "object" } },
                { "name": "large", "inputSchema": { "description": "x".repeat(MAX_SCHEMA) } },
                7,
            ]),
            &server(),
        );
        let names: Vec<_> = listing.tools.iter().map(|tool| &tool.spec.name).collect();
        assert_eq!(names, ["mcp_s_good"]);
        assert_eq!(
            listing.tools[0].spec.input_schema,
            json!({ "type": "object", "properties": {} })
        );
        assert_eq!(listing.problems.len(), 7, "{:#?}", listing.problems);
        assert!(listing.problems[4].contains("another one of that name"));
    }

    #[test]
    fn nothing_optional_costs_a_tool() {
        let listing = list(
            json!([{
                "name": "t", "title": 7, "description": ["d"], "outputSchema": "none", "icons": {}, "_meta": 1,
                "annotations": { "title": [], "readOnlyHint": "true", "destructiveHint": true },
                "inputSchema": { "properties": { "$top": { "type": "integer" } }, "required": ["$top"] },
            }]),
            &server(),
        );
        assert_eq!(listing.problems, [""; 0]);
        let tool = &listing.tools[0];
        assert_eq!(tool.spec.effect, Effect::Destructive);
        assert_eq!(tool.spec.input_schema["required"], json!(["top"]));
        let arguments = json!({ "top": 1, "other": 2 });
        let raw = tool.raw_arguments(arguments.as_object().unwrap().clone());
        assert_eq!(Value::from(raw), json!({ "$top": 1, "other": 2 }));
    }

    #[test]
    fn no_more_tools_are_offered_than_a_prompt_can_hold() {
        let many =
            (0..MAX_TOOLS + 2).map(|n| json!({ "name": format!("t{n}"), "inputSchema": {} }));
        let listing = Listing::of(many.collect(), &server(), &[]);
        assert_eq!(listing.tools.len(), MAX_TOOLS);
        assert!(listing.problems[0].starts_with("2 tools are left out"));
    }

    #[test]
    fn something_is_always_said_of_a_tool() {
        let description = |tool: Value| {
            let listing = list(json!([tool]), &server());
            listing.tools[0].spec.description.clone()
        };
        let schema = json!({});
        assert_eq!(
            description(json!({ "name": "n", "description": " a\u{7}b ", "inputSchema": schema })),
            "ab"
        );
        assert_eq!(
            description(
                json!({ "name": "n", "title": "t", "description": " ", "inputSchema": schema })
            ),
            "t"
        );
        assert_eq!(
            description(json!({ "name": "n", "inputSchema": schema })),
            "n"
        );
        let long = description(
            json!({ "name": "n", "description": "x".repeat(100_000), "inputSchema": schema }),
        );
        assert!(long.len() < MAX_DESCRIPTION + 4);
    }

    #[test]
    fn words_in_a_schema_are_cleaned_and_values_are_not() {
        let hidden = "a\u{e0041}b";
        let schema = |text: &str| {
            json!({
                "type": "object",
                "properties": {
                    "description": { "description": text, "enum": [hidden], "type": "string" },
                    "list": { "anyOf": [{ "title": text, "type": "null" }] },
                },
            })
        };
        let tool = json!([{ "name": "n", "inputSchema": schema(hidden) }]);
        let listing = list(tool, &server());
        assert_eq!(listing.tools[0].spec.input_schema, schema("ab"));
    }

    #[test]
    fn a_definition_that_stayed_as_it_was_is_the_same() {
        let one = json!({ "name": "one", "description": "d", "inputSchema": {} });
        let two = json!({ "name": "two", "description": "d", "inputSchema": {} });
        let before = list(json!([one, two]), &server());
        let mut changed = two;
        changed["description"] = "e".into();
        let after = Listing::of(vec![changed, one], &server(), &before.tools);
        assert!(Arc::ptr_eq(&before.tools[0], &after.tools[0]));
        assert!(!Arc::ptr_eq(&before.tools[1], &after.tools[1]));
    }

    #[test]
    fn a_tool_is_destructive_until_somebody_trusted_says_otherwise() {
        let check = |hints: Value, trusted: Effect| {
            let tool = json!([{ "name": "t", "inputSchema": {}, "annotations": hints }]);
            let effect = |config: &McpServerConfig| list(tool.clone(), config).tools[0].spec.effect;
            assert_eq!(effect(&server()), Effect::Destructive, "{tool}");
            assert_eq!(effect(&server().trust_annotations()), trusted, "{tool}");
            let config = server().effect("*", Effect::Idempotent);
            assert_eq!(effect(&config), Effect::Idempotent, "{tool}");
        };
        check(json!(null), Effect::Destructive);
        check(json!({}), Effect::Destructive);
        check(json!({ "title": "Harmless" }), Effect::Destructive);
        check(json!({ "readOnlyHint": true }), Effect::ReadOnly);
        check(json!({ "readOnlyHint": false }), Effect::Destructive);
        check(json!({ "idempotentHint": true }), Effect::Destructive);
        check(json!({ "destructiveHint": true }), Effect::Destructive);
        check(json!({ "destructiveHint": false }), Effect::Write);
        check(
            json!({ "destructiveHint": false, "idempotentHint": true }),
            Effect::Idempotent,
        );
        check(
            json!({ "readOnlyHint": false, "destructiveHint": false }),
            Effect::Write,
        );
    }
}
