//! Forms from outside: the schema that a model is shown, and what is made of its answers.

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use victor_structured_output::OutputForm;
use victor_structured_output::chat::CheckOutput;

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct City {
    name: String,
    #[schemars(range(min = 1))]
    population: u64,
    river: Option<String>,
}

/// A type that refers to itself, which no strict schema can.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Tree {
    children: Vec<Tree>,
}

/// A type whose own code panics.
#[derive(Debug, PartialEq, JsonSchema)]
struct Panics {}

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("out of ink")
    }
}

/// A type that demands what its schema does not say.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Even(u32);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if number % 2 == 1 {
            return Err(D::Error::custom(format!("{number} is odd")));
        }
        Ok(Self(number))
    }
}

#[track_caller]
fn reads<T>(answer: &str, expected: &T)
where
    T: JsonSchema + for<'de> Deserialize<'de> + PartialEq + Debug,
{
    let form = OutputForm::<T>::new("final_answer");
    assert_eq!(form.read(answer).as_ref(), Ok(expected), "{answer}");
    assert_eq!(form.check(answer), Ok(()));
}

#[track_caller]
fn refuses<T>(answer: &str, expected: &str)
where
    T: JsonSchema + for<'de> Deserialize<'de> + PartialEq + Debug,
{
    let form = OutputForm::<T>::new("final_answer");
    assert_eq!(form.read(answer), Err(expected.to_owned()), "{answer}");
    assert_eq!(form.check(answer), Err(expected.to_owned()));
}

#[track_caller]
fn shows<T: JsonSchema>(strict: bool, expected: &Value) {
    let form = OutputForm::<T>::new("final_answer");
    let format = &form.contract().format;
    assert_eq!((&*format.name, format.strict), ("final_answer", strict));
    assert_eq!(&format.schema, expected);
}

#[test]
fn a_model_is_shown_the_strict_schema_where_there_is_one() {
    shows::<City>(
        true,
        &json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "population": {"type": "integer", "description": "{\"format\":\"uint64\",\"minimum\":1}"},
                "river": {"type": ["string", "null"]},
            },
            "required": ["name", "population", "river"],
            "additionalProperties": false,
        }),
    );
    let form = OutputForm::<Tree>::new("tree");
    assert!(!form.contract().format.strict);
    assert!(form.contract().format.schema["properties"]["children"].is_object());
}

#[test]
fn a_value_that_is_no_object_is_wrapped_and_also_read_bare() {
    let strings = json!({"type": "array", "items": {"type": "string"}});
    shows::<Vec<String>>(
        true,
        &json!({
            "type": "object",
            "properties": {"value": strings},
            "required": ["value"],
            "additionalProperties": false,
        }),
    );
    let expected = vec!["a".to_owned(), "b".to_owned()];
    reads(r#"{"value": ["a", "b"]}"#, &expected);
    reads(r#"["a", "b"]"#, &expected);
    reads("7", &7);
    refuses::<u8>(
        "\"seven\"",
        "at /value, the value is not of type \"integer\"",
    );
}

#[test]
fn answers_become_values_or_say_what_is_wrong() {
    let city = |river: Option<&str>| City {
        name: "Rome".into(),
        population: 2_700_000,
        river: river.map(str::to_owned),
    };
    reads(r#"{"name": "Rome", "population": 2700000}"#, &city(None));
    reads(
        r#"{"name": "Rome", "population": 2700000, "river": "Tiber"}"#,
        &city(Some("Tiber")),
    );
    reads(
        r#"{"children": [{"children": []}]}"#,
        &Tree {
            children: vec![Tree { children: vec![] }],
        },
    );
    refuses::<City>("Rome", "it is not JSON (expected value at line 1 column 1)");
    refuses::<City>(
        r#"{"name": 5, "population": 0}"#,
        "at /name, the value is not of type \"string\"; at /population, the value is less than the minimum of 1",
    );
    refuses::<Vec<u8>>(
        r#"["a", "b", "c", "d", "e", "f"]"#,
        &["0", "1", "2", "3", "4"]
            .map(|place| format!("at /value/{place}, the value is not of type \"integer\""))
            .join("; "),
    );
}

#[test]
fn the_code_of_the_type_decides_last_and_may_panic() {
    reads("4", &Even(4));
    refuses::<Even>("3", "3 is odd");
    refuses::<Panics>("{}", "it could not be read (panicked: out of ink)");
}
