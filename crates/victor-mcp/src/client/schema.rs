//! The schema of a tool, made one that every API of models accepts.

mod dialects;
mod keywords;

use serde_json::{Value, json};
use victor_core::JsonMap;
use victor_text::listed;

use super::name::hash;
use dialects::is_key;
pub(super) use dialects::refusal;
use keywords::{Form, TYPES, form, has_form, is_address, is_typed};

/// The most bytes of definitions that replace references. A reference beyond them accepts anything.
const MAX_EXPANDED: usize = 64 * 1024;

/// Keywords that make a schema stricter the less strict their own schema is; they are left out.
const CONDITIONS: [&str; 6] = [
    "else",
    "if",
    "not",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The most bytes of alternatives in a note.
const MAX_TOLD: usize = 1_000;

/// A schema that every API accepts, and what a call needs to know of it.
#[derive(Debug, Default)]
pub(super) struct Fitted {
    pub(super) schema: JsonMap,
    /// The arguments that have other names than the server gives them: ours, and the server's.
    pub(super) renamed: Vec<(String, String)>,
    /// The conditions that the schema no longer expresses, in words.
    pub(super) note: Option<String>,
}

/// Rewrites a schema where an API would refuse it. It lets pass what the server's own does, and here and there more:
/// the server looks at the arguments itself.
pub(super) fn fit(root: &Value) -> Fitted {
    let mut fitting = Fitting {
        root,
        within: Vec::new(),
        left: MAX_EXPANDED,
    };
    let mut schema = fitting.schema(root, true);
    let note = flatten(&mut schema);
    for keyword in ["const", "enum", "items"] {
        schema.remove(keyword);
    }
    schema.entry("type").or_insert_with(|| "object".into());
    schema.entry("properties").or_insert_with(|| json!({}));
    require_known(&mut schema);
    let renamed = rename(&mut schema);
    Fitted {
        schema,
        renamed,
        note,
    }
}

struct Fitting<'a> {
    root: &'a Value,
    /// The references in whose place their definitions are being put.
    within: Vec<String>,
    /// The remaining bytes for definitions.
    left: usize,
}

