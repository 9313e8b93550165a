//! What holds for every provider.

use serde_json::{Value, json};
use victor_core::{
    Context, Message, Part, Role, SessionId, ToolCall, ToolOutcome, ToolResult, ToolSpec,
};
use victor_openai::{Dialect, OpenAiBuilder, OpenAiProvider, Server, StreamDecoder};
use victor_provider_protocol::{ChatProvider, ChatRequest};
use victor_testkit::conformance;

use crate::fake::{Fake, Reply};

const CHAT_STREAM: &str = r#"data: {"id":"1","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning":"Hm."}}]}

data: {"choices":[{"index":0,"delta":{"content":"Let me"}}]}

data: {"choices":[{"index":0,"delta":{"content":" look."}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"look","arguments":"{}"}}]}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}

data: [DONE]

"#;

const CHAT_WHOLE: &str = r#"{"id":"1","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","reasoning":"Hm.","content":"Let me look.","tool_calls":[{"id":"c","function":{"name":"look","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":7}}"#;

/// As llama.cpp sends it: without the places of the items.
const RESPONSES_STREAM: &str = r#"event: response.created
data: {"type":"response.created","response":{"id":"1","model":"m-1","status":"in_progress"}}

data: {"type":"response.output_item.added","item":{"type":"reasoning","id":"rs","summary":[]}}

data: {"type":"response.reasoning_text.delta","item_id":"rs","delta":"Hm."}

