//! Models and hints of an opened provider.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use tokio::time::timeout;
use victor_openai::protocol::ListModels;
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::ChatProvider;

use super::advice;
use super::vendor::Vendor;

/// Time limit of a list of models that is only a help.
pub(super) const LIST_TIMEOUT: Duration = Duration::from_secs(5);
/// Time that a chat waits for the windows of a near server's models.
const WINDOWS_TIMEOUT: Duration = Duration::from_millis(300);

/// Models and hints of an opened provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    /// The provider; none for a recording.
    pub(super) vendor: Option<&'static Vendor>,
    /// The variable with the key, if it has one.
    pub(super) key_variable: Option<&'static str>,
    pub(super) models: Option<Arc<dyn ListModels>>,
    /// Whether the list of models is asked for windows that are not known: the server is near, has few models, and its
    /// windows are what somebody has given it.
    pub(super) lists_windows: bool,
}

impl Source {
    pub(super) fn new(vendor: &'static Vendor) -> Self {
        Self {
            vendor: Some(vendor),
            ..Self::default()
        }
    }

    /// Checks that there is such a model, where that is known beforehand.
    pub(crate) fn check(&self, model: &ModelId, reason: Option<&str>) -> anyhow::Result<()> {
        let Some((vendor, only)) = self.vendor.and_then(|it| Some((it, it.only_model?))) else {
            return Ok(());
        };
        if model.as_str() == only {
            return Ok(());
        }
        let reason = reason
            .map(|reason| format!("; it was chosen {reason}"))
            .unwrap_or_default();
        bail!(
            "provider `{}` has no model `{model}`: its only model is `{only}`{reason}",
            vendor.id
        )
    }

    /// Nobody has said which model to ask.
    pub(crate) async fn no_model(&self, provider: &str) -> anyhow::Error {
        let models = self.models().await.unwrap_or_default();
        let known = advice::closest("", &models)
            .map(|known| format!("; {known}"))
            .unwrap_or_default();
        anyhow!(
            "which model of `{provider}`? name it with --model or in the setting `model`{known}"
        )
    }

    /// Asks for the window of the model, if it is not known and the server may tell it. A server that takes its time is
    /// asked beside the first request, and one that does not tell is no reason not to talk.
    pub(crate) async fn learn(&self, provider: &dyn ChatProvider, model: &ModelId) {
        if self.lists_windows && provider.capabilities(model).context_window.is_none() {
            let source = self.clone();
            let asked = tokio::spawn(async move { source.models().await });
            let _ = timeout(WINDOWS_TIMEOUT, asked).await;
        }
    }

    /// Returns the caveat about the answers.
    pub(crate) fn about(&self) -> Option<&'static str> {
        self.vendor?.caveat
    }

    /// The models that there are, as far as the provider says so soon enough.
    pub(super) async fn models(&self) -> Option<Vec<ModelId>> {
        let models = self.models.as_ref()?.models();
        timeout(LIST_TIMEOUT, models).await.ok()?.ok()
    }
}
