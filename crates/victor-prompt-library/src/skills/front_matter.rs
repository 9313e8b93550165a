//! The front matter of a `SKILL.md`: YAML between two lines of three hyphens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::problem::Problem;

/// The fields of the specification.
pub(super) const FIELDS: [&str; 6] = [
    "name",
    "description",
    "license",
    "compatibility",
    "metadata",
    "allowed-tools",
];

/// A file in its two parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// The YAML, which begins in the second line of the file.
    pub(super) yaml: &'a str,
    pub(super) body: &'a str,
}

/// The fields as they are written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) license: Option<String>,
    pub(super) compatibility: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) allowed_tools: Vec<String>,
    /// Names of fields that the specification does not have.
    pub(super) unknown: Vec<String>,
    /// Names of fields that are there twice.
    pub(super) repeated: Vec<String>,
}

/// The most bytes of a front matter. All fields of the specification at their limits have half of it.
const MAX_YAML: usize = 16 * 1024;

/// The most brackets and braces in a front matter. The time that a YAML parser takes grows with the square of their
/// number where they are nested.
const MAX_BRACKETS: usize = 256;

/// Splits a file into front matter and body.
pub(super) fn split(text: &str) -> Result<Parts<'_>, Problem> {
    let Some(rest) = text.strip_prefix("---").and_then(after_line) else {
        let message = "the file does not begin with front matter: its first line must be `---`";
        return Err(Problem::at(1, 1, message));
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            let yaml = &rest[..at];
            check_size(yaml)?;
            return Ok(Parts {
                yaml,
                body: &rest[at + line.len()..],
            });
        }
        at += line.len();
    }
    let line = 1 + rest.lines().count();
    let message = "the front matter does not end: a line `---` must follow its fields";
    Err(Problem::at(line, 1, message))
}

fn check_size(yaml: &str) -> Result<(), Problem> {
    let brackets = yaml
        .bytes()
        .filter(|byte| matches!(byte, b'[' | b'{'))
        .count();
    let message = if yaml.len() > MAX_YAML {
        format!(
            "the front matter has {} bytes; at most {MAX_YAML} are permitted",
            yaml.len()
        )
    } else if brackets > MAX_BRACKETS {
        format!(
            "the front matter has {brackets} brackets and braces; at most {MAX_BRACKETS} are permitted"
        )
    } else {
        return Ok(());
    };
    Err(Problem::at(2, 1, message))
}

/// The text behind the first line, if nothing else is on it.
fn after_line(text: &str) -> Option<&str> {
    let (line, rest) = text.split_once('\n')?;
    line.trim().is_empty().then_some(rest)
}

/// Reads the fields.
pub(super) fn parse(yaml: &str) -> Result<FrontMatter, Problem> {
    if is_blank(yaml) {
        return Ok(FrontMatter::default());
    }
    // A line in place of the first one of the file, so that places are counted from there.
    yaml_serde::from_str(&format!("#\n{yaml}")).map_err(|error| {
        let message = error.to_string();
        let Some(place) = error.location() else {
            return Problem::new(message);
        };
        let (line, column) = (place.line(), place.column());
        let told = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&told).unwrap_or(&message);
        Problem::at(line, column, message)
    })
}

/// Reads as many fields as can be read in a front matter that [`parse`] refuses; `None` if there are none.
pub(super) fn parse_leniently(yaml: &str) -> Option<FrontMatter> {
    if let Ok(front) = parse(&with_quotes(yaml)) {
        return Some(front);
    }
    // A field of the wrong type does not hide the others.
    let value: yaml_serde::Value = yaml_serde::from_str(yaml).ok()?;
    let text = |key: &str| value.get(key).and_then(scalar);
    let map = value.get("metadata").and_then(|value| value.as_mapping());
    let map = map.into_iter().flatten();
    let tools = match value.get("allowed-tools") {
        Some(yaml_serde::Value::Sequence(tools)) => tools.iter().filter_map(scalar).collect(),
        Some(tools) => words(&scalar(tools).unwrap_or_default()),
        None => Vec::new(),
    };
    value.as_mapping().map(|_| FrontMatter {
        name: text("name"),
        description: text("description"),
        license: text("license"),
        compatibility: text("compatibility"),
        metadata: map
            .filter_map(|(key, value)| Some((scalar(key)?, scalar(value)?)))
            .collect(),
        allowed_tools: tools,
        ..FrontMatter::default()
    })
}

