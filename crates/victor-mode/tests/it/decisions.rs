use std::sync::{Arc, OnceLock, Weak};

use victor_core::{Coordinator, Effect, HealthStatus, SessionId, ToolSpec};
use victor_mode::ModeCoordinator;
use victor_mode_protocol::{
    MockModePolicy, Mode, ModeError, ModeManager, ModePolicy, Permission, SwitchedBy,
};

use crate::{EFFECTS, mode_of, switch, tool};

fn with(policy: impl ModePolicy) -> (ModeCoordinator, SessionId) {
    let modes = ModeCoordinator::new();
    let session = SessionId::new("s");
    let policy = Arc::new(policy);
    modes.register(policy.clone()).unwrap();
    let name = policy.mode().name.clone();
    switch(&modes, &session, &name);
    (modes, session)
}

fn mock(mode: Mode) -> MockModePolicy {
    let mut policy = MockModePolicy::new();
    policy.expect_mode().return_const(mode);
    policy
}

#[test]
fn the_reason_is_that_of_the_authority_that_denies() {
    #[track_caller]
    fn check(mode: &str, parent: &str, tool: &ToolSpec, reason: Option<&str>) {
        let (modes, session) = with(Freeze(Mode::new("freeze", Effect::Destructive)));
        switch(&modes, &session, mode);
        switch(&modes, &"parent".into(), parent);
        modes.nest(&"parent".into(), &session);
        assert_eq!(modes.permits(&session, tool).reason(), reason);
    }
    let read = tool("read_file", Effect::ReadOnly);
    let write = tool("write_file", Effect::Write);
    check("build", "build", &write, None);
    check("plan", "explore", &read, None);
    let plan = "mode `plan` permits effects up to `read_only`, and tool `write_file` has the effect `write`";
    check("plan", "build", &write, Some(plan));
    check("plan", "freeze", &write, Some(plan));
    check("freeze", "plan", &write, Some("the code is frozen"));
    check(
        "build",
        "plan",
        &write,
        Some(&format!("the agent that started you is bound: {plan}")),
    );
    check(
        "build",
        "freeze",
        &write,
        Some("the agent that started you is bound: the code is frozen"),
    );
}

#[derive(Debug)]
struct Freeze(Mode);

impl ModePolicy for Freeze {
    fn mode(&self) -> &Mode {
        &self.0
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        if tool.effect > Effect::ReadOnly {
            return Permission::denied("the code is frozen");
        }
        Permission::Permitted
    }
}

#[test]
fn a_policy_is_asked_only_about_what_the_data_permits() {
    let mut policy = mock(Mode::new("m", Effect::Idempotent));
    policy
        .expect_permits()
        .withf(|tool| tool.effect <= Effect::Idempotent)
        .times(2)
        .return_const(Permission::Permitted);
    let (modes, session) = with(policy);
    let permitted =
        EFFECTS.map(|effect| modes.permits(&session, &tool("t", effect)).is_permitted());
    assert_eq!(permitted, [true, true, false, false]);
}

#[test]
fn health_tells_which_policy_panics_over_which_tool_until_it_no_longer_does() {
    let mut policy = mock(Mode::new("odd", Effect::Write));
    policy
        .expect_permits()
        .withf(|tool| tool.name == "one")
        .once()
        .returning(|_| panic!("out of cheese"));
    policy.expect_permits().return_const(Permission::Permitted);
    let (modes, session) = with(policy);
    let (one, other) = (tool("one", Effect::Write), tool("other", Effect::Write));

    assert!(modes.permits(&session, &other).is_permitted());
    assert!(modes.health().is_healthy());
    assert_eq!(
        modes.permits(&session, &one).reason(),
        Some("the policy of mode `odd` failed when it was asked about tool `one`: tell the user")
    );
    for _ in 0..2 {
        let health = modes.health();
        assert_eq!(health.status, HealthStatus::Degraded);
        assert_eq!(
            health.problems,
            ["mode `odd`, tool `one`: panicked: out of cheese"]
        );
        assert!(modes.permits(&session, &other).is_permitted());
    }
    assert!(modes.permits(&session, &one).is_permitted());
    assert!(modes.health().is_healthy());
}

#[test]
fn a_policy_that_is_given_out_is_contained_too() {
    let mut policy = mock(Mode::new("odd", Effect::Write));
    policy.expect_permits().returning(|_| panic!("bug"));
    let (modes, session) = with(policy);
    let given = modes.mode(&session);
    assert!(!given.permits(&tool("t", Effect::ReadOnly)).is_permitted());
    assert!(!modes.health().is_healthy());
}

/// Asks and changes its own coordinator whenever it is asked.
#[derive(Debug)]
struct Meddler {
    mode: Mode,
    modes: OnceLock<Weak<ModeCoordinator>>,
}

impl ModePolicy for Meddler {
    fn mode(&self) -> &Mode {
        &self.mode
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        let modes = self.modes.get().and_then(Weak::upgrade).unwrap();
        let session = SessionId::new("s");
        let _ = modes.register(Arc::new(Mode::new("another", Effect::Write)));
        modes.nest(&"parent".into(), &session);
        switch(&*modes, &session, "plan");
        modes.permits(&session, tool)
    }
}

#[test]
fn no_lock_is_held_while_a_policy_is_asked() {
    let modes = Arc::new(ModeCoordinator::new());
    let policy = Arc::new(Meddler {
        mode: Mode::new("meddler", Effect::Write),
        modes: OnceLock::from(Arc::downgrade(&modes)),
    });
    modes.register(policy).unwrap();
    let session = SessionId::new("s");
    switch(&*modes, &session, "meddler");
    let permission = modes.permits(&session, &tool("write_file", Effect::Write));
    assert!(!permission.is_permitted());
    assert_eq!(mode_of(&*modes, &session), "plan");
}

#[test]
fn who_is_not_known_to_be_the_program_or_a_person_is_held_to_open_modes() {
    let modes = ModeCoordinator::new();
    let session = SessionId::new("s");
    for (by, mode, is_switched) in [
        (SwitchedBy::Program, "build", true),
        (SwitchedBy::Person, "build", true),
        (SwitchedBy::Model, "build", false),
        (SwitchedBy::from("swarm"), "build", false),
        (SwitchedBy::Model, "explore", true),
        (SwitchedBy::from("swarm"), "explore", true),
    ] {
        switch(&modes, &session, "plan");
        let found = modes.switch_mode(&session, mode, by.clone());
        let expected = if is_switched { mode } else { "plan" };
        assert_eq!(mode_of(&modes, &session), expected, "{by}");
        if !is_switched {
            assert!(matches!(found, Err(ModeError::ClosedToModel(mode)) if mode == "build"));
        }
    }
}
