//! Purposes of a tool's parameters, by their schema.

use serde_json::{Map, Value};
use victor_core::ToolSpec;

use crate::lexicon::Concept;
use crate::tokens::stems;

/// A parameter of a tool.
#[derive(Debug)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    pub(crate) role: Role<'a>,
    pub(crate) required: bool,
    /// Whether it takes a list of such values.
    pub(crate) list: bool,
    /// The value that it has if none is given.
    pub(crate) default: Option<&'a Value>,
}

/// The purpose of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Role<'a> {
    File,
    Folder,
    /// A file or a folder.
    Path,
    Url,
    Query,
    Glob,
    Command,
    Content,
    /// A number, whole if true.
    Number(bool),
    Flag,
    /// One of these values.
    Choice(Vec<&'a str>),
    /// A text of which nothing more is known.
    Free,
    /// A value that cannot be found in words.
    Structure,
}

impl Role<'_> {
    pub(crate) fn is_path(&self) -> bool {
        matches!(self, Self::File | Self::Folder | Self::Path)
    }
}

/// The parameters of a tool, in the order of the schema. A schema that makes no sense has none.
pub(crate) fn parameters(spec: &ToolSpec) -> Vec<Parameter<'_>> {
    let schema = resolve(&spec.input_schema, &spec.input_schema);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut parameters: Vec<Parameter<'_>> = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let resolved = resolve(property, &spec.input_schema);
            let list = kind(resolved) == "array";
            let item = if list {
                resolved
                    .get("items")
                    .map_or(resolved, |items| resolve(items, &spec.input_schema))
            } else {
                resolved
            };
            let description = [property, resolved]
                .into_iter()
                .find_map(|schema| schema.get("description")?.as_str());
            Parameter {
                name,
                role: role(spec, name, description.unwrap_or_default(), item),
                required: required.contains(&name.as_str()),
                list,
                default: property.get("default").or_else(|| resolved.get("const")),
            }
        })
        .collect();
    let unknown = required
        .into_iter()
        .filter(|name| properties.is_none_or(|all| !all.contains_key(*name)));
    parameters.extend(unknown.map(|name| Parameter {
        name,
        role: role(spec, name, "", &Value::Null),
        required: true,
        list: false,
        default: None,
    }));
    parameters
}

/// The schema that is meant: what a local reference points to, or the first alternative that is not null.
fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let mut schema = schema;
    // A schema may refer to itself; nobody needs more steps than these.
    for _ in 0..8 {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|reference| root.pointer(reference.strip_prefix('#')?));
        let alternative = || {
            let alternatives = ["anyOf", "oneOf", "allOf"]
                .iter()
                .find_map(|word| schema.get(word)?.as_array())?;
            alternatives
                .iter()
                .find(|alternative| kind(alternative) != "null")
        };
        match target.or_else(alternative) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or(""),
        _ => "",
    }
}

fn role<'a>(spec: &ToolSpec, name: &str, description: &str, schema: &'a Value) -> Role<'a> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Role::Choice(values.iter().filter_map(Value::as_str).collect());
    }
    match kind(schema) {
        "integer" => return Role::Number(true),
        "number" => return Role::Number(false),
        "boolean" => return Role::Flag,
        "object" | "array" | "null" => return Role::Structure,
        "string" | "" => {}
        _ => return Role::Structure,
    }
    if kind(schema).is_empty() && schema.as_object().is_some_and(is_structure) {
        return Role::Structure;
    }
    let described = stems(description);
    let by_name = stems(name)
        .iter()
        .rev()
        .find_map(|stem| role_of_word(stem, true));
    let role = by_name.or_else(|| described.iter().find_map(|stem| role_of_word(stem, false)));
    match role {
        Some(Role::Query) if described.iter().any(|stem| stem == "glob") => Role::Glob,
        Some(Role::Path) => which_path(spec, &described),
        Some(role) => role,
        None => Role::Free,
    }
}

fn is_structure(schema: &Map<String, Value>) -> bool {
    ["properties", "items", "$ref", "anyOf", "oneOf", "allOf"]
        .iter()
        .any(|word| schema.contains_key(*word))
}

