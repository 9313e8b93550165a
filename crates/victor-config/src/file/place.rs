//! The places of keys in a text.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use toml::de::DeTable;

/// The format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Toml,
    Yaml,
    Json,
}

/// The place of a key, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    /// The place of an offset in a text.
    pub(crate) fn at(text: &str, offset: usize) -> Option<Self> {
        let before = text.get(..offset)?;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        Some(Self {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The text of a file, in which the places of keys are looked up.
///
/// The parsers of YAML and JSON tell the place of an error and of nothing else, so a key is looked up by parsing the
/// text until it comes and reporting an error there. That costs a pass for each key, which is little for files of
/// settings; what may be spent on a file is limited.
#[derive(Debug)]
pub(crate) struct Places {
    format: Format,
    text: String,
    left: Cell<usize>,
}

/// The bytes that may be parsed to look up the places of one file.
const BUDGET: usize = 32 << 20;

impl Places {
    pub(super) fn new(format: Format, text: String) -> Self {
        Self {
            format,
            text,
            left: Cell::new(BUDGET),
        }
    }

    /// Looks up a key by its path; `None` if it is not in the text, as where an alias brings it in.
    pub(crate) fn find(&self, path: &[&str]) -> Option<Place> {
        let left = self.left.get().checked_sub(self.text.len())?;
        self.left.set(left);
        let found = Cell::new(false);
        let find = Find {
            path,
            found: &found,
        };
        let place = match self.format {
            Format::Toml => {
                let table = DeTable::parse(&self.text).ok()?;
                return Place::at(&self.text, key_in(table.get_ref(), path)?);
            }
            #[cfg(not(feature = "yaml"))]
            Format::Yaml => None,
            #[cfg(feature = "yaml")]
            Format::Yaml => {
                let error = find
                    .deserialize(yaml_serde::Deserializer::from_str(&self.text))
                    .err()?;
                let location = error.location()?;
                Some(Place {
                    line: location.line(),
                    column: location.column(),
                })
            }
            Format::Json => {
                let mut deserializer = serde_json::Deserializer::from_str(&self.text);
                let error = find.deserialize(&mut deserializer).err()?;
                // The end of the key is told.
                let line = self.text.lines().nth(error.line().checked_sub(1)?)?;
                let end = error.column().min(line.len());
                let start = line.get(..end)?.rfind(&format!("\"{}", path.last()?));
                let column = line.get(..start.unwrap_or_default())?.chars().count() + 1;
                Some(Place {
                    line: error.line(),
                    column,
                })
            }
        };
        place.filter(|_| found.get())
    }
}

/// The offset of a key in a table of TOML.
fn key_in(table: &DeTable<'_>, path: &[&str]) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == first)?;
    match rest.is_empty() {
        true => Some(key.span().start),
        false => key_in(value.get_ref().as_table()?, rest),
    }
}

/// Fails at the key of this path.
#[derive(Clone, Copy)]
struct Find<'a> {
    path: &'a [&'a str],
    found: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Find<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Find<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(is_on_the_way) = map.next_key_seed(Key(self))? {
            match is_on_the_way {
                true => map.next_value_seed(Self {
                    path: &self.path[1..],
                    ..self
                })?,
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Compares a key with the first one of the path, and fails if it is the last one as well.
struct Key<'a>(Find<'a>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match self.0.path {
            [first] if *first == key => {
                self.0.found.set(true);
                Err(E::custom("found"))
            }
            [first, ..] => Ok(*first == key),
            [] => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_where_they_stand() {
        let check = |format: Format, text: &str, path: &str, expected: Option<(usize, usize)>| {
            let path: Vec<_> = path.split('/').collect();
            let found = Places::new(format, text.to_owned()).find(&path);
            assert_eq!(
                found.map(|place| (place.line, place.column)),
                expected,
                "{format:?} {path:?}"
            );
        };
        let toml =
            "# comment\nmodel = 'm'\n\n[extra]\n\"ä\" = 1\n  a.b = 2\n[extra.team]\nname = 'x'\n";
        check(Format::Toml, toml, "model", Some((2, 1)));
        check(Format::Toml, toml, "extra", Some((4, 2)));
        check(Format::Toml, toml, "extra/ä", Some((5, 1)));
        check(Format::Toml, toml, "extra/a/b", Some((6, 5)));
        check(Format::Toml, toml, "extra/team/name", Some((8, 1)));
        check(Format::Toml, toml, "extra/name", None);
        check(Format::Toml, toml, "model/x", None);
        let yaml = "# comment\nmodel: m\nextra:\n  a: {b: 2,\n    c: 3}\n  list: [{x: 1}]\n";
        check(Format::Yaml, yaml, "model", Some((2, 1)));
        check(Format::Yaml, yaml, "extra", Some((3, 1)));
        check(Format::Yaml, yaml, "extra/a/b", Some((4, 7)));
        check(Format::Yaml, yaml, "extra/a/c", Some((5, 5)));
        check(Format::Yaml, yaml, "extra/list/x", None);
        let json = "{\"model\": \"m\",\n  \"extra\": {\"a\": {\"b\": 2},\n\"c\": [1, 2], \"d\\u0065\": 1}}";
        check(Format::Json, json, "model", Some((1, 2)));
        check(Format::Json, json, "extra", Some((2, 3)));
        check(Format::Json, json, "extra/a/b", Some((2, 19)));
        check(Format::Json, json, "extra/c", Some((3, 1)));
        check(Format::Json, json, "x", None);
    }

    #[test]
    fn what_is_spent_is_limited() {
        let places = Places::new(
            Format::Toml,
            format!("a = '{}'\nb = 1", "x".repeat(BUDGET / 4)),
        );
        let found = (0..9).filter(|_| places.find(&["b"]).is_some()).count();
        assert_eq!(found, 3);
    }
}
