//! Records what is said to a model and what it answers, to play it again.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use serde_json::Value;
use victor_core::{Lock, Message, ModelId};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};

use crate::{Expect, ScriptedModel};

/// A model that passes everything on to another one, and records it.
///
/// ```
/// use victor_core::{Context, Message};
/// use victor_provider_protocol::{ChatProvider, ChatRequest};
/// use victor_testkit::{Recorder, ScriptedModel};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let recorder = Recorder::new(ScriptedModel::new().says("Four."));
/// let request = ChatRequest::new("any", Context::from_iter([Message::user("Two and two?")]));
/// let answer = recorder.chat(&request).await?;
///
/// let replay = recorder.replay();
/// assert_eq!(replay.chat(&request).await?, answer);
/// replay.assert_finished();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Recorder<P> {
    inner: P,
    tape: Arc<Tape>,
}

/// A request to a model, and its answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The request.
    pub request: ChatRequest,
    /// The error with which the call failed before its stream began.
    pub error: Option<ProviderError>,
    /// The events of the stream as far as they were read, an error among them.
    pub events: Vec<Result<CompletionEvent, ProviderError>>,
}

#[derive(Debug, Default)]
struct Tape(Lock<Vec<Exchange>>);

impl<P: ChatProvider> Recorder<P> {
    /// Records the calls of `inner`.
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            tape: Arc::default(),
        }
    }

    /// Returns the recorded exchanges in the order in which the calls began. Errors have lost the types of their
    /// sources and kept their words.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.tape.0.lock().iter().map(Exchange::copy).collect()
    }

    /// A script that plays again what was recorded until now.
    ///
    /// Its steps expect the same requests, apart from the identifiers that Victor makes anew in every run: those of
    /// messages and sessions, and idempotency keys. A stream that was dropped in the middle ends there as truncated.
    #[must_use]
    pub fn replay(&self) -> ScriptedModel {
        // The capabilities of models that nobody asked are not known.
        let first = self
            .tape
            .0
            .lock()
            .first()
            .map(|exchange| exchange.request.model_or(self.inner.name()));
        let mut script = ScriptedModel::new().named(self.inner.name());
        if let Some(model) = first {
            script = script.with_capabilities(self.inner.capabilities(&model));
        }
        self.exchanges()
            .into_iter()
            .fold(script, |script, exchange| {
                let script = script.expecting(same_request(&exchange.request));
                match exchange.error {
                    Some(error) => script.fails_with(error),
                    None => script.streams(exchange.events),
                }
            })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: ChatProvider> ChatProvider for Recorder<P> {
    victor_core::forward! {
        inner =>
        fn name(&self) -> &str;
        fn description(&self) -> String;
        fn default_model(&self) -> Option<ModelId>;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let number = self.tape.begin(request);
        match self.inner.stream_chat(request).await {
            Ok(events) => {
                let start = (events, Arc::clone(&self.tape));
                let events = stream::unfold(start, move |(mut events, tape)| async move {
                    let event = events.next().await?;
                    tape.0.lock()[number].events.push(copy_event(&event));
                    Some((event, (events, tape)))
                });
                Ok(CompletionStream::new(events))
            }
            Err(error) => Err(self.tape.fail(number, error)),
        }
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        let number = self.tape.begin(request);
        match self.inner.chat(request).await {
            Ok(completion) => {
                let event = CompletionEvent::finished(completion.clone());
                self.tape.0.lock()[number].events.push(Ok(event));
                Ok(completion)
            }
            Err(error) => Err(self.tape.fail(number, error)),
        }
    }
}

impl Tape {
    fn begin(&self, request: &ChatRequest) -> usize {
        let mut exchanges = self.0.lock();
        exchanges.push(Exchange {
            request: request.clone(),
            error: None,
            events: Vec::new(),
        });
        exchanges.len() - 1
    }

    fn fail(&self, number: usize, error: ProviderError) -> ProviderError {
        self.0.lock()[number].error = Some(copy_error(&error));
        error
    }
}

impl Exchange {
    fn copy(&self) -> Self {
        Self {
            request: self.request.clone(),
            error: self.error.as_ref().map(copy_error),
            events: self.events.iter().map(copy_event).collect(),
        }
    }
}

fn copy_event(
    event: &Result<CompletionEvent, ProviderError>,
) -> Result<CompletionEvent, ProviderError> {
    match event {
        Ok(event) => Ok(event.clone()),
        Err(error) => Err(copy_error(error)),
    }
}

fn copy_error(error: &ProviderError) -> ProviderError {
    let mut copy = ProviderError::new(error.kind.clone(), &*error.provider, &*error.message);
    copy = copy.with_overflow(error.context_window(), error.request_tokens());
    copy.status = error.status;
    copy.retry_after = error.retry_after;
    copy.usage = error.usage.clone();
    copy.source = error
        .source
        .as_ref()
        .map(|source| source.to_string().into());
    copy
}

fn same_request(request: &ChatRequest) -> Expect {
    let expected = lines_of(request);
    Expect::new("the recorded request", move |request| {
        let found = lines_of(request);
        let longest = expected.len().max(found.len());
        match (0..longest).find(|&line| expected.get(line) != found.get(line)) {
            None => Ok(()),
            Some(line) => {
                let show =
                    |lines: &[String]| lines.get(line).map_or("nothing", |line| line).to_owned();
                Err(format!(
                    "`{}` where it had `{}`",
                    show(&found),
                    show(&expected)
                ))
            }
        }
    })
}

/// A request as text, without what differs from run to run.
fn lines_of(request: &ChatRequest) -> Vec<String> {
    let mut lines = vec![
        format!("model: {}", request.model_or("")),
        format!("system: {:?}", request.system),
        format!("tool choice: {:?}", request.tool_choice),
        format!("output limit: {:?}", request.max_output_tokens),
        format!("temperature: {:?}", request.temperature),
        format!("stop sequences: {:?}", request.stop_sequences),
        format!("extra: {}", Value::from(request.extra.clone())),
    ];
    if let Some(format) = &request.response_format {
        lines.push(format!("response format: {}", serde_json::json!(format)));
    }
    lines.extend(
        request
            .tools
            .iter()
            .map(|tool| format!("tool: {}", serde_json::json!(tool))),
    );
    lines.extend(
        request
            .context
            .messages()
            .iter()
            .map(|message| message_line(message)),
    );
    lines
}

fn message_line(message: &Message) -> String {
    let mut parts = serde_json::json!(message.parts());
    for part in parts
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        part.remove("idempotency_key");
    }
    format!("{} message: {parts}", message.role())
}
