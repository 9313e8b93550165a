//! The provider and model to which a request goes.

use std::sync::Arc;
use std::time::Duration;

use victor_core::{ModelId, Problems, contain_sync};
use victor_provider_protocol::{Capabilities, ChatProvider, ChatRequest, ProviderErrorKind};

use crate::breaker::{Breaker, BreakerOptions};
use crate::limiter::{Limiter, Limits};
use crate::windows::LearnedWindows;

/// The tokens that an answer is expected to have at most where nobody has limited it.
const ANSWER_TOKENS: u64 = 4096;

/// The provider and model to which a request goes. A request keeps the target with which it began, so the errors of a
/// provider that has been switched away from do not count in the health of its successor.
#[derive(Debug)]
pub(crate) struct Target {
    /// The name in routes, health and the ledger.
    pub(crate) name: Arc<str>,
    /// The layers around the provider, in front of its problems; empty where there are none.
    layers: String,
    pub(crate) provider: Arc<dyn ChatProvider>,
    pub(crate) provider_name: Arc<str>,
    pub(crate) model: ModelId,
    pub(crate) problems: Problems,
    pub(crate) windows: Arc<LearnedWindows>,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) limiter: Arc<Limiter>,
}

impl Target {
    /// A target that has the name of its provider.
    pub(crate) fn new(provider: Arc<dyn ChatProvider>, model: ModelId) -> Self {
        let name: Arc<str> =
            contain_sync(|| Arc::from(provider.name())).unwrap_or_else(|_| "nameless".into());
        let description = contain_sync(|| provider.description()).unwrap_or_default();
        let layers = match description.is_empty() || description == *name {
            true => String::new(),
            false => format!("{description}: "),
        };
        Self {
            name: name.clone(),
            layers,
            provider,
            provider_name: name,
            model,
            problems: Problems::default(),
            windows: Arc::default(),
            // Alone, it has nobody to stand in for it.
            breaker: Arc::new(Breaker::new(BreakerOptions::default().with_failures(0))),
            limiter: Arc::new(Limiter::new(&Limits::default())),
        }
    }

    /// A target among others.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self.breaker = Arc::new(Breaker::new(BreakerOptions::default()));
        self
    }

    pub(crate) fn capabilities(&self, model: &ModelId) -> Capabilities {
        let mut capabilities =
            contain_sync(|| self.provider.capabilities(model)).unwrap_or_default();
        self.windows.correct(model, &mut capabilities);
        capabilities
    }

    /// The tokens that a request and its answer have at most, as far as that can be told beforehand.
    pub(crate) fn estimate(&self, request: &ChatRequest) -> (u64, u64) {
        let answer = request.max_output_tokens.map_or(ANSWER_TOKENS, u64::from);
        (request.input_tokens.unwrap_or(0), answer)
    }

    /// Notes a failure in the health, unless the request is at fault.
    pub(crate) fn report(&self, kind: &ProviderErrorKind, message: &str) {
        if !is_fault_of_request(kind) {
            let layers = &self.layers;
            self.problems
                .report(&*self.name, format_args!("{layers}{message}"));
        }
    }

    /// The state of the breaker in words, unless it is closed.
    pub(crate) fn cooling(&self) -> Option<String> {
        let left = self.breaker.open_for()?;
        let seconds = left.max(Duration::from_secs(1)).as_secs();
        Some(format!(
            "{}: left alone for {seconds} s after failures",
            self.name
        ))
    }
}

/// Whether the request is at fault and the provider works.
pub(crate) fn is_fault_of_request(kind: &ProviderErrorKind) -> bool {
    use ProviderErrorKind::{Budget, ContextTooLong, InvalidHistory, InvalidRequest, Refusal};
    matches!(
        kind,
        Budget | ContextTooLong | InvalidHistory | InvalidRequest | Refusal
    )
}
