//! The laws of what is permitted in a session.

use serde_json::json;
use victor_core::{Effect, SessionId, ToolSpec};
use victor_mode_protocol::{Mode, ModeManager, Permission};

use super::policy::Opinion;
use super::{strict, switch, wide};
use crate::conformance::succeed;

const EFFECTS: [Effect; 4] = [
    Effect::ReadOnly,
    Effect::Idempotent,
    Effect::Write,
    Effect::Destructive,
];
const NAMES: [&str; 4] = ["read_file", "read_secrets", "write_file", "größe 👩‍👩‍👧"];

fn tools() -> impl Iterator<Item = ToolSpec> {
    let of_name = |name| EFFECTS.map(|effect| (name, effect));
    let tools = NAMES.into_iter().flat_map(of_name);
    tools.map(|(name, effect)| {
        ToolSpec::new(name, "", json!({ "type": "object" })).with_effect(effect)
    })
}

/// Returns the permissions of a session, for tools of every name and effect.
pub(super) fn decisions(manager: &impl ModeManager, session: &SessionId) -> Vec<bool> {
    let decide = |tool: ToolSpec| match manager.permits(session, &tool) {
        Permission::Permitted => true,
        Permission::Denied { reason } => {
            law!(
                !reason.trim().is_empty(),
                "a denial has a reason",
                "{tool:?}"
            );
            false
        }
    };
    tools().map(decide).collect()
}

/// Returns the permissions that the data of a mode gives for the same tools.
pub(super) fn by(mode: &Mode) -> Vec<bool> {
    tools()
        .map(|tool| mode.permits(&tool).is_permitted())
        .collect()
}

/// Returns the permissions that two modes give together.
pub(super) fn by_both(one: &Mode, other: &Mode) -> Vec<bool> {
    let both = by(one).into_iter().zip(by(other));
    both.map(|(one, other)| one && other).collect()
}

/// Some names, of which one is left out again.
pub(super) fn picky() -> Mode {
    let mut mode = Mode::new("suite-picky", Effect::Write);
    mode.tools.allow = vec!["read_*".into(), "größe*".into()];
    mode.tools.deny = vec!["*_secrets".into()];
    mode
}

pub(super) fn laws<M: ModeManager>(manager: &M) {
    let session = SessionId::new("s");
    let none = vec![false; by(&wide()).len()];

    let decides = |opinion: Opinion, mut mode: Mode| {
        // Managers forget no mode, so each needs a name of its own.
        mode.name = format!("{}-{opinion:?}", mode.name);
        succeed(manager.register(opinion.on(mode.clone())));
        switch(manager, &session, &mode);
        let shown = manager.mode(&session).mode().clone();
        law!(
            shown == mode,
            "a mode stays what it was when it was added",
            "{shown:?} in place of {mode:?}"
        );
        decisions(manager, &session)
    };
    for mode in [wide(), strict(), picky()] {
        let data = by(&mode);
        law!(
            decides(Opinion::None, mode.clone()) == data,
            "a mode permits what its data permits",
            "{mode:?}"
        );
        law!(
            decides(Opinion::Lax, mode.clone()) == data,
            "a policy cannot permit what the data denies",
            "{mode:?}"
        );
        law!(
            decides(Opinion::Changes, mode.clone()) == data,
            "a policy cannot change the data afterwards",
            "{mode:?}"
        );
        law!(
            decides(Opinion::Stern, mode.clone()) == none,
            "a policy can deny",
            "{mode:?}"
        );
        law!(
            decides(Opinion::Panics, mode.clone()) == none,
            "a policy that panics denies",
            "{mode:?}"
        );
    }
}
