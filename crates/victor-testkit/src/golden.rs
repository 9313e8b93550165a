//! Stored and sent forms, held against files.

use std::fmt::Debug;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Holds a value against its golden file, `tests/it/golden/NAME.json` in the crate whose test calls this:
///
/// - the value serializes to exactly the file, pretty-printed; with `UPDATE_GOLDEN=1` in the environment, the file is
///   written instead;
/// - the file parses back to the value;
/// - it also parses without any `version`, and a `version` that is higher than this build's is refused, wherever it
///   stands, with an error that says what to do.
///
/// `directory` is `env!("CARGO_MANIFEST_DIR")`.
///
/// # Panics
///
/// One of these does not hold.
#[track_caller]
pub fn check_golden<T>(directory: &str, name: &str, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let file = Path::new(directory).join(format!("tests/it/golden/{name}.json"));
    let found = pretty(value);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let folder = file.parent().expect("the file is in a folder");
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&file, &found))
            .unwrap_or_else(|error| panic!("{} cannot be written: {error}", file.display()));
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read: {error}; UPDATE_GOLDEN=1 writes it",
            file.display()
        )
    });
    if let Some(difference) = difference(&golden, &found) {
        panic!(
            "the form is not that of {}:\n{difference}\n\
             what was stored must stay readable; if the change is meant, UPDATE_GOLDEN=1 writes the file",
            file.display()
        );
    }
    assert_eq!(
        &read::<T>(&golden).unwrap_or_else(|error| panic!("{name} does not parse back: {error}")),
        value,
        "{name} parses back to another value",
    );
    check_versions::<T>(name, &golden);
}

/// Puts a field that nobody knows into each object of a value's stored form in turn, and checks that it is still there
/// when the form has been read and written.
///
/// `closed` names the fields whose objects can never have another field, such as a duration.
///
/// # Panics
///
/// A field was lost, or the form could not be read with it.
#[track_caller]
pub fn check_unknown_fields<T: Serialize + DeserializeOwned>(
    name: &str,
    value: &T,
    closed: &[&str],
) {
    let form = serde_json::to_value(value).expect("the value serializes");
    let mut objects = Vec::new();
    visit(&form, &mut String::new(), &mut |path, _| {
        let field = path.rsplit('/').next().unwrap_or_default();
        if !closed.contains(&field) {
            objects.push(path.to_owned());
        }
    });
    assert!(!objects.is_empty(), "{name} has no object");
    for path in objects {
        let mut later = form.clone();
        let object = later
            .pointer_mut(&path)
            .and_then(Value::as_object_mut)
            .expect("the path leads to an object");
        object.insert("from_a_later_version".into(), "kept".into());
        let again: T = serde_json::from_value(later.clone()).unwrap_or_else(|error| {
            panic!("{name} is not readable with a field at `{path}`: {error}")
        });
        let again = serde_json::to_value(&again).expect("the value serializes");
        assert_eq!(
            again, later,
            "{name} loses or changes a field that it does not know at `{path}`"
        );
    }
}

/// Checks that a form, in which something stands that this version does not know, is read and written unchanged.
///
/// # Panics
///
/// It is not.
#[track_caller]
pub fn check_survives<T: Serialize + DeserializeOwned>(form: &Value) {
    let value: T = serde_json::from_value(form.clone())
        .unwrap_or_else(|error| panic!("not readable: {error}: {form}"));
    let again = serde_json::to_value(&value).expect("the value serializes");
    assert_eq!(&again, form, "it was changed by reading and writing it");
}

/// Checks that a form cannot be read, and that the error says so in words that contain `expected`.
///
/// # Panics
///
/// It can be read, or the error says something else.
#[track_caller]
pub fn check_refused<T: DeserializeOwned + Debug>(form: &Value, expected: &str) {
    match serde_json::from_value::<T>(form.clone()) {
        Ok(value) => panic!("this should be refused with `{expected}`: {form}, and is {value:?}"),
        Err(error) => assert!(
            error.to_string().contains(expected),
            "the error should say `{expected}`: {error}"
        ),
    }
}

fn check_versions<T>(name: &str, golden: &str)
where
    T: Serialize + DeserializeOwned + Debug,
{
    let form: Value = serde_json::from_str(golden).expect("the golden file is JSON");
    let mut versioned = Vec::new();
    visit(&form, &mut String::new(), &mut |path, object| {
        if object.get("version").is_some_and(Value::is_u64) {
            versioned.push(path.to_owned());
        }
    });
    for path in versioned {
        let with = |version: Option<u64>| {
            let mut form = form.clone();
            let object = form
                .pointer_mut(&path)
                .and_then(Value::as_object_mut)
                .expect("the path leads to an object");
            match version {
                Some(version) => object.insert("version".into(), version.into()),
                None => object.remove("version"),
            };
            form
        };
        check_refused::<T>(&with(Some(1_000)), "use a later version of Victor");
        check_refused::<T>(&with(Some(0)), "format version 0 is not readable");
        let again: T = serde_json::from_value(with(None))
            .unwrap_or_else(|error| panic!("{name} needs a version at `{path}`: {error}"));
        assert_eq!(serde_json::to_value(&again).expect("it serializes"), form);
    }
}

/// Calls `visitor` with the path of every object in a value, and the object.
fn visit(value: &Value, path: &mut String, visitor: &mut dyn FnMut(&str, &Map<String, Value>)) {
    let length = path.len();
    let mut descend = |key: &str, value: &Value, path: &mut String| {
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        visit(value, path, visitor);
        path.truncate(length);
    };
    match value {
        Value::Object(object) => {
            object
                .iter()
                .for_each(|(key, value)| descend(key, value, path));
            visitor(path, object);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                descend(&index.to_string(), item, path);
            }
        }
        _ => {}
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

fn pretty<T: Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("the value serializes");
    text.push('\n');
    text
}

/// The lines from the first to the last that differ, as removed and added ones.
fn difference(golden: &str, found: &str) -> Option<String> {
    if golden == found {
        return None;
    }
    let (golden, found): (Vec<_>, Vec<_>) = (golden.lines().collect(), found.lines().collect());
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = golden.iter().zip(&found).take_while(same).count();
    let (golden, found) = (&golden[head..], &found[head..]);
    let tail = golden
        .iter()
        .rev()
        .zip(found.iter().rev())
        .take_while(same)
        .count();
    let removed = golden[..golden.len() - tail]
        .iter()
        .map(|line| format!("- {line}\n"));
    let added = found[..found.len() - tail].iter();
    let lines = removed.chain(added.map(|line| format!("+ {line}\n")));
    Some(format!(
        "from line {}:\n{}",
        head + 1,
        lines.collect::<String>()
    ))
}