impl Fitting<'_> {
    fn schema(&mut self, schema: &Value, is_top: bool) -> JsonMap {
        let Value::Object(written) = schema else {
            return anything();
        };
        if let Some(Value::String(reference)) = written.get("$ref") {
            return self.referred(reference, written, is_top);
        }
        let mut fitted = JsonMap::new();
        for (keyword, value) in written {
            if is_address(keyword, value) || CONDITIONS.contains(&&**keyword) {
                continue;
            }
            let value = match (form(keyword), value) {
                (Form::Schema, Value::Bool(_)) if keyword == "additionalProperties" => {
                    value.clone()
                }
                (Form::Schema, Value::Object(_)) => self.schema(value, false).into(),
                (Form::Schemas, Value::Array(schemas)) if is_top => schemas
                    .iter()
                    .map(|schema| self.schema(schema, true))
                    .collect(),
                (Form::Schemas, Value::Array(schemas)) => {
                    let kind = written.get("type").filter(|kind| kind.is_string());
                    match self.alternatives(schemas, kind, keyword == "allOf") {
                        Some(alternatives) => alternatives,
                        None => continue,
                    }
                }
                (Form::Named, Value::Object(schemas)) => self.named(schemas, keyword, &mut fitted),
                (Form::Plain, _) => value.clone(),
                _ => continue,
            };
            // Of alternatives that let more pass, more than one may fit.
            let keyword = if keyword == "oneOf" { "anyOf" } else { keyword };
            if keyword == "anyOf"
                && let Some(Value::Array(others)) = fitted.get_mut("anyOf")
                && let Value::Array(alternatives) = value
            {
                others.extend(alternatives);
                continue;
            }
            fitted.insert(keyword.to_owned(), value);
        }
        if let Some(items) = self.tuple(written) {
            fitted.insert("items".into(), items);
        }
        exclusive(written, &mut fitted);
        fitted.retain(|keyword, value| has_form(keyword, value));
        type_of(&mut fitted, is_top);
        if !is_top {
            require_known(&mut fitted);
        }
        fitted
    }

    /// Resolves a reference, and merges the keywords beside it.
    fn referred(&mut self, reference: &str, beside: &JsonMap, is_top: bool) -> JsonMap {
        let pointer = reference.strip_prefix('#');
        let found = pointer.and_then(|pointer| self.root.pointer(pointer));
        let is_cycle = self.within.iter().any(|within| within == reference);
        let size = found.map_or(0, |found| found.to_string().len());
        let mut fitted = match found {
            Some(found) if !is_cycle && size <= self.left => {
                self.left -= size;
                self.within.push(reference.to_owned());
                let fitted = self.schema(found, is_top);
                self.within.pop();
                fitted
            }
            _ => anything(),
        };
        let mut rest = JsonMap::new();
        for (keyword, value) in beside {
            match &**keyword {
                "description" | "title" if value.is_string() => {
                    fitted.insert(keyword.clone(), value.clone());
                }
                "default" => drop(fitted.insert(keyword.clone(), value.clone())),
                keyword if keyword != "$ref" && !is_address(keyword, value) => {
                    rest.insert(keyword.to_owned(), value.clone());
                }
                _ => {}
            }
        }
        if is_top && !rest.is_empty() {
            let rest = self.schema(&rest.into(), true);
            let both = json!({ "allOf": [fitted, rest] });
            return both.as_object().cloned().unwrap_or_default();
        }
        fitted
    }

    /// Alternatives within a schema of this type; nothing if they let everything of it pass.
    fn alternatives(
        &mut self,
        schemas: &[Value],
        kind: Option<&Value>,
        are_all: bool,
    ) -> Option<Value> {
        let mut fitted = Vec::new();
        for schema in schemas {
            let mut schema = schema.clone();
            if let (Value::Object(schema), Some(kind)) = (&mut schema, kind)
                && !is_typed(schema)
                && !schema.contains_key("$ref")
            {
                schema.insert("type".into(), kind.clone());
            }
            let schema = self.schema(&schema, false);
            let is_open =
                schema.len() == 1 && schema.get("type").is_some_and(|own| Some(own) == kind);
            match (is_open, are_all) {
                (true, true) => {}
                (true, false) => return None,
                (false, _) => fitted.push(Value::from(schema)),
            }
        }
        (!fitted.is_empty()).then(|| fitted.into())
    }

    /// One schema for all items of a tuple, as `prefixItems` says it, or `items` did before 2020-12.
    fn tuple(&mut self, written: &JsonMap) -> Option<Value> {
        let (schemas, rest) = match (written.get("prefixItems"), written.get("items")) {
            (Some(Value::Array(schemas)), rest) => (schemas, rest),
            (_, Some(Value::Array(schemas))) => (schemas, written.get("additionalItems")),
            _ => return None,
        };
        let most = written.get("maxItems").and_then(Value::as_u64);
        let is_closed = most.is_some_and(|most| most <= schemas.len() as u64);
        let rest = match rest {
            Some(Value::Bool(false)) => None,
            _ if is_closed => None,
            Some(rest @ Value::Object(_)) => Some(rest),
            _ => Some(&Value::Bool(true)),
        };
        let mut fitted: Vec<Value> = Vec::new();
        for schema in schemas.iter().chain(rest) {
            let schema = self.schema(schema, false).into();
            if !fitted.contains(&schema) {
                fitted.push(schema);
            }
        }
        Some(match fitted.len() {
            0 => item().into(),
            1 => fitted.remove(0),
            _ => json!({ "anyOf": fitted }),
        })
    }

    /// Properties, without those that must not be there. In older drafts each says of itself whether it is required.
    fn named(&mut self, schemas: &JsonMap, keyword: &str, fitted: &mut JsonMap) -> Value {
        let is_required = |schema: &Value| schema["required"] == true;
        if keyword == "properties" {
            let required: Vec<Value> = schemas
                .iter()
                .filter(|(_, schema)| is_required(schema))
                .map(|(name, _)| name.as_str().into())
                .collect();
            if !required.is_empty() {
                fitted.insert("required".into(), required.into());
            }
        }
        let allowed = schemas.iter().filter(|(_, schema)| **schema != false);
        allowed
            .map(|(name, schema)| (name.clone(), self.schema(schema, false).into()))
            .collect::<JsonMap>()
            .into()
    }
}

/// Limits of which drafts before 2020-12 say that they are exclusive.
fn exclusive(written: &JsonMap, fitted: &mut JsonMap) {
    for (exclusive, limit) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        if written.get(exclusive) == Some(&Value::Bool(true))
            && let Some(limit) = fitted.remove(limit)
        {
            fitted.insert(exclusive.into(), limit);
        }
    }
}

