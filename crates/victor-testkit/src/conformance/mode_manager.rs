//! The laws of mode managers.

mod binding;
mod permission;
mod policy;
mod races;

use victor_core::{Effect, Panicked, SessionId, contain, contain_sync};
use victor_mode_protocol::{Mode, ModeError, ModeManager, ModeSwitch, SwitchedBy};

use super::succeed;
use policy::Opinion;

/// Checks a manager. `make` makes a new one, in which no session was switched yet; it may know any modes.
///
/// # Panics
///
/// A law is broken.
pub async fn mode_manager<M: ModeManager>(make: impl Fn() -> M) {
    let laws: [fn(&M); 6] = [
        registering,
        switching,
        wishes_of_the_model,
        permission::laws,
        binding::laws,
        races::laws,
    ];
    for check in laws {
        pass_on(contain_sync(|| check(&make())));
    }
    pass_on(contain(life(&make())).await);
}

/// Tells the law that was broken, where the panic is not one of the suite's.
fn pass_on(outcome: Result<(), Panicked>) {
    if let Err(panicked) = outcome {
        let law = panicked.message;
        law!(
            law.starts_with("law broken"),
            "no call panics",
            "it panicked: {law}"
        );
        panic!("{law}");
    }
}

/// Everything is permitted, by the data.
fn wide() -> Mode {
    Mode::new("suite-Wide", Effect::Destructive)
}

/// Nothing is permitted that changes something. Open to the model.
fn strict() -> Mode {
    let mut mode = Mode::new("suite-strict", Effect::ReadOnly);
    mode.open_to_model = true;
    mode
}

fn add(manager: &impl ModeManager, mode: Mode) {
    succeed(manager.register(Opinion::None.on(mode)));
}

/// Takes a session to a mode, as a person does.
fn switch(manager: &impl ModeManager, session: &SessionId, mode: &Mode) -> ModeSwitch {
    succeed(manager.switch_mode(session, &mode.name, SwitchedBy::Person))
}

fn name_of_mode(manager: &impl ModeManager, session: &SessionId) -> String {
    manager.mode(session).mode().name.clone()
}

fn names(manager: &impl ModeManager) -> Vec<String> {
    let modes = manager.modes();
    modes.iter().map(|mode| mode.mode().name.clone()).collect()
}

fn registering<M: ModeManager>(manager: &M) {
    let before = names(manager);
    let default = name_of_mode(manager, &"a".into());
    law!(
        default == name_of_mode(manager, &"b".into()) && before.contains(&default),
        "sessions that nobody has switched are in the default mode, one of those that there are",
        "`{default}` of {before:?}"
    );
    add(manager, wide());
    add(manager, strict());
    let mut expected = before;
    expected.extend([wide().name, strict().name]);
    let found = names(manager);
    law!(
        found == expected,
        "modes are in the order in which they were added",
        "{found:?} in place of {expected:?}"
    );

    law!(
        name_of_mode(manager, &"a".into()) == default,
        "a mode that is added does not become the default one"
    );

    let long = "x".repeat(65);
    for name in ["", "a b", "größe", "a/b", &long] {
        let refused = manager.register(Opinion::None.on(Mode::new(name, Effect::Write)));
        law!(
            matches!(&refused, Err(ModeError::InvalidName(invalid)) if invalid == name),
            "what is no name for a mode is refused",
            "`{name}`: {refused:?}"
        );
    }
    let taken = Mode::new("SUITE-wide", Effect::ReadOnly);
    let refused = manager.register(Opinion::None.on(taken));
    law!(
        matches!(refused, Err(ModeError::Duplicate(_))),
        "a name that is taken is refused, in upper and lower case",
        "{refused:?}"
    );
    let refused = manager.register(Opinion::HasNoMode.on(wide()));
    law!(
        matches!(refused, Err(ModeError::NoMode(_))),
        "a policy that panics when it is asked for its mode is refused",
        "{refused:?}"
    );
    law!(
        names(manager) == expected,
        "what is refused is not added",
        "{:?}",
        names(manager)
    );
}

fn switching<M: ModeManager>(manager: &M) {
    add(manager, wide());
    add(manager, strict());
    let (one, other) = (SessionId::new("one"), SessionId::new("other"));
    let default = name_of_mode(manager, &one);

    for (name, by) in [
        ("SUITE-WIDE", SwitchedBy::Program),
        ("suite-strict", SwitchedBy::Person),
        ("Suite-Strict", SwitchedBy::Program),
    ] {
        let from = name_of_mode(manager, &one);
        let switched = succeed(manager.switch_mode(&one, name, by.clone()));
        let now = name_of_mode(manager, &one);
        law!(
            now.eq_ignore_ascii_case(name),
            "a session is in the mode that it was switched to",
            "`{now}` in place of `{name}`"
        );
        law!(
            switched == ModeSwitch::new(from, now, by),
            "a switch says from where, to where and who wished so",
            "{switched:?}"
        );
    }

    let refused = manager.switch_mode(&one, "suite-none", SwitchedBy::Program);
    law!(
        matches!(&refused, Err(ModeError::Unknown(unknown))
            if unknown.name == "suite-none" && unknown.known == names(manager)),
        "a mode that there is not is refused with the names of those that there are",
        "{refused:?}"
    );
    law!(
        name_of_mode(manager, &one) == strict().name,
        "a switch that is refused changes nothing"
    );

    switch(manager, &other, &wide());
    switch(manager, &one, &strict());
    law!(
        name_of_mode(manager, &other) == wide().name,
        "a switch leaves other sessions alone"
    );
    manager.reset(&one);
    manager.reset(&"of whom nobody knows".into());
    law!(
        name_of_mode(manager, &one) == default,
        "a session that is reset is in the default mode"
    );
    law!(
        name_of_mode(manager, &other) == wide().name,
        "a reset leaves other sessions alone"
    );
}

fn wishes_of_the_model<M: ModeManager>(manager: &M) {
    add(manager, wide());
    add(manager, strict());
    let session = SessionId::new("s");
    // Wherever it is, and also where it has been before.
    for start in [strict(), wide()] {
        for _ in 0..2 {
            switch(manager, &session, &start);
            let refused = manager.switch_mode(&session, "suite-wide", SwitchedBy::Model);
            law!(
                matches!(&refused, Err(ModeError::ClosedToModel(closed)) if *closed == wide().name)
                    && name_of_mode(manager, &session) == start.name,
                "the model may not switch to a mode that is not open to it",
                "{refused:?}, in `{}`",
                name_of_mode(manager, &session)
            );
            let switched = manager.switch_mode(&session, "suite-strict", SwitchedBy::Model);
            law!(
                matches!(&switched, Ok(switched)
                    if *switched == ModeSwitch::new(&*start.name, strict().name, SwitchedBy::Model)),
                "the model may switch to a mode that is open to it",
                "{switched:?}"
            );
        }
    }
}

/// Its life as a coordinator.
async fn life<M: ModeManager>(manager: &M) {
    law!(!manager.name().is_empty(), "a coordinator has a name");
    for _ in 0..2 {
        succeed(manager.initialize().await);
    }
    let health = manager.health();
    law!(
        health.is_healthy(),
        "a new manager is healthy",
        "{health:?}"
    );
    add(manager, strict());
    for _ in 0..2 {
        manager.shutdown().await;
    }
    let session = SessionId::new("s");
    switch(manager, &session, &strict());
    law!(
        permission::decisions(manager, &session) == permission::by(&strict()),
        "what is denied stays denied after the end"
    );
}
