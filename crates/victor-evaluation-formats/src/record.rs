//! Cases in JSON: ours, and those of inspect-ai.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use victor_evaluation_protocol::{CaseTurn, EvalCase};

/// A sample of [inspect-ai](https://inspect.aisi.org.uk/datasets.html). Fields beside these are passed over, as there.
#[derive(Deserialize)]
struct Sample {
    input: Input,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    metadata: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    choices: Option<Vec<String>>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Messages(Vec<SampleMessage>),
}

#[derive(Deserialize)]
struct SampleMessage {
    role: String,
    content: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Target {
    One(String),
    Many(Vec<String>),
}

/// Reads a case, in our form or that of inspect. One without a name is named by its place.
pub(crate) fn case_of(mut value: Value, place: &str) -> Result<EvalCase, String> {
    let Some(fields) = value.as_object_mut() else {
        return Err("expected an object with `input` or `turns`".to_owned());
    };
    if fields.contains_key("turns") {
        fields.entry("id").or_insert_with(|| place.into());
        return serde_json::from_value(value).map_err(|error| error.to_string());
    }
    if !fields.contains_key("input") {
        return Err("it has neither `input` nor `turns`".to_owned());
    }
    let sample: Sample = serde_json::from_value(value).map_err(|error| error.to_string())?;
    sample.into_case(place)
}

impl Sample {
    fn into_case(self, place: &str) -> Result<EvalCase, String> {
        let turns = match self.input {
            Input::Text(text) => vec![CaseTurn::new(with_choices(text, self.choices.as_deref()))],
            Input::Messages(messages) => user_turns(messages)?,
        };
        let id = match self.id {
            None | Some(Value::Null) => place.to_owned(),
            Some(Value::String(id)) => id,
            Some(id) => id.to_string(),
        };
        let mut case = EvalCase::new(id, "");
        case.turns = turns;
        case.expected.text = match self.target {
            None => Vec::new(),
            Some(Target::One(text)) if text.is_empty() => Vec::new(),
            Some(Target::One(text)) => vec![text],
            Some(Target::Many(texts)) => texts,
        };
        (case.group, case.tags, case.files) = (self.group, self.tags, self.files);
        case.metadata = self.metadata.unwrap_or_default();
        Ok(case)
    }
}

/// The messages of the user. What the assistant said is the agent's to say.
fn user_turns(messages: Vec<SampleMessage>) -> Result<Vec<CaseTurn>, String> {
    match messages.iter().find(|message| message.role != "user") {
        Some(other) => Err(format!(
            "a message of the {} cannot be sent: only those of the user can, and the agent says the others itself",
            other.role
        )),
        None if messages.is_empty() => Err("it has no message".to_owned()),
        None => Ok(messages
            .into_iter()
            .map(|message| CaseTurn::new(message.content))
            .collect()),
    }
}

/// A question with its choices by letter, as inspect's `multiple_choice` asks it.
fn with_choices(mut text: String, choices: Option<&[String]>) -> String {
    for (letter, choice) in ('A'..='Z').zip(choices.unwrap_or_default()) {
        text += &format!("\n{letter}) {choice}");
    }
    text
}
