//! Faults of models.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use victor_core::ModelId;
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionStream, ProviderError,
    ProviderErrorKind,
};

use super::{Faulty, INJECTED};

/// Fault in a call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelFault {
    /// It fails before the first event, with an error of this class. The wrapped model is not asked.
    Error(ProviderErrorKind),
    /// It panics before the first event. The wrapped model is not asked.
    Panic,
    /// It never answers. The wrapped model is not asked.
    Hang,
    /// It takes its time, by the clock of tokio.
    Slow {
        /// Delay of the first event.
        first: Duration,
        /// Delay of every other event.
        between: Duration,
    },
    /// Its stream ends after so many events.
    Truncate(usize),
    /// Its stream fails after so many events, with an error of this class.
    ErrorAfter(usize, ProviderErrorKind),
    /// Its stream panics after so many events.
    PanicAfter(usize),
    /// Its stream never goes on after so many events.
    HangAfter(usize),
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: ChatProvider> ChatProvider for Faulty<T, ModelFault> {
    victor_core::forward! {
        inner =>
        fn name(&self) -> &str;
        fn description(&self) -> String;
        fn default_model(&self) -> Option<ModelId>;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        match self.strike() {
            Some(fault) => fault.stream(&self.inner, request).await,
            None => self.inner.stream_chat(request).await,
        }
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        match self.strike() {
            Some(fault) => fault.stream(&self.inner, request).await?.completion().await,
            None => self.inner.chat(request).await,
        }
    }
}

impl ModelFault {
    async fn stream(
        &self,
        inner: &impl ChatProvider,
        request: &ChatRequest,
    ) -> Result<CompletionStream, ProviderError> {
        match self {
            Self::Error(kind) => {
                return Err(ProviderError::new(kind.clone(), inner.name(), INJECTED));
            }
            Self::Panic => panic!("{INJECTED}"),
            Self::Hang => return std::future::pending().await,
            _ => {}
        }
        let (fault, name) = (self.clone(), inner.name().to_owned());
        let start = (inner.stream_chat(request).await?, 0);
        Ok(CompletionStream::new(stream::unfold(
            start,
            move |(mut events, count)| {
                let (fault, name) = (fault.clone(), name.clone());
                async move {
                    match fault {
                        Self::Slow { first, .. } if count == 0 => tokio::time::sleep(first).await,
                        Self::Slow { between, .. } => tokio::time::sleep(between).await,
                        Self::Truncate(after) if count == after => return None,
                        Self::ErrorAfter(after, kind) if count == after => {
                            let error = ProviderError::new(kind, name, INJECTED);
                            return Some((Err(error), (events, count + 1)));
                        }
                        Self::PanicAfter(after) if count == after => panic!("{INJECTED}"),
                        Self::HangAfter(after) if count == after => std::future::pending().await,
                        _ => {}
                    }
                    let event = events.next().await?;
                    Some((event, (events, count + 1)))
                }
            },
        )))
    }
}
