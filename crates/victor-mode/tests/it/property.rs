//! What holds whatever is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use victor_core::{Coordinator, Effect, SessionId, ToolSpec};
use victor_mode::ModeCoordinator;
use victor_mode_protocol::{Mode, ModeManager, ModePolicy, Permission, SwitchedBy};

use crate::{EFFECTS, mode_of, tool};

const SESSIONS: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Register(Mode, Opinion),
    Switch(usize, String, SwitchedBy),
    Nest(usize, usize),
    Reset(usize),
}

#[derive(Debug, Clone, Copy)]
enum Opinion {
    Data,
    Permits,
    Denies,
}

#[derive(Debug)]
struct Policy(Mode, Opinion);

impl ModePolicy for Policy {
    fn mode(&self) -> &Mode {
        &self.0
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        match self.1 {
            Opinion::Data => self.0.permits(tool),
            Opinion::Permits => Permission::Permitted,
            Opinion::Denies => Permission::denied("no"),
        }
    }
}

/// Names of modes: those that there are, those that there may be, and any.
fn mode_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "(?i)(build|plan|explore)",
        4 => "[ab]",
        1 => any::<String>(),
    ]
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof!["[*rw_]{0,4}", any::<String>()]
}

prop_compose! {
    fn mode()(
        name in mode_name(),
        max_effect in prop::sample::select(&EFFECTS),
        allow in prop::option::of(prop::collection::vec(pattern(), 0..3)),
        deny in prop::collection::vec(pattern(), 0..2),
        open_to_model in any::<bool>(),
    ) -> Mode {
        let mut mode = Mode::new(name, max_effect);
        mode.tools.allow = allow.unwrap_or(mode.tools.allow);
        mode.tools.deny = deny;
        mode.open_to_model = open_to_model;
        mode
    }
}

fn step() -> impl Strategy<Value = Step> {
    let opinion = prop::sample::select(&[Opinion::Data, Opinion::Permits, Opinion::Denies]);
    let by = prop_oneof![
        Just(SwitchedBy::Program),
        Just(SwitchedBy::Person),
        Just(SwitchedBy::Model),
        any::<String>().prop_map(|by| SwitchedBy::from(&*by)),
    ];
    prop_oneof![
        1 => (mode(), opinion).prop_map(|(mode, opinion)| Step::Register(mode, opinion)),
        4 => (0..SESSIONS, mode_name(), by).prop_map(|(session, mode, by)| Step::Switch(session, mode, by)),
        2 => (0..SESSIONS, 0..SESSIONS).prop_map(|(parent, child)| Step::Nest(parent, child)),
        1 => (0..SESSIONS).prop_map(Step::Reset),
    ]
}

/// A tool of each effect for each of some names.
fn tools() -> impl Strategy<Value = Vec<ToolSpec>> {
    let name = prop_oneof!["[rw_]{0,4}", any::<String>()];
    let names = prop::collection::vec(name, 1..3);
    names.prop_map(|names| {
        let of_name = |name: &String| EFFECTS.map(|effect| tool(name, effect));
        names.iter().flat_map(of_name).collect()
    })
}

fn session(number: usize) -> SessionId {
    SessionId::new(format!("session {number}"))
}

/// Returns what is permitted in each session.
fn decisions(modes: &ModeCoordinator, tools: &[ToolSpec]) -> Vec<Vec<bool>> {
    let of_session = |number| {
        let permits = |tool| modes.permits(&session(number), tool).is_permitted();
        tools.iter().map(permits).collect()
    };
    (0..SESSIONS).map(of_session).collect()
}

/// Whether all that `these` permit is permitted by `those` too.
fn within(these: &[bool], those: &[bool]) -> bool {
    these.iter().zip(those).all(|(this, that)| *that || !*this)
}

proptest! {
    #[test]
    fn nothing_is_changed_in_plan_and_explore_and_nobody_escapes(
        default in prop::sample::select(&["build", "plan", "explore"]),
        steps in prop::collection::vec(step(), 1..40),
        tools in tools(),
    ) {
        let modes = ModeCoordinator::builder().default_mode(default).build().unwrap();
        let mut nested = BTreeSet::new();
        let mut before = decisions(&modes, &tools);
        for step in steps {
            match &step {
                Step::Register(mode, opinion) => {
                    let _ = modes.register(Arc::new(Policy(mode.clone(), *opinion)));
                }
                Step::Switch(number, mode, by) => {
                    let from = mode_of(&modes, &session(*number));
                    let switched = modes.switch_mode(&session(*number), mode, by.clone());
                    let now = modes.mode(&session(*number));
                    let trusted = matches!(by, SwitchedBy::Program | SwitchedBy::Person);
                    prop_assert_eq!(&now.mode().name, &switched.as_ref().map_or(from, |it| it.to.clone()));
                    prop_assert!(switched.is_err() || trusted || now.mode().open_to_model);
                }
                Step::Nest(parent, child) => {
                    modes.nest(&session(*parent), &session(*child));
                    nested.insert((*parent, *child));
                }
                Step::Reset(number) => {
                    modes.reset(&session(*number));
                    nested.retain(|(_, child)| child != number);
                    prop_assert_eq!(mode_of(&modes, &session(*number)), default);
                }
            }

            let now = decisions(&modes, &tools);
            for (number, decided) in now.iter().enumerate() {
                let own = modes.mode(&session(number));
                for (tool, permitted) in tools.iter().zip(decided) {
                    let reads_only = ["plan", "explore"].contains(&&*own.mode().name);
                    prop_assert!(!permitted || own.mode().permits(tool).is_permitted());
                    prop_assert!(!permitted || !reads_only || tool.effect == Effect::ReadOnly);
                }
            }
            for (parent, child) in &nested {
                prop_assert!(within(&now[*child], &now[*parent]), "{} in {}", child, parent);
            }
            // A session gains only if it is switched or reset itself, or somebody above it is switched.
            for (number, decided) in now.iter().enumerate() {
                let may_gain = match &step {
                    Step::Switch(..) => true,
                    Step::Reset(reset) => *reset == number,
                    Step::Register(..) | Step::Nest(..) => false,
                };
                prop_assert!(may_gain || within(decided, &before[number]), "{} by {:?}", number, step);
            }
            before = now;
        }
    }
}
