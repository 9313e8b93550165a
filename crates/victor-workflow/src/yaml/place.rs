//! Line and column of a place in a text.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Line and column of a place such as `steps[2].after[0]`, or of the nearest one around it that is there. With a key, it
/// is that of this key of the map at the place.
pub(super) fn find(text: &str, path: &str, key: Option<&str>) -> Option<(usize, usize)> {
    let parts: Vec<_> = path
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .collect();
    let probe = |path, key| {
        let document = yaml_serde::Deserializer::from_str(text);
        let found = Probe { path, key }.deserialize(document).err()?;
        found.location().map(|at| (at.line(), at.column()))
    };
    let around = || {
        (0..=parts.len())
            .rev()
            .find_map(|count| probe(&parts[..count], None))
    };
    key.and_then(|_| probe(&parts, key)).or_else(around)
}

/// Reads a document up to a place, and fails there: the error has the position.
struct Probe<'p> {
    path: &'p [&'p str],
    key: Option<&'p str>,
}

impl Probe<'_> {
    fn found<E: de::Error>() -> Result<(), E> {
        Err(E::custom("found"))
    }
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a definition")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((part, rest)) = self.path.split_first() else {
            let Some(key) = self.key else {
                return Self::found();
            };
            while map.next_key_seed(Key(key))?.is_some() {
                map.next_value::<IgnoredAny>()?;
            }
            return Ok(());
        };
        while let Some(found) = map.next_key::<String>()? {
            if found == **part {
                map.next_value_seed(Probe { path: rest, ..self })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((index, rest)) = self.path.split_first() else {
            return Self::found();
        };
        for _ in 0..index.parse().unwrap_or(0) {
            seq.next_element::<IgnoredAny>()?;
        }
        seq.next_element_seed(Probe { path: rest, ..self })?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Self::found()
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Self::found()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Self::found()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Self::found()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Self::found()
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Self::found()
    }
}

/// Fails at this key.
struct Key<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<(), E> {
        match key == self.0 {
            true => Probe::found(),
            false => Ok(()),
        }
    }
}
