//! Replays what a model said.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use victor_core::{Lock, ModelId, Part, Text, Thinking};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, CompletionEvent, CompletionStream, ProviderError,
    ProviderErrorKind,
};

use crate::CassetteError;
use crate::difference::Difference;
use crate::exchange::{Event, Exchange, FORMAT, Header, Mark, VERSION};
use crate::redactor::Redactor;
use crate::request::normalised;

/// A provider that answers from a cassette, strictly and in order.
///
/// A request that differs from the recorded one, and one more than was recorded, fail with
/// [`ProviderErrorKind::InvalidRequest`]. The error says where the first difference is; the exchange stays where it is,
/// so that [`remaining`](Self::remaining) and [`assert_finished`](Self::assert_finished) tell of it also when the error
/// is lost. What may differ is told in the [crate's documentation](crate).
///
/// Name, default model and capabilities are those of the recorded provider. Of models that were not asked then, nothing
/// is known. It answers at once, and fails as it was failed then: a retry loop in front of it waits as long as it is
/// told to.
///
/// # Cancel safety
///
/// A call takes its exchange when it is first polled; a dropped call or stream has used it up.
#[derive(Debug)]
pub struct CassettePlayer {
    path: PathBuf,
    header: Header,
    capabilities: BTreeMap<ModelId, Capabilities>,
    exchanges: usize,
    redactor: Redactor,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    left: VecDeque<Exchange>,
    drift: Vec<String>,
}

impl CassettePlayer {
    /// Reads a cassette.
    ///
    /// A last line that is not whole, as a crash leaves it, is passed over with a warning in the log.
    ///
    /// # Errors
    ///
    /// [`CassetteError`]: the file cannot be read, or is no cassette that this version can replay.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CassetteError> {
        let path = path.as_ref().to_owned();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(CassetteError::Read { path, source }),
        };
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let header = read_header(lines.first().copied().unwrap_or_default(), &path)?;
        let mut left: Vec<Exchange> = Vec::with_capacity(lines.len());
        for (index, &line) in lines.iter().enumerate().skip(1) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(line) {
                Ok(exchange) => left.push(exchange),
                // Lines are written with their ends, so only what was torn has none.
                Err(_) if !line.ends_with(b"\n") => {
                    tracing::warn!(
                        path = %path.display(),
                        line = index + 1,
                        "the last line is not whole and is passed over"
                    );
                }
                Err(source) => {
                    return Err(CassetteError::Malformed {
                        path,
                        line: index + 1,
                        source,
                    });
                }
            }
        }
        left.sort_by_key(|exchange| exchange.number);
        let mut capabilities = header.capabilities.clone();
        for exchange in &left {
            if let (Some(able), Some(model)) =
                (&exchange.capabilities, exchange.request["model"].as_str())
            {
                capabilities
                    .entry(model.into())
                    .or_insert_with(|| able.clone());
            }
        }
        Ok(Self {
            path,
            header,
            capabilities,
            exchanges: left.len(),
            redactor: Redactor::default(),
            state: Lock::new(State {
                left: left.into(),
                drift: Vec::new(),
            }),
        })
    }

    /// Takes this text out of requests before they are compared, as the recorder did.
    #[must_use]
    pub fn redact(mut self, text: impl AsRef<str>) -> Self {
        self.redactor.add(text.as_ref());
        self
    }

    /// The model that the next exchange was recorded with; none if there is no further one.
    #[must_use]
    pub fn next_model(&self) -> Option<ModelId> {
        let state = self.state.lock();
        let model = state.left.front()?.request["model"].as_str()?;
        Some(model.into())
    }

    /// Returns the number of exchanges that have not been asked for yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.state.lock().left.len()
    }

    /// Checks that the whole cassette was replayed, and that every request was the recorded one.
    ///
    /// # Panics
    ///
    /// Requests differed, or exchanges are left over. The message lists all of it.
    #[track_caller]
    pub fn assert_finished(&self) {
        let (mut report, left) = {
            let state = self.state.lock();
            (state.drift.clone(), state.left.len())
        };
        if left > 0 {
            report.push(format!(
                "{left} of {} exchanges were not asked for",
                self.exchanges
            ));
        }
        let path = self.path.display();
        assert!(
            report.is_empty(),
            "the cassette `{path}` was left:\n  {}",
            report.join("\n  ")
        );
    }

    /// Takes the next exchange, if the request is the recorded one.
    fn take(&self, request: &ChatRequest) -> Result<Exchange, ProviderError> {
        let found = normalised(request, &self.redactor);
        let (path, exchanges) = (self.path.display(), self.exchanges);
        let mut state = self.state.lock();
        let number = exchanges - state.left.len() + 1;
        let drift = match state.left.pop_front() {
            None => format!(
                "request {number} has no recording: the cassette `{path}` ends after {exchanges}; \
                 record it again if the program has changed"
            ),
            Some(exchange) => match Difference::first(&exchange.request, &found) {
                None => return Ok(exchange),
                Some(difference) => {
                    state.left.push_front(exchange);
                    format!(
                        "request {number} is not that of the cassette `{path}`, which {difference}; \
                         record it again if the program has changed"
                    )
                }
            },
        };
        state.drift.push(drift.clone());
        drop(state);
        Err(self.error(ProviderErrorKind::InvalidRequest, drift))
    }

    fn error(&self, kind: ProviderErrorKind, message: impl Into<String>) -> ProviderError {
        ProviderError::new(kind, &*self.header.provider, message)
    }
}

fn read_header(line: &[u8], path: &Path) -> Result<Header, CassetteError> {
    let none = || CassetteError::NotACassette {
        path: path.to_owned(),
    };
    let mark: Mark = serde_json::from_slice(line).map_err(|_| none())?;
    match mark.version {
        _ if mark.format != FORMAT => Err(none()),
        0 => Err(none()),
        1..=VERSION => serde_json::from_slice(line).map_err(|_| none()),
        found => Err(CassetteError::LaterVersion {
            path: path.to_owned(),
            found,
            readable: VERSION,
        }),
    }
}

#[async_trait]
impl ChatProvider for CassettePlayer {
    fn name(&self) -> &str {
        &self.header.provider
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let exchange = self.take(request)?;
        if let Some(failure) = exchange.error {
            return Err(failure.into_error());
        }
        let mut events = Vec::with_capacity(exchange.events.len() + 1);
        // An answer that came whole is streamed as providers that do not stream do it.
        if let [Event::Finished(completion)] = &exchange.events[..] {
            let deltas = completion.parts.iter().filter_map(|part| match part {
                Part::Text(Text { text, .. }) if !text.is_empty() => {
                    Some(CompletionEvent::TextDelta(text.clone()))
                }
                Part::Thinking(Thinking { text, .. }) if !text.is_empty() => {
                    Some(CompletionEvent::ThinkingDelta(text.clone()))
                }
                _ => None,
            });
            events.extend(deltas.map(Ok));
        }
        events.extend(exchange.events.into_iter().map(Event::into_event));
        if exchange.dropped {
            let message = "the recording ends here: the call was given up";
            events.push(Err(self.error(ProviderErrorKind::Truncated, message)));
        }
        Ok(CompletionStream::from_events(events))
    }

    fn default_model(&self) -> Option<ModelId> {
        self.header.default_model.clone()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.capabilities.get(model).cloned().unwrap_or_default()
    }
}
