//! Modes made for one purpose.

use std::sync::Arc;

use serde_json::json;
use victor_checkpoint_protocol::ContentHash;
use victor_core::{ModelId, NamePatterns, SessionId, ToolSpec};
use victor_mode_protocol::{
    Mode, ModeError, ModeManager, ModePolicy, ModeSwitch, Permission, SwitchedBy,
};

use crate::SessionModes;

/// A mode made for one purpose, such as a step of a workflow: another mode, narrowed to some tools, to a limit of
/// tokens, and with a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct NarrowedMode<'a> {
    /// The name of the mode that is narrowed; absent for the one in which sessions begin.
    pub base: Option<&'a str>,
    /// The patterns of the names of the tools that it permits, as far as the base does; all of those if absent.
    pub tools: Option<&'a [String]>,
    /// The model that is asked in it.
    pub model: Option<&'a ModelId>,
    /// The largest number of tokens of a turn.
    pub max_tokens: Option<u64>,
}

impl NarrowedMode<'_> {
    /// Returns the name of the mode, which is there then: that of the base where nothing is narrowed, and otherwise one
    /// that follows from the content, so that every process gives it the same.
    ///
    /// # Errors
    ///
    /// There is no mode of the name of the base.
    pub fn register(&self, modes: &dyn ModeManager) -> Result<String, ModeError> {
        let base = self.find_base(modes)?;
        let mut mode = base.mode().clone();
        if self.tools.is_none() && self.model.is_none() && self.max_tokens.is_none() {
            return Ok(mode.name);
        }
        let content = json!([mode.name, self.model, self.tools, self.max_tokens]).to_string();
        let hash = ContentHash::of(content.as_bytes()).to_string();
        mode.name = format!("step-{}", hash.get(..32).unwrap_or(&hash));
        mode.description = format!("a step of a workflow, within `{}`", base.mode().name);
        mode.open_to_model = false;
        if let Some(tools) = self.tools {
            let mut permitted = NamePatterns::default();
            permitted.allow = tools.to_vec();
            mode.tools = permitted;
        }
        mode.model = self.model.cloned().or(mode.model);
        let limits = [self.max_tokens, mode.limits.max_tokens];
        mode.limits.max_tokens = limits.into_iter().flatten().min();
        let name = mode.name.clone();
        match modes.register(Arc::new(Narrowed { mode, base })) {
            // The name is made of the content.
            Ok(()) | Err(ModeError::Duplicate(_)) => Ok(name),
            Err(error) => Err(error),
        }
    }

    fn find_base(&self, modes: &dyn ModeManager) -> Result<Arc<dyn ModePolicy>, ModeError> {
        let Some(name) = self.base else {
            // A session that nobody knows is in the default mode.
            return Ok(modes.mode(&SessionId::generate()));
        };
        let known = modes.modes();
        let is_it = |mode: &&Arc<dyn ModePolicy>| mode.mode().name.eq_ignore_ascii_case(name);
        let found = known.iter().find(is_it).cloned();
        let names = known.iter().map(|mode| mode.mode().name.as_str());
        found.ok_or_else(|| ModeError::unknown(name, names))
    }
}

impl SessionModes {
    /// Switches a session to a mode made for one purpose, in the name of the program.
    ///
    /// # Errors
    ///
    /// There is no mode of the name of the base, or there are no modes at all.
    pub fn narrow(
        &self,
        session: &SessionId,
        mode: &NarrowedMode<'_>,
    ) -> Result<ModeSwitch, ModeError> {
        let name = match &self.modes {
            Some(modes) => mode.register(&**modes)?,
            None => mode.base.unwrap_or("step").to_owned(),
        };
        self.switch(session, &name, SwitchedBy::Program)
    }
}

/// A mode within another one.
#[derive(Debug)]
struct Narrowed {
    mode: Mode,
    base: Arc<dyn ModePolicy>,
}

impl ModePolicy for Narrowed {
    fn mode(&self) -> &Mode {
        &self.mode
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        self.base.permits(tool).and(|| self.mode.permits(tool))
    }
}
