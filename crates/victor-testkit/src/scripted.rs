//! A model that answers by a script.

use std::collections::VecDeque;
use std::sync::MutexGuard;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use victor_core::{Lock, ModelId, Part, Thinking, ToolCall, Usage};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError, ProviderErrorKind,
};

use crate::Expect;

/// A model that answers by a script, strictly and in order.
///
/// Every answering method ([`says`](Self::says), [`calls`](Self::calls), ...) adds a step, and every call of the model
/// takes the next one. [`expecting`](Self::expecting) and [`after`](Self::after) stand before the step that they
/// concern. A request that does not fit its step, and one more request than there are steps, fail with
/// [`ProviderErrorKind::InvalidRequest`] and are remembered: [`assert_finished`](Self::assert_finished) at the end of
/// a test reports them, and steps that were left over.
///
/// Text comes word by word. Tool calls are named `call_1`, `call_2`, ... through the whole script. The usage is one
/// token for each message of the request, and one for each word and each tool call of the answer.
///
/// # Cancel safety
///
/// A call takes its step when it is first polled; a dropped call or stream has used it up.
///
/// ```
/// use serde_json::json;
/// use victor_core::{Context, Message};
/// use victor_provider_protocol::{ChatProvider, ChatRequest};
/// use victor_testkit::{Expect, ScriptedModel};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let model = ScriptedModel::new()
///     .calls("read_file", json!({"path": "notes.txt"}))
///     .expecting(Expect::user_text_contains("notes"))
///     .says("There are two notes");
///
/// let request = ChatRequest::new("any", Context::from_iter([Message::user("Read my notes")]));
/// let asked = model.chat(&request).await?;
/// assert_eq!(asked.tool_calls().next().unwrap().name, "read_file");
/// model.chat(&request).await?;
/// model.assert_finished();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ScriptedModel {
    name: String,
    capabilities: Capabilities,
    /// Prelude of the next step.
    next: Prelude,
    calls: usize,
    steps: usize,
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    steps: VecDeque<Step>,
    requests: Vec<ChatRequest>,
    drift: Vec<String>,
}

#[derive(Debug)]
struct Step {
    prelude: Prelude,
    answer: Answer,
}

#[derive(Debug, Default)]
struct Prelude {
    expect: Vec<Expect>,
    delay: Duration,
}

#[derive(Debug)]
enum Answer {
    Parts(Vec<Part>),
    Completion(Box<Completion>),
    Events(Vec<Result<CompletionEvent, ProviderError>>),
    Error(ProviderError),
}

impl Default for ScriptedModel {
    /// A model with an empty script: no request fits it.
    fn default() -> Self {
        let mut capabilities = Capabilities::default();
        capabilities.tools = true;
        capabilities.images = true;
        capabilities.documents = true;
        capabilities.thinking = true;
        Self {
            name: "scripted".to_owned(),
            capabilities,
            next: Prelude::default(),
            calls: 0,
            steps: 0,
            state: Lock::default(),
        }
    }
}

