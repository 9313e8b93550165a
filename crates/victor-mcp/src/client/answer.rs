//! Lenient reading of a server's messages.
//!
//! A message that rmcp does not know as one is dropped by it, and a call would wait for its answer until its time is
//! up. So every message is put into the form that rmcp knows, and what cannot be is an error of the call that it
//! answers.

use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, DiscoverResult, ErrorCode, RequestId, ServerJsonRpcMessage,
};
use serde_json::{Map, Value, json};

use super::repair::{id_of_broken, repaired_json};
use super::result::UNKNOWN;
use victor_text::excerpt;

/// Reads the messages of a connection.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The request `server/discover` that waits for its answer.
    probe: Option<RequestId>,
    /// One that was given up. Its answer may still come, and would be taken for that of what is asked in its place.
    stale: Option<RequestId>,
}

impl Answers {
    /// Notes what is asked.
    pub(super) fn expect(&mut self, message: &ClientJsonRpcMessage) {
        if let ClientJsonRpcMessage::Request(request) = message {
            let is_probe = matches!(request.request, ClientRequest::DiscoverRequest(_));
            self.stale = self.probe.take().or(self.stale.take());
            self.probe = is_probe.then(|| request.id.clone());
        }
    }

    /// The message in a text; nothing if there is none that can be meant for us.
    pub(super) fn read(&mut self, text: &str) -> Option<ServerJsonRpcMessage> {
        let mut message = match parse(text) {
            Ok(Value::Object(message)) => message,
            Ok(_) => return None,
            Err(error) => broken(text, &error)?,
        };
        if message.contains_key("method") {
            let message = serde_json::from_value(message.into());
            return message
                .inspect_err(|error| tracing::debug!(%error, "a message is passed over"))
                .ok();
        }
        if !["id", "result", "error"]
            .iter()
            .any(|key| message.contains_key(*key))
        {
            return None;
        }
        tidy(&mut message);
        if let Some(probe) = self.probe.take() {
            tidy_probe(&mut message, &probe);
        }
        let id = message.get("id").cloned().unwrap_or_default();
        if self.stale.as_ref().is_some_and(|stale| json!(stale) == id) {
            return None;
        }
        serde_json::from_value(message.into())
            .or_else(|error| serde_json::from_value(unreadable(&id, &error.to_string())))
            .ok()
    }
}

/// The JSON in a text, also where it is not quite JSON.
fn parse(text: &str) -> serde_json::Result<Value> {
    // Some begin with a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).or_else(|error| match repaired_json(text) {
        Some(repaired) => serde_json::from_str(&repaired),
        None => Err(error),
    })
}

/// Returns the error that replaces an answer that is not JSON, if it is an answer.
fn broken(text: &str, error: &serde_json::Error) -> Option<Map<String, Value>> {
    let text = text.trim_start();
    let id = text.starts_with('{').then(|| id_of_broken(text))??;
    match unreadable(&id, &error.to_string()) {
        Value::Object(message) => Some(message),
        _ => None,
    }
}

fn unreadable(id: &Value, why: &str) -> Value {
    let message = format!("its answer cannot be read: {}", excerpt(why, 200));
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32603, "message": message } })
}

/// Makes an answer one: with a version, and with either a result or an error.
fn tidy(message: &mut Map<String, Value>) {
    message.insert("jsonrpc".into(), "2.0".into());
    let error = message.remove("error").filter(|error| !error.is_null());
    match (error, message.get_mut("result")) {
        (Some(error), _) => {
            message.remove("result");
            message.insert("error".into(), tidy_error(error));
        }
        (None, Some(Value::Object(result))) => tidy_result(result),
        (None, Some(_)) => {}
        (None, None) => {
            let nothing = json!("its answer has neither a result nor an error");
            message.insert("error".into(), tidy_error(nothing));
        }
    }
}

/// An error with a code and words, whatever there is of them.
fn tidy_error(error: Value) -> Value {
    let (code, mut said, data) = match error {
        Value::Object(mut error) => (
            error.remove("code"),
            error.remove("message").unwrap_or_default(),
            error.remove("data").unwrap_or_default(),
        ),
        said => (None, said, Value::Null),
    };
    if said.is_null() {
        said = data.clone();
    }
    let said = match said {
        Value::Null => "an error without a message".to_owned(),
        Value::String(said) => said,
        said => said.to_string(),
    };
    let code = code
        .and_then(|code| i32::try_from(code.as_i64()?).ok())
        .unwrap_or(ErrorCode::INTERNAL_ERROR.0);
    let mut tidy = json!({ "code": code, "message": said });
    if !data.is_null() {
        tidy["data"] = data;
    }
    tidy
}

