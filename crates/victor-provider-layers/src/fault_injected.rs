//! Faults on purpose.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::time::sleep;
use victor_core::ModelId;
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionStream, ProviderError,
    ProviderErrorKind,
};

use crate::hash::fixed_hash;

victor_core::options! {
    /// The faults of a [`FaultInjected`] provider, as shares of its requests.
    #[derive(PartialEq)]
    pub struct FaultOptions {
        /// Share of the requests that are refused with one of `kinds`, from 0 to 1. Defaults to 0.
        pub refused, with_refused: f64 = 0.0;
        /// Share of the answers that break off after some events, from 0 to 1. Defaults to 0.
        pub broken, with_broken: f64 = 0.0;
        /// Classes of the errors, taken in turn. Defaults to server errors.
        pub kinds, with_kinds: Vec<ProviderErrorKind> = vec![ProviderErrorKind::Server];
        /// Wait before each request. Defaults to none.
        pub latency, with_latency: Duration = Duration::ZERO;
        /// Seed of the choice; the same seed makes the same choice among requests in the same order. Defaults to 0.
        pub seed, with_seed: u64 = 0;
    }
}

/// Fails a share of the requests on purpose, to see what a program makes of it.
///
/// The errors are those that a real provider reports, and say in their message that they were injected.
#[derive(Debug)]
pub struct FaultInjected<P> {
    inner: P,
    options: FaultOptions,
    requests: AtomicU64,
}

impl<P: ChatProvider> FaultInjected<P> {
    /// Injects faults into the requests to `inner`.
    pub fn new(inner: P, options: FaultOptions) -> Self {
        Self {
            inner,
            options,
            requests: AtomicU64::new(0),
        }
    }

    /// A number from 0 to 1 that follows from the seed and the number of the request.
    fn chance(&self, number: u64, what: u8) -> f64 {
        let bits = fixed_hash((self.options.seed, number, what)) >> 32;
        #[expect(clippy::cast_precision_loss, reason = "32 bits are left")]
        let bits = bits as f64;
        bits / f64::from(u32::MAX)
    }

    fn error(&self, number: u64) -> ProviderError {
        let kinds = &self.options.kinds;
        let index = usize::try_from(number).unwrap_or(0) % kinds.len().max(1);
        let kind = kinds
            .get(index)
            .cloned()
            .unwrap_or(ProviderErrorKind::Server);
        ProviderError::new(kind, self.inner.name(), "a fault was injected here")
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: ChatProvider> ChatProvider for FaultInjected<P> {
    victor_core::forward! {
        inner =>
        fn name(&self) -> &str;
        fn default_model(&self) -> Option<ModelId>;
        fn capabilities(&self, model: &ModelId) -> Capabilities;
    }

    fn description(&self) -> String {
        format!("fault-injected, {}", self.inner.description())
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if !self.options.latency.is_zero() {
            sleep(self.options.latency).await;
        }
        if self.chance(number, 0) < self.options.refused {
            return Err(self.error(number));
        }
        let events = self.inner.stream_chat(request).await?;
        if self.chance(number, 1) >= self.options.broken {
            return Ok(events);
        }
        // The end is never among them: an answer has at least one event.
        let events = events.take(1).filter(|event| {
            let ends = matches!(
                event,
                Ok(victor_provider_protocol::CompletionEvent::Finished(_))
            );
            std::future::ready(!ends)
        });
        let error = stream::iter([Err(self.error(number))]);
        Ok(CompletionStream::new(events.chain(error)))
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        self.stream_chat(request).await?.completion().await
    }
}
