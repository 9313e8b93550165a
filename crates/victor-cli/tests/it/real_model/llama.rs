//! A real `llama-server` with a small language model, for one test.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use victor_anthropic::AnthropicProvider;
use victor_openai::{Dialect, OpenAiProvider, Server};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::Settings;
use victor_orchestrator::provider::ChatProvider;

use crate::peer::{folder, free_port};

/// The window of the server, in tokens: a few turns fill it.
const WINDOW: &str = "1024";

/// The chat template of models that accept nothing but users and assistants who take turns, as those of Mistral and
/// Gemma do.
pub(crate) const STRICT: &str = "\
{%- set offset = 1 if messages[0]['role'] == 'system' else 0 -%}
{%- for message in messages[offset:] -%}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') -}}
{%- endif -%}
<|im_start|>{{ message['role'] }}
{% if loop.first and offset %}{{ messages[0]['content'] }}

{% endif %}{{ message['content'] }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}";

/// A chat template with a form for tools, their calls and their results.
pub(crate) const TOOLS: &str = "\
{%- if tools -%}
<|im_start|>system
{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}
{% endif %}These functions may be called:
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif -%}
{%- for message in messages -%}
{%- if message['role'] == 'tool' -%}
<|im_start|>user
Result: {{ message['content'] }}<|im_end|>
{% elif message['role'] != 'system' -%}
<|im_start|>{{ message['role'] }}
{{ message['content'] or '' }}{% for call in message['tool_calls'] or [] %}
<tool_call>
{\"name\": \"{{ call['function']['name'] }}\", \"arguments\": {{ call['function']['arguments'] | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}";

/// The three dialects in which the server is spoken to.
pub(crate) const DIALECTS: [&str; 3] = ["chat completions", "responses", "messages"];

/// A running server. One runs at a time: two would share the processor and double every wait.
pub(crate) struct Llama {
    folder: OsString,
    template: Option<&'static str>,
    port: u16,
    child: Child,
    _turn: MutexGuard<'static, ()>,
}

impl Llama {
    /// Starts a server; none where the packages are absent, which is said, and fails where `CI` is set.
    pub(crate) fn start(template: Option<&'static str>) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let folder = folder("VICTOR_LLAMA", "a real model")?;
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let child = serve(&folder, port, template);
        Some(Self {
            folder,
            template,
            port,
            child,
            _turn: turn,
        })
    }

    /// Kills the server without a warning.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts the server again at the same address.
    pub(crate) fn restart(&mut self) {
        self.child = serve(&self.folder, self.port, self.template);
    }

    /// A provider that speaks one of [`DIALECTS`] with the server.
    pub(crate) fn provider(&self, dialect: &str) -> Arc<dyn ChatProvider> {
        let url = format!("http://127.0.0.1:{}", self.port);
        if dialect == "messages" {
            let provider = AnthropicProvider::builder().base_url(url);
            return Arc::new(provider.api_key("none").default_model("m").build().unwrap());
        }
        let dialect = match dialect {
            "responses" => Dialect::Responses,
            _ => Dialect::ChatCompletions,
        };
        let provider = OpenAiProvider::builder().server(Server::LLAMA_CPP);
        let provider = provider.base_url(format!("{url}/v1")).dialect(dialect);
        Arc::new(provider.default_model("m").build().unwrap())
    }

    /// An orchestrator over the server that was told nothing of its window, with answers of so many tokens.
    pub(crate) fn orchestrator(&self, dialect: &str, longest_answer: u32) -> AgentOrchestrator {
        AgentOrchestrator::builder()
            .provider(self.provider(dialect))
            .settings(
                Settings::default()
                    .with_max_output_tokens(Some(longest_answer))
                    .with_temperature(Some(0.0)),
            )
            .build()
            .unwrap()
    }
}

impl Drop for Llama {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(folder: &OsString, port: u16, template: Option<&str>) -> Child {
    let mut child = Command::new("python3")
        .args(["-c", include_str!("serve.py")])
        .arg(folder)
        .args([&port.to_string(), WINDOW])
        .args(template)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while !line.starts_with("http") {
        line.clear();
        let read = stdout.read_line(&mut line).unwrap();
        assert!(read > 0, "llama-server ended before it listened");
    }
    child
}