fn role_of_word(stem: &str, in_name: bool) -> Option<Role<'static>> {
    Some(match stem {
        "url" | "uri" | "link" => Role::Url,
        "glob" | "includ" | "exclud" | "mask" => Role::Glob,
        "query" | "queri" | "pattern" | "regex" | "regexp" | "search" | "needl" | "keyword"
        | "term" => Role::Query,
        "command" | "cmd" | "shell" | "script" => Role::Command,
        "content" | "bodi" | "text" | "replacement" | "str" => Role::Content,
        "path" => Role::Path,
        "cwd" | "root" if in_name => Role::Folder,
        "data" | "messag" | "valu" | "new" | "old" if in_name => Role::Content,
        _ => match Concept::of(stem)? {
            Concept::File => Role::File,
            Concept::Folder => Role::Folder,
            _ => return None,
        },
    })
}

/// Whether a path is that of a file or of a folder: by the name of the tool, and otherwise by what is said of it.
fn which_path(spec: &ToolSpec, described: &[String]) -> Role<'static> {
    let concepts = |stems: &[String]| {
        stems
            .iter()
            .filter_map(|stem| Concept::of(stem))
            .collect::<Vec<_>>()
    };
    let name = concepts(&stems(&spec.name));
    if name.contains(&Concept::Search) {
        return Role::Path;
    }
    if let Some(noun) = name.iter().find(|concept| !concept.is_action()) {
        return if *noun == Concept::Folder {
            Role::Folder
        } else {
            Role::File
        };
    }
    if name.contains(&Concept::List) {
        return Role::Folder;
    }
    match concepts(described)
        .into_iter()
        .find(|concept| !concept.is_action())
    {
        Some(Concept::Folder) => Role::Folder,
        Some(_) => Role::File,
        None if name.contains(&Concept::Read) => Role::File,
        None => Role::Path,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(name: &str, schema: &Value, expected: &[(&str, Role<'_>, bool)]) {
        let spec = ToolSpec::new(name, "", schema.clone());
        let found: Vec<_> = parameters(&spec)
            .iter()
            .map(|parameter| (parameter.name, parameter.role.clone(), parameter.required))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn roles_follow_from_names_descriptions_and_types() {
        let text = json!({"type": "string"});
        check(
            "read_file",
            &json!({"properties": {"path": text}, "required": ["path"]}),
            &[("path", Role::File, true)],
        );
        check(
            "list_directory",
            &json!({"properties": {"path": text}}),
            &[("path", Role::Folder, false)],
        );
        check(
            "search_files",
            &json!({"properties": {
                "query": {"type": "string", "description": "Text to find in files"},
                "path": text,
                "glob": text,
            }}),
            &[
                ("glob", Role::Glob, false),
                ("path", Role::Path, false),
                ("query", Role::Query, false),
            ],
        );
        check(
            "glob",
            &json!({"properties": {"pattern": {"type": "string", "description": "A glob such as *.rs"}}}),
            &[("pattern", Role::Glob, false)],
        );
        check(
            "t",
            &json!({"properties": {
                "city": text,
                "deep": {"type": ["boolean", "null"]},
                "limit": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
                "mode": {"enum": ["fast", "slow"]},
                "source": {"type": "string", "description": "The directory to begin with"},
                "tags": {"type": "array", "items": {"type": "object"}},
            }}),
            &[
                ("city", Role::Free, false),
                ("deep", Role::Flag, false),
                ("limit", Role::Number(true), false),
                ("mode", Role::Choice(vec!["fast", "slow"]), false),
                ("source", Role::Folder, false),
                ("tags", Role::Structure, false),
            ],
        );
    }

    #[test]
    fn odd_schemas_are_read_as_far_as_they_go() {
        for schema in [
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!({"properties": 7, "required": "x"}),
        ] {
            check("t", &schema, &[]);
        }
        check(
            "t",
            &json!({"required": ["path"]}),
            &[("path", Role::Path, true)],
        );
        let looped = json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}});
        check("t", &looped, &[]);
        let referred = json!({
            "properties": {"where": {"$ref": "#/$defs/p"}},
            "$defs": {"p": {"type": "string", "description": "a file"}}
        });
        check("t", &referred, &[("where", Role::File, false)]);
        check(
            "t",
            &json!({"properties": {"x": {"$ref": "https://a.b/c"}}}),
            &[("x", Role::Structure, false)],
        );
    }
}