fn is_blank(yaml: &str) -> bool {
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    yaml.lines().all(is_blank)
}

fn scalar(value: &yaml_serde::Value) -> Option<String> {
    match value {
        yaml_serde::Value::String(text) => Some(text.clone()),
        yaml_serde::Value::Number(number) => Some(number.to_string()),
        yaml_serde::Value::Bool(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}

/// Puts values between quotes that people often write without them, though they contain `: `.
fn with_quotes(yaml: &str) -> String {
    let line = |line: &str| {
        let plain = |value: &str| {
            let first = value.chars().next();
            first.is_some_and(|char| !"\"'|>[{&*!#%@`".contains(char))
        };
        match line.split_once(": ") {
            Some((key, value)) if value.contains(':') && plain(value.trim()) => {
                let value = value.trim().replace('\\', "\\\\").replace('"', "\\\"");
                format!("{key}: \"{value}\"\n")
            }
            _ => format!("{line}\n"),
        }
    };
    yaml.lines().map(line).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

impl<'de> Deserialize<'de> for FrontMatter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = FrontMatter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fields such as `name: my-skill`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FrontMatter, A::Error> {
        let mut front = FrontMatter::default();
        let mut keys = BTreeSet::new();
        while let Some(Scalar(key)) = map.next_key()? {
            match &*key {
                "name" => front.name = Some(map.next_value::<Scalar>()?.0),
                "description" => front.description = Some(map.next_value::<Scalar>()?.0),
                "license" => front.license = Some(map.next_value::<Scalar>()?.0),
                "compatibility" => front.compatibility = Some(map.next_value::<Scalar>()?.0),
                "metadata" => {
                    let map: BTreeMap<Scalar, Scalar> = map.next_value()?;
                    front.metadata = (map.into_iter())
                        .map(|(key, value)| (key.0, value.0))
                        .collect();
                }
                "allowed-tools" => front.allowed_tools = map.next_value::<Words>()?.0,
                _ => {
                    front.unknown.push(key.clone());
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if let Some(key) = keys.replace(key) {
                front.repeated.push(key);
            }
        }
        Ok(front)
    }
}

/// A value as it is written: `1.10` stays `1.10`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// Words, in one text or in a list.
struct Words(Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrList;

        impl<'de> Visitor<'de> for TextOrList {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names in one text or in a list")
            }

            fn visit_str<E>(self, text: &str) -> Result<Words, E> {
                Ok(Words(words(text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Words, A::Error> {
                let mut names = Vec::new();
                while let Some(Scalar(name)) = seq.next_element()? {
                    names.push(name);
                }
                Ok(Words(names))
            }
        }

        deserializer.deserialize_any(TextOrList)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(---\n|name: |[a-z]|: |\n|- |\"|'|[|>{}&*!#]|  |ä|.){0,60}") {
            let _ = split(&text);
            let _ = parse(&text);
            let _ = parse_leniently(&text);
        }

        #[test]
        fn plain_values_are_read_as_they_are_written(value in "[a-zA-Z0-9.]{1,20}") {
            let front = parse(&format!("description: {value}\nmetadata:\n  {value}: {value}\n")).unwrap();
            prop_assert_eq!(front.metadata.get(&value), Some(&value));
            prop_assert_eq!(front.description, Some(value));
        }

        #[test]
        fn unquoted_colons_are_mended(before in "[a-z]{1,9}", after in "[a-z\"\\\\ ]{0,9}") {
            let value = format!("{before}: {after}x");
            let front = parse_leniently(&format!("description: {value}\n")).unwrap();
            prop_assert_eq!(front.description, Some(value));
        }
    }

    #[test]
    fn bombs_do_not_go_off() {
        let mut yaml = "name: [x]\na0: &a0 [x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            yaml += &format!("a{level}: &a{level} [{below}]\n");
        }
        assert!(parse(&yaml).is_err());
        assert_eq!(parse_leniently(&yaml), None);
        let refused = |yaml: &str| {
            split(&format!("---\n{yaml}\n---\n"))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(&"[".repeat(300)),
            "line 2, column 1: the front matter has 300 brackets and braces; at most 256 are permitted"
        );
        assert_eq!(
            refused(&"x".repeat(20_000)),
            "line 2, column 1: the front matter has 20001 bytes; at most 16384 are permitted"
        );
    }
}