data: {"type":"response.output_item.done","item":{"type":"reasoning","id":"rs","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}],"encrypted_content":"seal"}}

data: {"type":"response.output_item.added","item":{"type":"message","id":"ms","content":[]}}

data: {"type":"response.output_text.delta","item_id":"ms","delta":"Let me"}

data: {"type":"response.something.new","item_id":4}

data: {"type":"response.output_text.delta","item_id":"ms","delta":" look."}

data: {"type":"response.output_item.done","item":{"type":"message","id":"ms","content":[{"type":"output_text","text":"Let me look."}]}}

data: {"type":"response.output_item.added","item":{"type":"function_call","call_id":"c","name":"look","arguments":""}}

data: {"type":"response.function_call_arguments.delta","item_id":"c","delta":"{}"}

data: {"type":"response.output_item.done","item":{"type":"function_call","call_id":"c","name":"look","arguments":"{}","status":"completed"}}

data: {"type":"response.completed","response":{"id":"1","model":"m-1","status":"completed","output":[],"usage":{"input_tokens":5,"output_tokens":7}}}

"#;

const RESPONSES_WHOLE: &str = r#"{"id":"1","model":"m-1","status":"completed","output":[{"type":"reasoning","id":"rs","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}],"encrypted_content":"seal"},{"type":"message","id":"ms","content":[{"type":"output_text","text":"Let me look."}]},{"type":"function_call","call_id":"c","name":"look","arguments":"{}","status":"completed"}],"usage":{"input_tokens":5,"output_tokens":7}}"#;

async fn conforms(dialect: Dialect, stream: &'static str, whole: &'static str) {
    let fake = Fake::new(move |asked| match asked.body.contains(r#""stream":true"#) {
        true => Reply::events(stream),
        false => Reply::json(whole),
    })
    .await;
    let provider = fake.provider(Server::COMPATIBLE, dialect);
    let request = ChatRequest::new("m", Context::from_iter([Message::user("hello")]));
    conformance::chat_provider(&provider, &request).await;
}

#[tokio::test]
async fn chat_completions_keep_the_laws() {
    conforms(Dialect::ChatCompletions, CHAT_STREAM, CHAT_WHOLE).await;
}

#[tokio::test]
async fn responses_keep_the_laws() {
    conforms(Dialect::Responses, RESPONSES_STREAM, RESPONSES_WHOLE).await;
}

/// A conversation that grows by a message each time, with all that there is.
fn conversation(answer: &[Part]) -> Vec<Message> {
    let call = ToolCall::new("d", "look", r#"{"at" : 1}"#);
    let result = |id: &str| {
        ToolResult::new(
            &ToolCall::new(id, "look", "{}"),
            ToolOutcome::Success,
            "seen",
        )
    };
    vec![
        Message::system("Be brief."),
        Message::user("Look."),
        Message::new(Role::Assistant, answer.to_vec()),
        Message::tool_results_of([result("c")]),
        Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
        Message::tool_results_of([result("d")]),
        Message::assistant("There is nothing."),
        Message::user("Sure?"),
    ]
}

#[tokio::test]
async fn the_bytes_of_a_request_are_the_beginning_of_the_next() {
    for (dialect, stream) in [
        (Dialect::ChatCompletions, CHAT_STREAM),
        (Dialect::Responses, RESPONSES_STREAM),
    ] {
        let fake = Fake::saying(Reply::events(stream)).await;
        let provider = fake.provider(Server::DEEPSEEK, dialect);
        let mut request = ChatRequest::new("m", Context::default());
        request.system = Some("You look.".into());
        request.tools = [ToolSpec::new("look", "Looks", json!({"type": "object"}))].into();
        request.session = Some(SessionId::new("s"));
        request.context.push(Message::user("hello"));
        let answer = provider
            .stream_chat(&request)
            .await
            .unwrap()
            .completion()
            .await
            .unwrap();

        request.context = Context::default();
        let (mut before, mut grown) = (String::new(), 0);
        for message in conversation(&answer.parts) {
            let open = message.tool_calls().next().is_some();
            request.context.push(message);
            if open {
                // A call without its result is sent by nobody.
                continue;
            }
            provider.chat(&request).await.unwrap();
            let body = fake.asked().last().unwrap().body.clone();
            let bytes = body.strip_suffix("]}").unwrap();
            assert!(bytes.starts_with(&before), "{before}\n{bytes}");
            grown += usize::from(bytes.len() > before.len());
            before = bytes.to_owned();
        }
        assert_eq!(grown, 6);
    }
}

#[tokio::test]
async fn reasoning_goes_back_byte_for_byte_with_what_it_led_to() {
    let fake = Fake::saying(Reply::events(RESPONSES_STREAM)).await;
    let provider = fake.provider(Server::COMPATIBLE, Dialect::Responses);
    let mut request = ChatRequest::new("m", Context::from_iter([Message::user("Look.")]));
    let answer = provider
        .stream_chat(&request)
        .await
        .unwrap()
        .completion()
        .await
        .unwrap();
    request.context = Context::from_iter(conversation(&answer.parts));
    provider
        .stream_chat(&request)
        .await
        .unwrap()
        .completion()
        .await
        .unwrap();
    let body = fake.asked().last().unwrap().body.clone();

    let item = r#"{"type":"reasoning","id":"rs","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}],"encrypted_content":"seal"}"#;
    assert!(body.contains(item), "{body}");
    let input = &serde_json::from_str::<Value>(&body).unwrap()["input"];
    assert_eq!(input[2]["id"], "ms");
    assert_eq!(input[2]["content"][0]["text"], "Let me look.");
    assert_eq!(
        (&input[3]["type"], &input[3]["call_id"]),
        (&json!("function_call"), &json!("c"))
    );
    assert_eq!(
        input[4],
        json!({"type": "function_call_output", "call_id": "c", "output": "seen"})
    );

    // A provider of another name is sent none of it, and no name of an item either.
    let other = fake
        .builder(Server::COMPATIBLE, Dialect::Responses)
        .name("other")
        .build()
        .unwrap();
    other
        .stream_chat(&request)
        .await
        .unwrap()
        .completion()
        .await
        .unwrap();
    let body = fake.asked().last().unwrap().body.clone();
    assert!(
        !body.contains("seal") && !body.contains(r#""ms""#) && body.contains("Let me look."),
        "{body}"
    );
}

#[test]
fn providers_may_be_shared() {
    fn shared<T: Send + Sync + std::fmt::Debug + 'static>() {}
    shared::<OpenAiProvider>();
    shared::<OpenAiBuilder>();
    shared::<StreamDecoder>();
}
