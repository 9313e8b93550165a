//! The builder of a coordinator.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use victor_mode_protocol::{Mode, ModeManager, ModePolicy};

use crate::{ModeCoordinator, ModeSetupError};

/// Puts a [`ModeCoordinator`] together. The modes `build`, `plan` and `explore` are always there, before all others.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ModeCoordinatorBuilder {
    /// Each with the place that it comes from.
    modes: Vec<(String, Arc<dyn ModePolicy>)>,
    default: Option<(String, String)>,
}

/// The place of what is said in code.
const PROGRAM: &str = "the program's list of modes";

impl ModeCoordinatorBuilder {
    /// Adds a mode.
    pub fn mode(mut self, policy: Arc<dyn ModePolicy>) -> Self {
        self.modes.push((PROGRAM.to_owned(), policy));
        self
    }

    /// The name of the mode that sessions are in until they are switched. Default: `build`.
    pub fn default_mode(mut self, name: impl Into<String>) -> Self {
        self.default = Some((PROGRAM.to_owned(), name.into()));
        self
    }

    /// Adds modes from configuration data: an object with a list of [`Mode`]s, `modes`, and the name of the default
    /// mode, `default`; both may be absent. `origin` says in errors where the data is from, a file for example.
    ///
    /// A field that a mode does not have is an error here, and not kept for a later version: a `deny` that is
    /// misspelt must not permit.
    ///
    /// ```
    /// use serde_json::json;
    /// use victor_core::with_causes;
    /// use victor_mode::ModeCoordinator;
    ///
    /// let data = json!({
    ///     "default": "review",
    ///     "modes": [{ "name": "review", "max_effect": "idempotent", "deny": ["read_secrets"] }],
    /// });
    /// ModeCoordinator::builder().modes_from("agent.json", &data)?.build()?;
    ///
    /// let data = json!({ "modes": [{ "name": "review", "max_effect": "some" }] });
    /// let error = ModeCoordinator::builder().modes_from("agent.json", &data).unwrap_err();
    /// assert!(with_causes(&error).starts_with("`modes[0].max_effect` in agent.json: unknown variant `some`"));
    /// # Ok::<(), victor_mode::ModeSetupError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ModeSetupError::Data`]. Whether the names can be used is told by [`build`](Self::build).
    pub fn modes_from<'de, D: Deserializer<'de>>(
        mut self,
        origin: &str,
        data: D,
    ) -> Result<Self, ModeSetupError> {
        let data: Data = serde_path_to_error::deserialize(data).map_err(|error| {
            let place = match error.path().to_string().as_str() {
                "." => origin.to_owned(),
                path => place(path, origin),
            };
            let message = error.into_inner().to_string();
            ModeSetupError::Data { place, message }
        })?;
        for (index, mode) in data.modes.into_iter().enumerate() {
            if let Some(field) = unknown_field(&mode) {
                return Err(ModeSetupError::Data {
                    place: place(&format!("modes[{index}].{field}"), origin),
                    message: "a mode has no such field".to_owned(),
                });
            }
            let place = place(&format!("modes[{index}].name"), origin);
            self.modes.push((place, Arc::new(mode)));
        }
        if let Some(name) = data.default {
            self.default = Some((place("default", origin), name));
        }
        Ok(self)
    }

    /// The coordinator.
    ///
    /// # Errors
    ///
    /// [`ModeSetupError::Mode`] for the first mode that cannot be added, or if there is no mode with the name of the
    /// default one.
    pub fn build(self) -> Result<ModeCoordinator, ModeSetupError> {
        let coordinator = ModeCoordinator::new();
        let unusable = |place| |reason| ModeSetupError::Mode { place, reason };
        for (place, policy) in self.modes {
            coordinator.register(policy).map_err(unusable(place))?;
        }
        match self.default {
            Some((place, name)) => coordinator.with_default(&name).map_err(unusable(place)),
            None => Ok(coordinator),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `modes` and `default`"
)]
struct Data {
    default: Option<String>,
    #[serde(default)]
    modes: Vec<Mode>,
}

/// The first field of a mode that this version does not know.
fn unknown_field(mode: &Mode) -> Option<String> {
    let of_mode = mode.extra.iter().map(|(field, _)| field.clone());
    let of_limits = mode
        .limits
        .extra
        .iter()
        .map(|(field, _)| format!("limits.{field}"));
    of_mode.chain(of_limits).next()
}

fn place(path: &str, origin: &str) -> String {
    format!("`{path}` in {origin}")
}