/// Gives a schema one type, or alternatives of one type each.
fn type_of(schema: &mut JsonMap, is_top: bool) {
    if let Some(Value::Array(types)) = schema.get("type") {
        let types = types.clone();
        let is_object = types.iter().any(|kind| kind == "object");
        schema.remove("type");
        if is_top && is_object {
            schema.insert("type".into(), "object".into());
        } else if let [kind] = &*types {
            schema.insert("type".into(), kind.clone());
        } else if !is_typed(schema) {
            let items = schema.remove("items");
            let alternative = |kind: &Value| match (kind.as_str(), &items) {
                (Some("array"), Some(items)) => json!({ "type": "array", "items": items }),
                (Some("array"), None) => json!({ "type": "array", "items": item() }),
                _ => json!({ "type": kind }),
            };
            schema.insert("anyOf".into(), types.iter().map(alternative).collect());
        }
    }
    let values = schema
        .get("enum")
        .and_then(Value::as_array)
        .cloned()
        .or_else(|| Some(vec![schema.get("const")?.clone()]));
    if !is_typed(schema) {
        let kind = match &values {
            _ if schema.contains_key("properties") => Some("object"),
            _ if schema.contains_key("items") => Some("array"),
            Some(values) => TYPES
                .into_iter()
                .find(|kind| values.iter().all(|value| is(value, kind))),
            None => None,
        };
        match kind {
            Some(kind) => drop(schema.insert("type".into(), kind.into())),
            None if is_top => {}
            None => schema.extend(anything()),
        }
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => drop(schema.entry("items").or_insert_with(|| item().into())),
        _ => drop(schema.remove("items")),
    }
}

/// Whether a value is of a type.
fn is(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && !number.is_f64()),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

/// Requires only properties that are described.
fn require_known(schema: &mut JsonMap) {
    let mut required = texts(schema, "required");
    let properties = schema.get("properties").and_then(Value::as_object);
    required.retain(|name| properties.is_some_and(|all| all.contains_key(name)));
    set_required(schema, required);
}

/// A schema with types that accepts everything. Lists are nested three deep at most, since the types must end
/// somewhere.
fn anything() -> JsonMap {
    any_of(json!({ "type": "array", "items": item() }))
}

/// A schema that accepts every item of a list.
fn item() -> JsonMap {
    let plain = any_of(Value::Null);
    any_of(json!({ "type": "array", "items": plain }))
}

fn any_of(list: Value) -> JsonMap {
    let kinds = ["string", "number", "boolean", "object", "null"]
        .into_iter()
        .map(|kind| json!({ "type": kind }));
    let lists = Some(list).filter(|list| !list.is_null());
    let all = kinds.chain(lists).collect();
    JsonMap::from_iter([("anyOf".to_owned(), all)])
}

/// Makes alternatives at the top one schema, and says in words what it does not say any more.
fn flatten(schema: &mut JsonMap) -> Option<String> {
    let mut notes = Vec::new();
    for mut member in taken(schema, "allOf") {
        notes.extend(flatten(&mut member));
        merge(schema, member, "allOf");
    }
    let mut alternatives = taken(schema, "anyOf");
    if !alternatives.is_empty() {
        notes.push(told(&alternatives));
        let base = texts(schema, "required");
        let mut common: Option<Vec<String>> = None;
        for alternative in &mut alternatives {
            flatten(alternative);
            let required = texts(alternative, "required");
            common = Some(match common {
                None => required,
                Some(common) => common
                    .into_iter()
                    .filter(|name| required.contains(name))
                    .collect(),
            });
        }
        for alternative in alternatives {
            merge(schema, alternative, "anyOf");
        }
        set_required(
            schema,
            base.into_iter().chain(common.unwrap_or_default()).collect(),
        );
    }
    (!notes.is_empty()).then(|| notes.join(" "))
}

/// Takes the schemas of a keyword out of a schema.
fn taken(schema: &mut JsonMap, keyword: &str) -> Vec<JsonMap> {
    let schemas = match schema.remove(keyword) {
        Some(Value::Array(schemas)) => schemas,
        _ => Vec::new(),
    };
    let objects = schemas.into_iter().filter_map(|schema| match schema {
        Value::Object(schema) => Some(schema),
        _ => None,
    });
    objects.collect()
}

