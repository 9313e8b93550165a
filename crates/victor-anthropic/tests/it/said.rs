//! What answers say, worked out from recordings in the simplest way.

use serde_json::Value;
use victor_core::Part;
use victor_provider_protocol::Completion;

use crate::cassettes::data;

/// What an answer says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) thoughts: String,
    pub(crate) seals: Vec<String>,
    pub(crate) calls: Vec<(String, String, Value)>,
    pub(crate) opaque: Vec<Value>,
    pub(crate) stop: String,
    pub(crate) usage: [u64; 4],
}

pub(crate) fn said(completion: &Completion) -> Said {
    let usage = &completion.usage;
    let mut said = Said {
        stop: completion.stop_reason.as_str().to_owned(),
        usage: [
            usage.input,
            usage.output,
            usage.cache_read,
            usage.cache_write,
        ],
        ..Said::default()
    };
    for part in &completion.parts {
        match part {
            Part::Text(text) => said.text += &text.text,
            Part::Thinking(thinking) => {
                said.thoughts += &thinking.text;
                said.seals.extend(thinking.signature.clone());
            }
            Part::ToolCall(call) => {
                let arguments = Value::Object(call.parse_arguments().unwrap());
                said.calls
                    .push((call.id.to_string(), call.name.clone(), arguments));
            }
            Part::Opaque(opaque) => said
                .opaque
                .push(serde_json::from_str(&opaque.data).unwrap()),
            other => panic!("{other:?}"),
        }
    }
    said
}

fn usage_of(usage: &Value) -> [u64; 4] {
    [
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    ]
    .map(|count| usage[count].as_u64().unwrap_or(0))
}

pub(crate) fn said_whole(body: &Value) -> Said {
    let mut said = Said {
        stop: body["stop_reason"].as_str().unwrap().to_owned(),
        usage: usage_of(&body["usage"]),
        ..Said::default()
    };
    let text = |block: &Value, field: &str| block[field].as_str().unwrap().to_owned();
    for block in body["content"].as_array().unwrap() {
        match block["type"].as_str().unwrap() {
            "text" => said.text += &text(block, "text"),
            "thinking" => {
                said.thoughts += &text(block, "thinking");
                said.seals.push(text(block, "signature"));
            }
            "tool_use" => said.calls.push((
                text(block, "id"),
                text(block, "name"),
                block["input"].clone(),
            )),
            _ => said.opaque.push(block.clone()),
        }
    }
    said
}

/// Puts the message together from its events and reads that.
pub(crate) fn said_streamed(events: &str) -> Said {
    let mut message = Value::Null;
    let mut inputs: Vec<String> = Vec::new();
    for event in data(events) {
        let index = usize::try_from(event["index"].as_u64().unwrap_or(0)).unwrap();
        let delta = &event["delta"];
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                message["content"]
                    .as_array_mut()
                    .unwrap()
                    .push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                for (field, value) in delta
                    .as_object()
                    .unwrap()
                    .iter()
                    .filter(|(field, _)| *field != "type")
                {
                    let more = value.as_str().unwrap();
                    if field == "partial_json" {
                        inputs[index] += more;
                    } else {
                        let slot = &mut message["content"][index][field];
                        *slot = (slot.as_str().unwrap_or_default().to_owned() + more).into();
                    }
                }
            }
            "content_block_stop" if !inputs[index].is_empty() => {
                message["content"][index]["input"] = serde_json::from_str(&inputs[index]).unwrap();
            }
            "message_delta" => {
                message["stop_reason"] = delta["stop_reason"].clone();
                for (count, value) in event["usage"].as_object().unwrap() {
                    message["usage"][count] = value.clone();
                }
            }
            _ => {}
        }
    }
    said_whole(&message)
}
