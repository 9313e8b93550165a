//! The tool by which a model switches its mode.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Effect, ToolSpec};
use victor_mode_protocol::{Mode, ModeError, ModeManager, SwitchedBy};
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolLimits, ToolOutput};

/// The tool `switch_mode`, by which a model takes its own session to another mode, of those that are
/// [open to it](Mode::open_to_model).
///
/// It is read-only, since it changes nothing outside Victor, and so it may run in every mode whose patterns do not
/// leave it out. A call is a barrier among the calls of a message: what stands before it ends in the mode before.
///
/// # Errors
///
/// The model is told in words why it was not switched; its mode is what it was.
///
/// # Cancel safety
///
/// A call does not wait: it has happened, or has not begun.
#[derive(Debug)]
pub struct SwitchModeTool {
    spec: ToolSpec,
    modes: Arc<dyn ModeManager>,
}

impl SwitchModeTool {
    /// The tool's name.
    pub const NAME: &str = "switch_mode";

    /// The tool, for the modes that are open to the model at this moment. None if there are none, since there is
    /// nothing to offer then.
    #[must_use]
    pub fn new(modes: Arc<dyn ModeManager>) -> Option<Self> {
        let open = modes.modes();
        let open: Vec<&Mode> = open.iter().map(|policy| policy.mode()).collect();
        let spec = spec(open.into_iter().filter(|mode| mode.open_to_model))?;
        Some(Self { spec, modes })
    }
}

fn spec<'a>(open: impl Iterator<Item = &'a Mode>) -> Option<ToolSpec> {
    let mut description =
        "Takes this conversation to another mode, which decides what your tools may do, from your \
                           next call on. The modes that you may choose:"
            .to_owned();
    let mut names = Vec::new();
    for mode in open {
        description.push_str(&format!("\n- `{}`", mode.name));
        if !mode.description.is_empty() {
            description.push_str(&format!(": {}", mode.description));
        }
        names.push(&*mode.name);
    }
    if names.is_empty() {
        return None;
    }
    description.push_str("\nOnly the user can switch to other modes, also back from these.");
    let schema = json!({
        "type": "object",
        "properties": {
            "mode": { "type": "string", "enum": names, "description": "The mode to go to" },
        },
        "required": ["mode"],
        "additionalProperties": false,
    });
    let spec = ToolSpec::new(SwitchModeTool::NAME, description, schema);
    Some(spec.with_effect(Effect::ReadOnly))
}

#[async_trait]
impl Tool for SwitchModeTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let Some(name) = arguments["mode"].as_str() else {
            let what = "give `mode`, the name of the mode to go to";
            return Err(ToolError::InvalidArguments(what.to_owned()));
        };
        let switched = self
            .modes
            .switch_mode(&cx.session, name, SwitchedBy::Model)
            .map_err(|error| match error {
                ModeError::ClosedToModel(_) => ToolError::NotPermitted(error.to_string()),
                error => ToolError::NotFound(error.to_string()),
            })?;
        // By its name and not by the session, which somebody may have switched again.
        let modes = self.modes.modes();
        let mode = modes.iter().find(|mode| mode.mode().name == switched.to);
        let mut told = if switched.from == switched.to {
            format!("You were in mode `{}` already.", switched.to)
        } else {
            format!(
                "You are in mode `{}` now; before, it was `{}`.",
                switched.to, switched.from
            )
        };
        if let Some(mode) = mode.map(|policy| policy.mode()) {
            told.push_str(&format!(" It permits {}.", permitted(mode)));
            if !mode.prompt.is_empty() {
                told.push_str(&format!("\n\n{}", mode.prompt));
            }
        }
        Ok(told.into())
    }

    fn limits(&self) -> ToolLimits {
        ToolLimits::default().sequential()
    }
}

/// Tells a model what the data of a mode permits.
fn permitted(mode: &Mode) -> String {
    let mut words = match mode.max_effect {
        Effect::ReadOnly => "tools that change nothing",
        Effect::Idempotent => "tools that change nothing, or nothing more when they run again",
        Effect::Write => "tools that read or write, but none whose effect cannot be undone",
        Effect::Destructive => "tools of every effect",
    }
    .to_owned();
    let quoted = |patterns: &[String]| {
        let quoted: Vec<_> = patterns.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    if mode.tools.allow.is_empty() {
        return "no tools".to_owned();
    }
    if mode.tools.allow != ["*"] {
        words.push_str(&format!(", of these names: {}", quoted(&mode.tools.allow)));
    }
    if !mode.tools.deny.is_empty() {
        words.push_str(&format!(", except {}", quoted(&mode.tools.deny)));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mode_permits_in_words() {
        #[track_caller]
        fn check(effect: Effect, allow: &[&str], deny: &[&str], expected: &str) {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let mut mode = Mode::new("m", effect);
            (mode.tools.allow, mode.tools.deny) = (owned(allow), owned(deny));
            assert_eq!(permitted(&mode), expected);
        }
        check(Effect::ReadOnly, &["*"], &[], "tools that change nothing");
        check(
            Effect::Idempotent,
            &["read_*", "sync"],
            &[],
            "tools that change nothing, or nothing more when they run again, of these names: `read_*`, `sync`",
        );
        check(
            Effect::Write,
            &["*"],
            &["run"],
            "tools that read or write, but none whose effect cannot be undone, except `run`",
        );
        check(
            Effect::Destructive,
            &["a*"],
            &["ab", "ac"],
            "tools of every effect, of these names: `a*`, except `ab`, `ac`",
        );
        check(Effect::Destructive, &[], &["a"], "no tools");
    }
}
