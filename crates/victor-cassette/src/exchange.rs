//! The lines of a cassette.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::{ModelId, Part, Usage};
use victor_provider_protocol::{
    Capabilities, Completion, CompletionEvent, ProviderError, ProviderErrorKind, RetryNotice,
};

use crate::redactor::Redactor;

/// Name of the format in the first line.
pub(crate) const FORMAT: &str = "victor-cassette";
/// The version of the format that is written, and the latest that can be read.
pub(crate) const VERSION: u32 = 1;

/// The beginning of the first line in every version.
#[derive(Debug, Deserialize)]
pub(crate) struct Mark {
    pub(crate) format: String,
    pub(crate) version: u32,
}

/// The first line: whose answers these are.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) format: String,
    pub(crate) version: u32,
    pub(crate) created_by: String,
    pub(crate) provider: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_model: Option<ModelId>,
    /// Capabilities of the default model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) capabilities: BTreeMap<ModelId, Capabilities>,
}

/// Every further line: what was asked, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// In which place its call began, from 1. The lines are in the order in which the calls ended.
    pub(crate) number: u64,
    pub(crate) request: Value,
    /// Capabilities of the model, in the first line about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) capabilities: Option<Capabilities>,
    /// Events of the stream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<Event>,
    /// With what the call failed before there was a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Failure>,
    /// Whether it was dropped before it ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dropped: bool,
}

/// An event of a stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    Text(String),
    Thinking(String),
    Working,
    Retrying(RetryNotice),
    Finished(Box<Completion>),
    Error(Failure),
}

/// An error as far as it can be written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Failure {
    kind: ProviderErrorKind,
    provider: Box<str>,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Exchange {
    /// The line that is written, without secrets. The request has none any more.
    pub(crate) fn line(&mut self, redactor: &Redactor) -> Result<Vec<u8>, serde_json::Error> {
        self.redact_pieces(redactor);
        for event in &mut self.events {
            if let Event::Finished(completion) = event
                && completion.id.is_some()
            {
                completion.id = Some(format!("response-{}", self.number));
            }
        }
        let mut line = serde_json::to_value(&*self)?;
        if let Some(error) = line.get_mut("error") {
            redactor.value(error);
        }
        let events = line.get_mut("events").and_then(Value::as_array_mut);
        for event in events.into_iter().flatten() {
            // Those of the pieces would be wrong, which may begin in the middle of a word.
            if event.get("text").or(event.get("thinking")).is_none() {
                redactor.value(event);
            }
        }
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        Ok(line)
    }

    fn redact_pieces(&mut self, redactor: &Redactor) {
        let (mut texts, mut thoughts) = (Vec::new(), Vec::new());
        let (mut text_parts, mut thought_parts) = (Vec::new(), Vec::new());
        for event in &mut self.events {
            match event {
                Event::Text(text) => texts.push(text),
                Event::Thinking(text) => thoughts.push(text),
                Event::Finished(completion) => {
                    for part in &completion.parts {
                        match part {
                            Part::Text(text) => text_parts.push(&*text.text),
                            Part::Thinking(thinking) => thought_parts.push(&*thinking.text),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        redactor.pieces(&mut texts, &text_parts);
        redactor.pieces(&mut thoughts, &thought_parts);
    }
}

impl Event {
    /// Returns the record of an event; none for a kind that this version does not know.
    pub(crate) fn of(event: &Result<CompletionEvent, ProviderError>) -> Option<Self> {
        Some(match event {
            Ok(CompletionEvent::TextDelta(text)) => Self::Text(text.clone()),
            Ok(CompletionEvent::ThinkingDelta(text)) => Self::Thinking(text.clone()),
            Ok(CompletionEvent::Working) => Self::Working,
            Ok(CompletionEvent::Retrying(notice)) => Self::Retrying(notice.clone()),
            Ok(CompletionEvent::Finished(completion)) => Self::Finished(completion.clone()),
            Ok(_) => return None,
            Err(error) => Self::Error(Failure::of(error)),
        })
    }

    pub(crate) fn into_event(self) -> Result<CompletionEvent, ProviderError> {
        Ok(match self {
            Self::Text(text) => CompletionEvent::TextDelta(text),
            Self::Thinking(text) => CompletionEvent::ThinkingDelta(text),
            Self::Working => CompletionEvent::Working,
            Self::Retrying(notice) => CompletionEvent::Retrying(notice),
            Self::Finished(completion) => CompletionEvent::Finished(completion),
            Self::Error(failure) => return Err(failure.into_error()),
        })
    }
}

impl Failure {
    pub(crate) fn of(error: &ProviderError) -> Self {
        let millis = |delay: Duration| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        Self {
            kind: error.kind.clone(),
            provider: error.provider.clone(),
            message: error.message.clone(),
            status: error.status,
            retry_after_ms: error.retry_after.map(millis),
            usage: (*error.usage != Usage::default()).then(|| (*error.usage).clone()),
            context_window: error.context_window(),
            request_tokens: error.request_tokens(),
            source: error.source.as_ref().map(ToString::to_string),
        }
    }

    pub(crate) fn into_error(self) -> ProviderError {
        let mut error = ProviderError::new(self.kind, self.provider, self.message)
            .with_overflow(self.context_window, self.request_tokens);
        error.status = self.status;
        error.retry_after = self.retry_after_ms.map(Duration::from_millis);
        error.usage = Box::new(self.usage.unwrap_or_default());
        error.source = self.source.map(Into::into);
        error
    }
}
