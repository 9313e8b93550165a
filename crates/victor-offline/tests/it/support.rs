//! The tools of a usual coding agent, and a conversation with the model.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{
    Context, Effect, Message, Part, Role, ToolCall, ToolOutcome, ToolResult, ToolSpec,
};
use victor_offline::OfflineModel;
use victor_provider_protocol::{ChatProvider, ChatRequest, Completion};

fn tool(
    name: &str,
    description: &str,
    effect: Effect,
    properties: &Value,
    required: &[&str],
) -> ToolSpec {
    let schema = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    ToolSpec::new(name, description, schema).with_effect(effect)
}

/// Those that change nothing.
pub(crate) fn readers() -> Vec<ToolSpec> {
    vec![
        tool(
            "read_file",
            "Read a text file of the workspace. Returns its lines; use offset and limit for long files.",
            Effect::ReadOnly,
            &json!({
                "path": {"type": "string", "description": "The file to read, relative to the root of the workspace"},
                "offset": {"type": "integer", "description": "The first line"},
                "limit": {"type": "integer", "description": "How many lines to return at most"},
            }),
            &["path"],
        ),
        tool(
            "list_directory",
            "List the files and folders in a directory of the workspace.",
            Effect::ReadOnly,
            &json!({
                "path": {"type": "string", "description": "The directory to list. Default: the root"},
                "depth": {"type": "integer"},
            }),
            &[],
        ),
        tool(
            "search_files",
            "Search the files of the workspace for text or a regular expression. Returns matching lines.",
            Effect::ReadOnly,
            &json!({
                "query": {"type": "string", "description": "What to search for: a word, or a regular expression"},
                "path": {"type": "string", "description": "The directory or file to search"},
                "glob": {"type": "string", "description": "Only files that match, for example *.rs"},
                "case_sensitive": {"type": "boolean"},
            }),
            &["query"],
        ),
    ]
}

/// All of them.
pub(crate) fn all() -> Vec<ToolSpec> {
    let text = |description: &str| json!({"type": "string", "description": description});
    let mut tools = readers();
    tools.push(tool(
        "write_file",
        "Write a file, creating it or replacing its contents.",
        Effect::Write,
        &json!({"path": text("The file to write"), "content": text("The new contents of the file")}),
        &["path", "content"],
    ));
    tools.push(tool(
        "edit_file",
        "Replace a text in a file by another.",
        Effect::Write,
        &json!({"path": text("The file"), "old_text": text("What to replace"), "new_text": text("What replaces it")}),
        &["path", "old_text", "new_text"],
    ));
    tools.push(tool(
        "delete_file",
        "Delete a file.",
        Effect::Destructive,
        &json!({"path": text("The file to delete")}),
        &["path"],
    ));
    tools.push(tool(
        "run_command",
        "Run a shell command in the workspace and return its output.",
        Effect::Destructive,
        &json!({"command": text("The command line"), "timeout": {"type": "integer"}}),
        &["command"],
    ));
    tools.push(tool(
        "get_weather",
        "Current weather of a city",
        Effect::ReadOnly,
        &json!({"city": {"type": "string"}, "units": {"enum": ["metric", "imperial"]}}),
        &["city"],
    ));
    tools
}

/// A conversation with the model.
pub(crate) struct Talk {
    pub(crate) model: OfflineModel,
    pub(crate) request: ChatRequest,
}

impl Talk {
    pub(crate) fn new(tools: Vec<ToolSpec>) -> Self {
        let mut request = ChatRequest::new(OfflineModel::MODEL, Context::default());
        request.tools = tools.into();
        Self {
            model: OfflineModel::new(),
            request,
        }
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.request.context.push(Message::user(text));
    }

    /// Asks the model, and adds its answer to the conversation.
    pub(crate) async fn ask(&mut self) -> Completion {
        let completion = self.model.chat(&self.request).await.unwrap();
        self.request
            .context
            .push(Message::new(Role::Assistant, completion.parts.clone()));
        completion
    }

    /// Adds results of calls to the conversation.
    pub(crate) fn results(
        &mut self,
        calls: &[ToolCall],
        result: impl Fn(&ToolCall) -> (ToolOutcome, String),
    ) {
        let results = calls.iter().map(|call| {
            let (outcome, text) = result(call);
            ToolResult::new(call, outcome, text)
        });
        self.request
            .context
            .push(Arc::new(Message::tool_results_of(results)));
        self.request.context.messages().validate().unwrap();
    }

    /// Says something and goes on until the model answers in words: the calls in between, and the answer.
    pub(crate) async fn turn(
        &mut self,
        text: &str,
        result: impl Fn(&ToolCall) -> (ToolOutcome, String),
    ) -> (Vec<String>, String) {
        self.say(text);
        let mut calls = Vec::new();
        for _ in 0..20 {
            let completion = self.ask().await;
            let new: Vec<ToolCall> = completion.tool_calls().cloned().collect();
            if new.is_empty() {
                return (calls, text_of(&completion));
            }
            calls.extend(
                new.iter()
                    .map(|call| format!("{} {}", call.name, call.arguments)),
            );
            self.results(&new, &result);
        }
        panic!("no end of calls: {calls:?}");
    }
}

pub(crate) fn text_of(completion: &Completion) -> String {
    let texts = completion.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    texts.collect()
}

pub(crate) fn ok(text: &str) -> (ToolOutcome, String) {
    (ToolOutcome::Success, text.to_owned())
}
