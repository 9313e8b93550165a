//! A request as it is recorded and compared.

use serde_json::{Map, Value, json};
use victor_core::{JsonMap, Message};
use victor_provider_protocol::{ChatRequest, ToolChoice};

use crate::redactor::Redactor;

/// A request without what is made anew in every run and without secrets. What has its default is left out.
pub(crate) fn normalised(request: &ChatRequest, redactor: &Redactor) -> Value {
    let messages = request.context.messages().iter();
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    if let Some(model) = &request.model {
        set("model", json!(model));
    }
    set(
        "messages",
        messages.map(|message| of_message(message)).collect(),
    );
    if let Some(system) = &request.system {
        set("system", json!(system));
    }
    if !request.tools.is_empty() {
        set("tools", json!(request.tools));
    }
    if request.tool_choice != ToolChoice::Auto {
        set("tool_choice", of_choice(&request.tool_choice));
    }
    if let Some(format) = &request.response_format {
        set("response_format", json!(format));
    }
    if let Some(limit) = request.max_output_tokens {
        set("max_output_tokens", json!(limit));
    }
    if let Some(temperature) = request.temperature {
        set("temperature", json!(temperature));
    }
    if !request.stop_sequences.is_empty() {
        set("stop_sequences", json!(request.stop_sequences));
    }
    if !request.extra.is_empty() {
        set("extra", json!(request.extra));
    }
    let mut value = as_read(Value::Object(fields));
    redactor.value(&mut value);
    value
}

fn of_message(message: &Message) -> Value {
    let mut parts = json!(message.parts());
    let objects = parts.as_array_mut().into_iter().flatten();
    for part in objects.filter_map(Value::as_object_mut) {
        part.remove("idempotency_key");
    }
    json!({"role": message.role(), "parts": parts})
}

fn of_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => JsonMap::from_iter([("named".to_owned(), json!(name))]).into(),
        other => json!(format!("{other:?}")),
    }
}

/// The value as it comes back from a file: a number may be read as its neighbour.
fn as_read(value: Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use victor_core::{Context, Part, Role, SessionId, ToolCall, ToolSpec};
    use victor_provider_protocol::ResponseFormat;

    use super::*;

    fn request(messages: impl IntoIterator<Item = Message>) -> ChatRequest {
        ChatRequest::new("m", Context::from_iter(messages))
    }

    #[test]
    fn what_is_made_anew_and_what_no_model_is_sent_is_left_out() {
        let of = |key: &str| {
            let mut call = ToolCall::new("call_1", "t", "{}");
            call.idempotency_key = key.to_owned();
            let message = Message::new(Role::Assistant, vec![Part::text("x"), call.into()]);
            let mut request =
                request([message.with_extra("mine", 1).pinned(), Message::user("hi")]);
            request.session = Some(SessionId::generate());
            normalised(&request, &Redactor::default())
        };
        assert_eq!(of("one"), of("two"));
        let expected = json!({"model": "m", "messages": [
            {"role": "assistant", "parts": [
                {"type": "text", "text": "x"},
                {"type": "tool_call", "id": "call_1", "name": "t", "arguments": "{}"},
            ]},
            {"role": "user", "parts": [{"type": "text", "text": "hi"}]},
        ]});
        assert_eq!(of("one"), expected);
    }

    #[test]
    fn all_else_is_there() {
        let mut full = request([]);
        full.system = Some("be brief".into());
        full.tools = Arc::new([ToolSpec::new("t", "d", json!({"type": "object"}))]);
        full.tool_choice = ToolChoice::Named("t".to_owned());
        full.response_format = Some(Arc::new(ResponseFormat::new("sum", json!({}))));
        full.max_output_tokens = Some(9);
        full.temperature = Some(0.1 + 0.2);
        full.stop_sequences = vec!["END".to_owned()];
        full.extra.insert("seed".to_owned(), 7.into());
        let found = normalised(&full, &Redactor::default());
        assert_eq!(found["system"], "be brief");
        assert_eq!(found["tools"][0]["name"], "t");
        assert_eq!(found["tool_choice"], json!({"named": "t"}));
        assert_eq!(found["response_format"]["name"], "sum");
        assert_eq!(found["max_output_tokens"], 9);
        assert_eq!(found["stop_sequences"], json!(["END"]));
        assert_eq!(found["extra"], json!({"seed": 7}));
        let read: Value = serde_json::from_str(&found.to_string()).unwrap();
        assert_eq!(found, read, "it is what is read back, also the temperature");
        assert!((read["temperature"].as_f64().unwrap() - 0.3).abs() < 1e-9);
        let choice = |choice| {
            let mut request = request([]);
            request.tool_choice = choice;
            let found = normalised(&request, &Redactor::default());
            found.get("tool_choice").cloned()
        };
        assert_eq!(choice(ToolChoice::Auto), None);
        assert_eq!(choice(ToolChoice::None), Some(json!("none")));
        assert_eq!(choice(ToolChoice::Required), Some(json!("required")));
    }
}