/// Adds the properties of another schema. What both have and say otherwise may be, or must be, as both say.
fn merge(schema: &mut JsonMap, other: JsonMap, both: &str) {
    let required = texts(&other, "required");
    let mut other = other;
    let new = match other.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => JsonMap::new(),
    };
    let known = schema.entry("properties").or_insert_with(|| json!({}));
    let Value::Object(known) = known else { return };
    let is_wider = new.keys().any(|name| !known.contains_key(name));
    for (name, property) in new {
        match known.get_mut(&name) {
            None => drop(known.insert(name, property)),
            Some(same) if *same == property => {}
            Some(other) => {
                let schemas = match other.as_object().and_then(|other| other.get(both)) {
                    Some(Value::Array(schemas))
                        if other.as_object().is_some_and(|all| all.len() == 1) =>
                    {
                        let mut schemas = schemas.clone();
                        if !schemas.contains(&property) {
                            schemas.push(property);
                        }
                        schemas
                    }
                    _ => vec![other.take(), property],
                };
                *other = json!({ both: schemas });
            }
        }
    }
    if is_wider {
        schema.remove("additionalProperties");
    }
    if both == "allOf" {
        let all = texts(schema, "required")
            .into_iter()
            .chain(required)
            .collect();
        set_required(schema, all);
        for (keyword, value) in other {
            if keyword != "additionalProperties" {
                schema.entry(keyword).or_insert(value);
            }
        }
    }
}

fn texts(schema: &JsonMap, keyword: &str) -> Vec<String> {
    let texts = schema
        .get(keyword)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn set_required(schema: &mut JsonMap, names: Vec<String>) {
    let mut all: Vec<Value> = Vec::new();
    for name in names {
        if !all.iter().any(|known| *known == name) {
            all.push(name.into());
        }
    }
    match all.is_empty() {
        true => drop(schema.remove("required")),
        false => drop(schema.insert("required".into(), all.into())),
    }
}

/// Alternatives in words.
fn told(alternatives: &[JsonMap]) -> String {
    let names: Vec<_> = alternatives
        .iter()
        .map(|alternative| texts(alternative, "required"))
        .collect();
    let is_only_names = alternatives.iter().zip(&names).all(|(alternative, names)| {
        let rest = alternative
            .keys()
            .filter(|key| !matches!(&***key, "required" | "type"));
        !names.is_empty() && rest.count() == 0
    });
    if is_only_names {
        let sets: Vec<_> = names.iter().map(|names| listed(names, "and")).collect();
        return format!("It needs {}.", sets.join(", or "));
    }
    let all = json!(alternatives).to_string();
    match all.len() <= MAX_TOLD {
        true => format!("The arguments must fit one of these schemas: {all}"),
        false => {
            "The arguments belong to several alternatives, which do not all go together.".to_owned()
        }
    }
}

/// Gives arguments names that are allowed, where theirs are not. Returns the new and the old ones.
fn rename(schema: &mut JsonMap) -> Vec<(String, String)> {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return Vec::new();
    };
    let mut renamed: Vec<(String, String)> = Vec::new();
    let odd: Vec<String> = properties
        .keys()
        .filter(|name| !is_key(name))
        .cloned()
        .collect();
    for name in odd {
        let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-');
        let shown: String = name
            .chars()
            .map(|char| if allowed(char) { char } else { '_' })
            .collect();
        let shown = shown.trim_matches('_');
        let mut key: String = shown.chars().take(64).collect();
        if key.is_empty() || shown.len() > 64 || properties.contains_key(&key) {
            key.truncate(64 - "_00000000".len());
            key += &format!("_{:08x}", hash(&[&name]));
        }
        let Some(mut property) = properties.remove(&name) else {
            continue;
        };
        if let Value::Object(property) = &mut property {
            let said = property
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let said = format!("Sent as `{name}`. {said}");
            property.insert("description".into(), said.trim_end().into());
        }
        properties.insert(key.clone(), property);
        renamed.push((key, name));
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        for name in required {
            let new = renamed.iter().find(|(_, old)| name.as_str() == Some(old));
            if let Some((new, _)) = new {
                *name = new.as_str().into();
            }
        }
    }
    if !renamed.is_empty() {
        // They name arguments as well.
        schema.remove("dependentRequired");
        schema.remove("dependentSchemas");
        schema.remove("propertyNames");
    }
    renamed
}

#[cfg(test)]
mod tests;