/// The result of a call with nothing in its content but what is used, so that nothing optional costs the text.
fn tidy_result(result: &mut Map<String, Value>) {
    if let Some(content) = result.get_mut("content") {
        let blocks = match content.take() {
            Value::Null => Vec::new(),
            Value::Array(blocks) => blocks,
            one => vec![one],
        };
        *content = blocks.into_iter().map(tidy_block).collect();
    }
    let is_odd = |key: &str, result: &Map<String, Value>| match (key, result.get(key)) {
        (_, None) => false,
        ("isError", Some(value)) => !value.is_boolean(),
        ("_meta", Some(value)) => !value.is_object(),
        (_, Some(value)) => !value.is_string(),
    };
    if is_odd("isError", result) {
        let is_error = matches!(&result["isError"], Value::String(word) if word == "true");
        result.insert("isError".into(), is_error.into());
    }
    for key in ["_meta", "resultType"] {
        if is_odd(key, result) {
            result.remove(key);
        }
    }
}

fn tidy_block(block: Value) -> Value {
    let text = |text: String| json!({ "type": "text", "text": text });
    let unknown = || text(UNKNOWN.to_owned());
    let mut block = match block {
        Value::Object(block) => block,
        Value::String(said) => return text(said),
        Value::Null => return unknown(),
        other => return text(other.to_string()),
    };
    let mut take = |key: &str| match block.remove(key) {
        Some(Value::String(value)) => Some(value),
        Some(value) if !value.is_null() && key == "text" => Some(value.to_string()),
        _ => None,
    };
    let kind = take("type");
    let media_type = take("mimeType").or_else(|| take("mime_type"));
    match kind.as_deref() {
        None | Some("text") => take("text").map_or_else(unknown, text),
        Some(kind @ ("image" | "audio")) => match (take("data"), media_type) {
            (Some(data), media_type) => {
                json!({ "type": kind, "data": data, "mimeType": media_type.unwrap_or_default() })
            }
            _ => unknown(),
        },
        Some("resource_link") => {
            let uri = take("uri").unwrap_or_default();
            let name = take("name").unwrap_or_else(|| uri.clone());
            let mut link = json!({ "type": "resource_link", "uri": uri, "name": name });
            if let Some(description) = take("description") {
                link["description"] = description.into();
            }
            link
        }
        Some("resource") => match block.remove("resource") {
            Some(Value::Object(resource)) => tidy_resource(resource).unwrap_or_else(unknown),
            _ => unknown(),
        },
        _ => unknown(),
    }
}

fn tidy_resource(mut resource: Map<String, Value>) -> Option<Value> {
    let mut take = |key: &str| match resource.remove(key) {
        Some(Value::String(value)) => Some(value),
        _ => None,
    };
    let (key, value) = match take("text") {
        Some(text) => ("text", text),
        None => ("blob", take("blob")?),
    };
    let mut tidy = json!({ "uri": take("uri").unwrap_or_default(), key: value });
    if let Some(media_type) = take("mimeType") {
        tidy["mimeType"] = media_type.into();
    }
    Some(json!({ "type": "resource", "resource": tidy }))
}

