//! A provider that the command can ask, and what is known of it once it is open.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use tokio::time::timeout;
use victor_openai::protocol::ListModels;
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{ChatProvider, ProviderErrorKind};

use super::closest::closest;
use super::environment::is_set;
use crate::exit::Failure;

/// Time limit of a list of models that is only a help.
pub(super) const LIST_TIMEOUT: Duration = Duration::from_secs(5);
/// Time that a chat waits for the windows of a near server's models.
const WINDOWS_TIMEOUT: Duration = Duration::from_millis(300);

/// A provider that the command can ask.
pub(super) struct Vendor {
    /// Name, for `--provider`.
    pub(super) id: &'static str,
    /// Line of the help.
    pub(super) about: &'static str,
    /// Caveat about its answers.
    pub(super) caveat: Option<&'static str>,
    /// The model that it has, if it has just one.
    pub(super) only_model: Option<&'static str>,
    /// Whether it is at an address, which `--base-url` changes.
    pub(super) has_address: bool,
    /// Whether several servers speak its dialect, of which `--server` names one.
    pub(super) takes_server: bool,
    /// The variables that may hold keys.
    pub(super) key_variables: fn() -> Vec<&'static str>,
    /// The step after which the environment has it, as an order: `start Ollama`.
    pub(super) remedy: Option<&'static str>,
    /// Opens it if the environment has it.
    pub(super) detect: Option<fn() -> Detection>,
    /// Opens it where the user chose it.
    pub(super) open: fn(OpenRequest) -> Opening<Opened>,
    /// A hint against an error, beside those that hold for all.
    pub(super) hint: fn(&ProviderErrorKind, &ModelId) -> Option<String>,
}

/// A search of the environment for a provider.
pub(super) type Detection = Opening<Result<Opened, WhyNot>>;

/// A provider that is being opened.
pub(super) type Opening<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;

/// The flags with which a provider is opened.
#[derive(Debug, Default)]
pub(super) struct OpenRequest {
    pub(super) base_url: Option<String>,
    /// The known server.
    pub(super) server: Option<String>,
    /// Whether no model is named.
    pub(super) needs_model: bool,
    /// The steps after which the environment has another provider.
    pub(super) remedies: Vec<&'static str>,
}

/// The reason why the environment has no such provider.
#[derive(Debug)]
pub(super) enum WhyNot {
    /// This variable is not set.
    NoKey(&'static str),
    Other(String),
}

/// Opens a provider if the variable with its key is set.
pub(super) fn opened_by_key(
    key: &'static str,
    open: impl FnOnce() -> Result<Opened, Failure>,
) -> Result<Result<Opened, WhyNot>, Failure> {
    if !is_set(key) {
        return Ok(Err(WhyNot::NoKey(key)));
    }
    let reason = Some(format!("because {key} is set"));
    Ok(Ok(Opened { reason, ..open()? }))
}

/// A provider, and what is known about it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) provider: Arc<dyn ChatProvider>,
    /// Its models, and hints against its errors.
    pub(crate) source: Source,
    /// Why it was chosen, where the user did not say.
    pub(crate) reason: Option<String>,
}

impl PartialEq for Vendor {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

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
        let known = closest("", &models)
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
