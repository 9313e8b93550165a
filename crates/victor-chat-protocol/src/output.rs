//! Answers that must have a form.

use std::fmt;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use victor_provider_protocol::ResponseFormat;

/// A turn's answer must be JSON of a form.
///
/// Whether the model is held to it by its provider, or gives the answer by calling a tool of the form's name, is for
/// the [`TurnPorts`](crate::TurnPorts) to decide at each model call; a turn takes the answer either way, and also as
/// plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputContract {
    /// The form. No tool of the user may have its name.
    pub format: Arc<ResponseFormat>,
    /// Number of answers of the model before the turn ends with one that does not fit. Defaults to 3.
    pub max_attempts: u32,
}

impl OutputContract {
    /// A contract with three attempts.
    #[must_use]
    pub fn new(format: ResponseFormat) -> Self {
        Self {
            format: Arc::new(format),
            max_attempts: 3,
        }
    }
}

/// Checks whether an answer has the form that an [`OutputContract`] asks for.
///
/// Implemented by `victor-structured-output` for every type that serde reads. Called while a turn runs, by the
/// [`TurnPorts`](crate::TurnPorts); it must not block.
pub trait CheckOutput: fmt::Debug + Send + Sync {
    /// Checks the text of an answer.
    ///
    /// # Errors
    ///
    /// The answer does not fit. The message says how, and is shown to the model.
    fn check(&self, text: &str) -> Result<(), String>;
}

/// The check that an answer is JSON, whatever is in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyJson;

impl CheckOutput for AnyJson {
    fn check(&self, text: &str) -> Result<(), String> {
        let read = serde_json::from_str::<IgnoredAny>(text);
        read.map(drop)
            .map_err(|error| format!("it is not JSON ({error})"))
    }
}