/// Makes every odd answer to `server/discover` the one that says that the server is older than it: it is then greeted
/// in the older way. What says which revisions it speaks stays.
fn tidy_probe(message: &mut Map<String, Value>, probe: &RequestId) {
    let is_negotiation = |error: &Value| {
        error["code"] == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION.0 && error["data"].is_object()
    };
    let is_good = match (message.get("result"), message.get("error")) {
        (Some(result), _) => serde_json::from_value::<DiscoverResult>(result.clone()).is_ok(),
        (None, error) => error.is_some_and(is_negotiation),
    };
    // Nothing else has been asked yet, so whatever it names, this is what it answers.
    message.insert("id".into(), json!(probe));
    if !is_good {
        message.remove("result");
        let said = message
            .get("error")
            .and_then(|error| error["message"].as_str())
            .unwrap_or("the answer to `server/discover` is none");
        let error = json!({ "code": ErrorCode::METHOD_NOT_FOUND.0, "message": said });
        message.insert("error".into(), error);
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{DiscoverRequest, NumberOrString};

    use super::*;

    fn read(text: &str) -> Value {
        let message = Answers::default().read(text);
        message.map_or(Value::Null, |message| {
            serde_json::to_value(message).unwrap()
        })
    }

    #[test]
    fn what_is_no_message_for_us_is_passed_over() {
        for text in [
            "",
            "Welcome!",
            "{ broken",
            "[1]",
            "{}",
            "null",
            r#"{"jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","method":7}"#,
        ] {
            assert_eq!(read(text), Value::Null, "{text}");
        }
    }

    #[test]
    fn an_error_is_one_whatever_it_lacks() {
        let error = |error: &str| {
            let read = read(&format!(r#"{{"id":1,"error":{error}}}"#));
            assert_eq!(read["id"], 1);
            (
                read["error"]["code"].clone(),
                read["error"]["message"].clone(),
            )
        };
        let is = |code: i32, message: &str| (json!(code), json!(message));
        assert_eq!(error(r#"{"code":-1,"message":"m"}"#), is(-1, "m"));
        assert_eq!(
            error(r#"{"code":-32603,"message":null}"#),
            is(-32603, "an error without a message")
        );
        assert_eq!(
            error(r#"{"code":"E1","message":["m"]}"#),
            is(-32603, "[\"m\"]")
        );
        assert_eq!(error(r#"{"data":"why"}"#), is(-32603, "why"));
        assert_eq!(error(r#""no""#), is(-32603, "no"));
        assert_eq!(
            read(r#"{"id":1,"result":null,"error":{"code":2,"message":"m"}}"#)["error"]["code"],
            2
        );
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_an_error_of_its_call() {
        let error = |text: &str| {
            let read = read(text);
            let message = read["error"]["message"].as_str().unwrap_or_default();
            (read["id"].clone(), message.to_owned())
        };
        let (id, message) = error(r#"{"jsonrpc":"2.0","id":4,"result":{"content":[undefined]}}"#);
        assert_eq!(id, 4);
        assert!(
            message.starts_with("its answer cannot be read: "),
            "{message}"
        );
        let (id, message) = error(r#"{"jsonrpc":"2.0","id":5}"#);
        assert_eq!(
            (id, &*message),
            (json!(5), "its answer has neither a result nor an error")
        );
    }

    #[test]
    fn nothing_optional_costs_the_text() {
        let content = |content: &str| {
            let read = read(&format!(r#"{{"id":1,"result":{{"content":{content}}}}}"#));
            read["result"]["content"].clone()
        };
        let text = |text: &str| json!([{ "type": "text", "text": text }]);
        assert_eq!(content(r#""plain""#), text("plain"));
        assert_eq!(content(r#"{"type":"text","text":"one"}"#), text("one"));
        assert_eq!(content("null"), json!([]));
        assert_eq!(
            content(r#"[{"type":"text","text":"t","annotations":{"priority":"high"},"_meta":7}]"#),
            text("t")
        );
        assert_eq!(content(r#"[{"text":"untyped"}]"#), text("untyped"));
        assert_eq!(
            content(r#"[{"type":"text","text":{"a":1}}]"#),
            text("{\"a\":1}")
        );
        assert_eq!(content(r#"["t"]"#), text("t"));
        assert_eq!(content(r#"["name \udcff.txt"]"#), text("name \u{fffd}.txt"));
        assert_eq!(content("[NaN]"), text(UNKNOWN));
        assert_eq!(content(r#"[{"type":"hologram"}]"#), text(UNKNOWN));
        assert_eq!(
            content(r#"[{"type":"image","data":"AAAA","mimeType":"image/png","annotations":[]}]"#),
            json!([{ "type": "image", "data": "AAAA", "mimeType": "image/png" }])
        );
        assert_eq!(
            content(r#"[{"type":"resource","resource":{"text":"t","uri":5,"mimeType":null}}]"#),
            json!([{ "type": "resource", "resource": { "uri": "", "text": "t" } }])
        );
        assert_eq!(
            content(r#"[{"type":"resource_link","uri":"u:a","size":"big"}]"#),
            json!([{ "type": "resource_link", "uri": "u:a", "name": "u:a" }])
        );
        let odd = read(
            r#"{"id":1,"result":{"content":["t"],"isError":"true","_meta":[],"resultType":1}}"#,
        );
        assert_eq!(odd["result"]["isError"], true);
        assert_eq!(odd["result"]["content"], text("t"));
    }

    #[test]
    fn an_odd_answer_to_the_first_question_says_that_the_server_is_older() {
        let probe = |answer: &str| {
            let request = ClientRequest::DiscoverRequest(DiscoverRequest::default());
            let id = NumberOrString::Number(9);
            let mut answers = Answers::default();
            answers.expect(&ClientJsonRpcMessage::request(request, id));
            let answer = serde_json::to_value(answers.read(answer).unwrap()).unwrap();
            assert_eq!(answer["id"], 9, "{answer}");
            answer["error"]["code"].clone()
        };
        for answer in [
            r#"{"jsonrpc":"2.0","id":9,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":9,"result":null}"#,
            r#"{"jsonrpc":"2.0","id":9,"result":{"content":[{"type":"text","text":"no"}]}}"#,
            r#"{"jsonrpc":"2.0","id":9,"result":{"protocolVersion":"2024-11-05"}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#,
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32020,"message":"?"}}"#,
            r#"{"id":9}"#,
        ] {
            assert_eq!(probe(answer), -32601, "{answer}");
        }
        let speaks = json!({ "id": 9, "error": {
            "code": -32022, "message": "m", "data": { "supported": ["2025-06-18"], "requested": "x" },
        } });
        assert_eq!(probe(&speaks.to_string()), -32022);
        let mut late = Answers::default();
        let probe_request = ClientRequest::DiscoverRequest(DiscoverRequest::default());
        late.expect(&ClientJsonRpcMessage::request(
            probe_request,
            NumberOrString::Number(0),
        ));
        let list = ClientRequest::ListToolsRequest(Default::default());
        late.expect(&ClientJsonRpcMessage::request(
            list,
            NumberOrString::Number(1),
        ));
        assert!(
            late.read(r#"{"id":0,"error":{"code":-32601,"message":"m"}}"#)
                .is_none()
        );
        assert!(late.read(r#"{"id":1,"result":{}}"#).is_some());
        let good = json!({ "id": 9, "result": {
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {},
            "ttlMs": 0, "cacheScope": "private",
        } });
        assert_eq!(probe(&good.to_string()), Value::Null);
    }
}