impl ScriptedModel {
    /// A model with an empty script, named `scripted`, which can do everything but structured output.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same model under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same model with other abilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The next step expects this of its request, beside what it is already to expect.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Self {
        self.next.expect.push(expect);
        self
    }

    /// The next step waits so long before it answers, by the clock of tokio.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.next.delay += delay;
        self
    }

    /// Answers with text.
    #[must_use]
    pub fn says(self, text: impl Into<String>) -> Self {
        let parts = vec![Part::text(text)];
        self.step(Answer::Parts(parts))
    }

    /// Thinks, and then answers with text.
    #[must_use]
    pub fn thinks(self, thoughts: impl Into<String>, text: impl Into<String>) -> Self {
        let thinking = Thinking::new(thoughts);
        self.step(Answer::Parts(vec![thinking.into(), Part::text(text)]))
    }

    /// Calls a tool.
    #[must_use]
    pub fn calls(self, name: &str, arguments: Value) -> Self {
        self.calls_all([(name, arguments)])
    }

    /// Calls several tools at once.
    #[must_use]
    pub fn calls_all<'a>(self, calls: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        self.says_and_calls("", calls)
    }

    /// Says something, and calls tools.
    #[must_use]
    pub fn says_and_calls<'a>(
        mut self,
        text: &str,
        calls: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Self {
        let mut parts = Vec::new();
        if !text.is_empty() {
            parts.push(Part::text(text));
        }
        for (name, arguments) in calls {
            self.calls += 1;
            parts.push(
                ToolCall::new(format!("call_{}", self.calls), name, arguments.to_string()).into(),
            );
        }
        self.step(Answer::Parts(parts))
    }

    /// Answers with this completion, and the deltas that follow from it.
    #[must_use]
    pub fn completes(self, completion: Completion) -> Self {
        self.step(Answer::Completion(Box::new(completion)))
    }

    /// Answers with exactly these events.
    #[must_use]
    pub fn streams(
        self,
        events: impl IntoIterator<Item = Result<CompletionEvent, ProviderError>>,
    ) -> Self {
        self.step(Answer::Events(events.into_iter().collect()))
    }

    /// Fails before the first event, with an error of this class.
    #[must_use]
    pub fn fails(self, kind: ProviderErrorKind) -> Self {
        let error = ProviderError::new(kind, self.name.clone(), "scripted failure");
        self.fails_with(error)
    }

    /// Fails before the first event, with this error.
    #[must_use]
    pub fn fails_with(self, error: ProviderError) -> Self {
        self.step(Answer::Error(error))
    }

    /// Every request that was made, also those that did not fit, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.state().requests.clone()
    }

    /// Checks that the whole script was played, and that every request fitted it.
    ///
    /// # Panics
    ///
    /// Requests did not fit, steps are left over, or an expectation or a delay stands before no step. The message
    /// lists all of it.
    #[track_caller]
    pub fn assert_finished(&self) {
        let (mut report, left) = {
            let state = self.state();
            (state.drift.clone(), state.steps.len())
        };
        if left > 0 {
            let steps = self.steps;
            report.push(format!("{left} of {steps} steps were not asked for"));
        }
        if !self.next.expect.is_empty() || !self.next.delay.is_zero() {
            report.push(
                "the script ends with an expectation or a delay that no step follows".to_owned(),
            );
        }
        assert!(
            report.is_empty(),
            "{} left its script:\n  {}",
            self.name,
            report.join("\n  ")
        );
    }

    fn step(mut self, answer: Answer) -> Self {
        let prelude = std::mem::take(&mut self.next);
        self.steps += 1;
        self.state().steps.push_back(Step { prelude, answer });
        self
    }

    /// Takes the next step, if the request fits it.
    fn take(&self, request: &ChatRequest) -> Result<Step, ProviderError> {
        let mut state = self.state();
        state.requests.push(request.clone());
        let (number, steps) = (state.requests.len(), self.steps);
        let drift = match state.steps.pop_front() {
            None => format!("request {number} has no step: the script has {steps}"),
            Some(step) => match step
                .prelude
                .expect
                .iter()
                .find_map(|expect| expect.check(request).err())
            {
                None => return Ok(step),
                Some(drift) => format!("step {number} of {steps}: {drift}"),
            },
        };
        state.drift.push(drift.clone());
        Err(ProviderError::new(
            ProviderErrorKind::InvalidRequest,
            &*self.name,
            drift,
        ))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Only an expectation of the test's own can panic under the lock, and it leaves the state whole.
        self.state.lock()
    }
}

#[async_trait]
impl ChatProvider for ScriptedModel {
    fn name(&self) -> &str {
        &self.name
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let step = self.take(request)?;
        if !step.prelude.delay.is_zero() {
            tokio::time::sleep(step.prelude.delay).await;
        }
        let events = match step.answer {
            Answer::Error(error) => return Err(error),
            Answer::Events(events) => events,
            Answer::Completion(completion) => events_of(*completion),
            Answer::Parts(parts) => {
                let usage = usage_of(request, &parts);
                events_of(Completion::new(request.model_or(&*self.name), parts, usage))
            }
        };
        Ok(CompletionStream::from_events(events))
    }

    /// The name of the provider: every model is played by the script.
    fn default_model(&self) -> Option<ModelId> {
        Some(ModelId::new(&*self.name))
    }

    fn capabilities(&self, _model: &ModelId) -> Capabilities {
        self.capabilities.clone()
    }
}

/// A completion as it comes over a stream: thoughts and text word by word, then the whole.
fn events_of(completion: Completion) -> Vec<Result<CompletionEvent, ProviderError>> {
    let mut events = Vec::new();
    for part in &completion.parts {
        let (text, delta): (&str, fn(String) -> CompletionEvent) = match part {
            Part::Text(text) => (&text.text, CompletionEvent::TextDelta),
            Part::Thinking(thinking) => (&thinking.text, CompletionEvent::ThinkingDelta),
            _ => continue,
        };
        events.extend(
            text.split_inclusive(' ')
                .map(|word| Ok(delta(word.to_owned()))),
        );
    }
    events.push(Ok(CompletionEvent::finished(completion)));
    events
}

fn usage_of(request: &ChatRequest, parts: &[Part]) -> Usage {
    let words = |text: &str| text.split_whitespace().count() as u64;
    let mut usage = Usage::new(request.context.messages().len() as u64, 0);
    for part in parts {
        match part {
            Part::Text(text) => usage.output += words(&text.text),
            Part::Thinking(thinking) => {
                usage.output += words(&thinking.text);
                usage.reasoning += words(&thinking.text);
            }
            _ => usage.output += 1,
        }
    }
    usage
}
