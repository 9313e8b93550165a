//! The laws of nested sessions.

use victor_core::{Effect, SessionId};
use victor_mode_protocol::{Mode, ModeManager, SwitchedBy};

use super::permission::{by, by_both, decisions, picky};
use super::{add, strict, switch, wide};
use crate::conformance::succeed;

pub(super) fn laws<M: ModeManager>(manager: &M) {
    for mode in [wide(), strict(), picky(), reads_no_secrets()] {
        add(manager, mode);
    }
    nested(manager);
    several(manager);
    circles(manager);
    resets(manager);
}

fn reads_no_secrets() -> Mode {
    let mut mode = Mode::new("suite-no-secrets", Effect::Destructive);
    mode.tools.deny = vec!["read_secrets".into()];
    mode
}

fn sessions<const N: usize>(names: [&str; N]) -> [SessionId; N] {
    names.map(SessionId::new)
}

fn nested(manager: &impl ModeManager) {
    let [parent, child, other] = sessions(["nested/parent", "nested/child", "nested/other"]);
    for session in [&parent, &child, &other] {
        switch(manager, session, &wide());
    }
    manager.nest(&parent, &child);
    for above in [strict(), picky(), wide()] {
        switch(manager, &parent, &above);
        for below in [wide(), strict(), reads_no_secrets()] {
            switch(manager, &child, &below);
            let found = decisions(manager, &child);
            law!(
                found == by_both(&above, &below),
                "a nested session permits what its mode and that of its parent permit",
                "`{}` in `{}`: {found:?}",
                below.name,
                above.name
            );
            law!(
                decisions(manager, &parent) == by(&above),
                "a child does not bind its parent"
            );
        }
    }
    switch(manager, &parent, &strict());
    succeed(manager.switch_mode(&child, "suite-wide", SwitchedBy::Program));
    succeed(manager.switch_mode(&child, "suite-strict", SwitchedBy::Model));
    law!(
        decisions(manager, &child) == by(&strict()),
        "a child does not free itself by switching"
    );
    law!(
        decisions(manager, &other) == by(&wide()),
        "a session that is not nested is not bound"
    );
}

fn several(manager: &impl ModeManager) {
    let [top, middle, bottom] = sessions(["several/top", "several/middle", "several/bottom"]);
    for (session, mode) in [(&top, picky()), (&middle, wide()), (&bottom, wide())] {
        switch(manager, session, &mode);
    }
    manager.nest(&middle, &bottom);
    manager.nest(&top, &middle);
    law!(
        decisions(manager, &bottom) == by(&picky()),
        "a session is bound by all that it is nested in, whoever was nested first"
    );
    let [second] = sessions(["several/second"]);
    switch(manager, &second, &strict());
    manager.nest(&second, &bottom);
    manager.nest(&second, &bottom);
    law!(
        decisions(manager, &bottom) == by_both(&picky(), &strict()),
        "a child of several parents is bound by all of them"
    );
}

fn circles(manager: &impl ModeManager) {
    let circle = sessions(["circle/0", "circle/1", "circle/2"]);
    for (number, session) in circle.iter().enumerate() {
        switch(manager, session, &wide());
        manager.nest(session, session);
        manager.nest(session, &circle[(number + 1) % 3]);
    }
    law!(
        decisions(manager, &circle[0]) == by(&wide()),
        "a circle denies nothing by itself"
    );
    switch(manager, &circle[1], &strict());
    for session in &circle {
        law!(
            decisions(manager, session) == by(&strict()),
            "sessions that are nested in a circle are bound to one another",
            "`{session}`"
        );
    }
}

fn resets(manager: &impl ModeManager) {
    let [top, middle, bottom] = sessions(["resets/top", "resets/middle", "resets/bottom"]);
    let [leaf] = sessions(["resets/leaf"]);
    let default = manager.mode(&top).mode().clone();
    manager.nest(&top, &middle);
    manager.nest(&middle, &bottom);
    manager.nest(&bottom, &leaf);
    for (session, mode) in [
        (&top, reads_no_secrets()),
        (&middle, strict()),
        (&bottom, wide()),
        (&leaf, wide()),
    ] {
        switch(manager, session, &mode);
    }
    let bound = decisions(manager, &bottom);

    manager.reset(&middle);
    law!(
        decisions(manager, &middle) == by(&default),
        "a session that is reset is no longer bound"
    );
    let denied = |found: &[bool], before: &[bool]| {
        let mut both = found.iter().zip(before);
        both.all(|(found, before)| *before || !*found)
    };
    let found = decisions(manager, &bottom);
    law!(
        denied(&found, &bound),
        "a child stays bound to what had bound its parent when that is reset",
        "{found:?} after {bound:?}"
    );
    switch(manager, &middle, &picky());
    let found = decisions(manager, &bottom);
    law!(
        denied(&found, &by(&picky())),
        "a child stays bound to a parent that was reset",
        "{found:?}"
    );
    switch(manager, &top, &picky());
    switch(manager, &middle, &wide());
    let found = decisions(manager, &bottom);
    law!(
        denied(&found, &by(&picky())),
        "a child stays bound to those above a parent that was reset",
        "{found:?}"
    );

    let bound = decisions(manager, &leaf);
    manager.reset(&bottom);
    switch(manager, &bottom, &wide());
    let found = decisions(manager, &leaf);
    law!(
        denied(&found, &bound),
        "what binds a child after a reset binds those that are nested in it",
        "{found:?} after {bound:?}"
    );
    law!(
        decisions(manager, &bottom) == by(&wide()),
        "a child that is reset is free"
    );
}
