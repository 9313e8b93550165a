//! The provider and model to which a request goes.

use std::sync::Arc;

use victor_core::{ModelId, Problems, contain_sync};
use victor_provider_protocol::ChatProvider;

use crate::windows::LearnedWindows;

/// The provider and model to which a request goes. A request keeps the target with which it began, so the errors of a
/// provider that has been switched away from do not count in the health of its successor.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) provider: Arc<dyn ChatProvider>,
    pub(crate) name: String,
    pub(crate) model: ModelId,
    pub(crate) problems: Problems,
    pub(crate) windows: Arc<LearnedWindows>,
}

impl Target {
    pub(crate) fn new(provider: Arc<dyn ChatProvider>, model: ModelId) -> Self {
        let name = contain_sync(|| provider.name().to_owned());
        let name = name.unwrap_or_else(|_| "nameless".to_owned());
        Self {
            provider,
            name,
            model,
            problems: Problems::default(),
            windows: Arc::default(),
        }
    }
}
