//! Values from files.

mod json;
mod place;
#[cfg(feature = "yaml")]
mod yaml;

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Number, Value};
use victor_config_protocol::{ConfigError, ConfigSource};
use victor_core::{BoxError, JsonMap};

pub(crate) use self::place::{Format, Place, Places};

/// The names under which a file is discovered.
pub(crate) const NAMES: [&str; 4] = ["victor.toml", "victor.yaml", "victor.yml", "victor.json"];

/// The file in `directory` whose name is one of Victor's, if there is one. Two at once are an error.
pub(crate) fn discover(directory: &Path) -> Result<Option<PathBuf>, ConfigError> {
    let mut found = Vec::new();
    for name in NAMES {
        let path = directory.join(name);
        match path.try_exists() {
            Ok(true) => found.push(name),
            Ok(false) => {}
            Err(error) => return Err(unreadable(&path, "it cannot be looked for", error)),
        }
    }
    match found[..] {
        [] => Ok(None),
        [name] => Ok(Some(directory.join(name))),
        _ => Err(ConfigError::new(
            format!("directory {}", directory.display()),
            format!("it has {}: keep one of them", found.join(" and ")),
        )),
    }
}

/// The most that a file may have.
const MAX_BYTES: u64 = 4 << 20;

/// The values of a file, with its text, in which their places are looked up.
#[derive(Debug)]
pub(crate) struct FileValues {
    pub(crate) values: JsonMap,
    pub(crate) places: Places,
}

/// Reads a file, in the format that the ending of its name says.
pub(crate) fn read(path: &Path) -> Result<FileValues, ConfigError> {
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let format = match ending.as_str() {
        "toml" => Format::Toml,
        "yaml" | "yml" => Format::Yaml,
        "json" => Format::Json,
        _ => {
            return Err(ConfigError::new(
                origin(path),
                "its name must end in .toml, .yaml, .yml or .json",
            ));
        }
    };
    let text = text(path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let parsed = match format {
        Format::Toml => parse_toml(text),
        #[cfg(feature = "yaml")]
        Format::Yaml => yaml::parse(text),
        #[cfg(not(feature = "yaml"))]
        Format::Yaml => {
            return Err(ConfigError::new(
                origin(path),
                "YAML is not compiled in: enable the feature `yaml` of `victor-orchestrator` or of `victor-config`, \
                 or write the file in TOML or JSON",
            ));
        }
        Format::Json => json::parse(text),
    };
    let values = match parsed {
        Ok(Value::Object(values)) => values,
        Ok(Value::Null) => JsonMap::new(), // an empty YAML file
        Ok(_) => {
            return Err(unreadable(
                path,
                "it is no configuration",
                "expected keys and their values",
            ));
        }
        Err(error) => {
            return Err(unreadable(
                path,
                &format!("it is not valid {}", ending.to_uppercase()),
                error,
            ));
        }
    };
    Ok(FileValues {
        values,
        places: Places::new(format, text.to_owned()),
    })
}

/// Reads the text of a file that is not too large.
fn text(path: &Path) -> Result<String, ConfigError> {
    let read = || {
        let mut text = String::new();
        fs::File::open(path)?
            .take(MAX_BYTES + 1)
            .read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error: std::io::Error| {
        let what = match error.kind() {
            ErrorKind::NotFound => "there is no such file: check the path, or create the file",
            ErrorKind::InvalidData => "it is not UTF-8: save it in that encoding",
            ErrorKind::IsADirectory => "it is a directory: name a file in it",
            ErrorKind::PermissionDenied => "it may not be read: check its permissions",
            _ => "the system cannot read it",
        };
        unreadable(path, what, error)
    })?;
    match u64::try_from(text.len()) {
        Ok(bytes) if bytes <= MAX_BYTES => Ok(text),
        _ => Err(ConfigError::new(
            origin(path),
            format!("it has more than {MAX_BYTES} bytes"),
        )),
    }
}

fn origin(path: &Path) -> String {
    let path = path.to_owned();
    ConfigSource::File { path, line: None }.to_string()
}

fn unreadable(path: &Path, message: &str, source: impl Into<BoxError>) -> ConfigError {
    ConfigError::new(origin(path), message).with_source(source)
}

fn parse_toml(text: &str) -> Result<Value, BoxError> {
    let table = toml::from_str(text).map_err(|error| in_one_line(text, &error))?;
    from_toml(toml::Value::Table(table))
}

/// Describes the fault of a TOML text and its place, without a picture of the place.
fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    let place = error.span().and_then(|span| Place::at(text, span.start));
    match place {
        Some(place) => format!("{place}: {message}"),
        None => message,
    }
}

fn from_toml(value: toml::Value) -> Result<Value, BoxError> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => finite(number)?,
        toml::Value::Boolean(boolean) => boolean.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(from_toml).collect::<Result<_, _>>()?,
        toml::Value::Table(table) => {
            let entries = table
                .into_iter()
                .map(|(key, value)| Ok((key, from_toml(value)?)));
            Value::Object(entries.collect::<Result<_, BoxError>>()?)
        }
    })
}

/// JSON has no value for "not a number", and `null` in its place would silently mean that nothing is set.
fn finite(number: f64) -> Result<Value, BoxError> {
    let number =
        Number::from_f64(number).ok_or_else(|| format!("{number} is not a finite number"))?;
    Ok(Value::Number(number))
}
