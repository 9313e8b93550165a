//! The contracts of modes through their public API.

use serde_json::json;
use victor_core::{Effect, ToolSpec};
use victor_mode_protocol::{
    Mode, ModeError, ModeLimits, ModePolicy, ModeSwitch, Permission, SwitchedBy,
};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const EFFECTS: [Effect; 4] = [
    Effect::ReadOnly,
    Effect::Idempotent,
    Effect::Write,
    Effect::Destructive,
];

fn tool(name: &str, effect: Effect) -> ToolSpec {
    ToolSpec::new(name, "", json!({ "type": "object" })).with_effect(effect)
}

fn custom() -> Mode {
    let mut mode = Mode::new("review", Effect::Idempotent);
    mode.description = "comments on changes".into();
    mode.tools.allow = vec!["read_*".into(), "comment".into()];
    mode.tools.deny = vec!["read_secrets".into()];
    mode.prompt = "You review changes.".into();
    mode.limits.max_tool_iterations = Some(40);
    mode.limits.iteration_factor = Some(3);
    mode.limits.max_tool_calls = Some(100);
    mode.limits.max_tokens = Some(200_000);
    mode.model = Some("claude-sonnet-4-5".into());
    mode.open_to_model = true;
    mode
}

#[test]
fn the_ready_made_modes() {
    let modes = vec![Mode::build(), Mode::plan(), Mode::explore()];
    check_golden(HERE, "ready_made_modes", &modes);
    for mode in modes {
        for effect in EFFECTS {
            let permitted = mode.name == "build" || effect == Effect::ReadOnly;
            // Whatever its name, and whatever stands between the manager and the data.
            for name in ["read_file", "write_file", "plan"] {
                let policy: &dyn ModePolicy = &mode;
                assert_eq!(
                    policy.permits(&tool(name, effect)).is_permitted(),
                    permitted
                );
            }
        }
    }
}

#[test]
fn a_custom_mode() {
    check_golden(HERE, "mode", &custom());
    check_unknown_fields("mode", &custom(), &[]);
}

#[test]
fn how_many_rounds_a_turn_may_have() {
    #[track_caller]
    fn check(limits: serde_json::Value, settings: u32, expected: u32) {
        let limits: ModeLimits = serde_json::from_value(limits).unwrap();
        assert_eq!(limits.tool_iterations(settings), expected);
    }
    check(json!({}), 20, 20);
    check(json!({ "iteration_factor": 3 }), 20, 60);
    check(json!({ "iteration_factor": 3 }), u32::MAX, u32::MAX);
    check(json!({ "max_tool_iterations": 5 }), 20, 5);
    check(
        json!({ "max_tool_iterations": 5, "iteration_factor": 3 }),
        20,
        5,
    );
}

#[test]
fn a_mode_that_was_stored_before_there_were_factors_is_read_as_it_was() {
    let stored = json!({ "version": 1, "name": "m", "max_effect": "read_only", "limits": {} });
    let mode: Mode = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(mode.limits, ModeLimits::default());
    assert_eq!(serde_json::to_value(mode).unwrap(), stored);
}

#[test]
fn a_switch() {
    let switch = ModeSwitch::new("build", "plan", SwitchedBy::Person);
    check_golden(HERE, "mode_switch", &switch);
    check_unknown_fields("mode_switch", &switch, &[]);
    for word in ["program", "person", "model", "timer"] {
        check_survives::<SwitchedBy>(&json!(word));
    }
}

#[test]
fn what_a_mode_permits() {
    #[track_caller]
    fn check(name: &str, effect: Effect, reason: Option<&str>) {
        assert_eq!(custom().permits(&tool(name, effect)).reason(), reason);
    }
    check("read_file", Effect::ReadOnly, None);
    check("comment", Effect::Idempotent, None);
    check(
        "run",
        Effect::ReadOnly,
        Some("mode `review` does not permit tool `run`"),
    );
    // Deny beats allow.
    check(
        "read_secrets",
        Effect::ReadOnly,
        Some("mode `review` does not permit tool `read_secrets`"),
    );
    // The effect beats both.
    check(
        "comment",
        Effect::Write,
        Some(
            "mode `review` permits effects up to `idempotent`, and tool `comment` has the effect `write`",
        ),
    );
}

#[test]
fn of_two_authorities_both_must_permit() {
    let denied = || Permission::denied("no");
    assert!(
        Permission::Permitted
            .and(|| Permission::Permitted)
            .is_permitted()
    );
    assert_eq!(Permission::Permitted.and(denied).reason(), Some("no"));
    assert_eq!(
        denied().and(|| Permission::denied("never asked")).reason(),
        Some("no")
    );
}

#[test]
fn a_mode_by_hand_permits_no_more_than_it_says() {
    let mode: Mode = serde_json::from_value(json!({ "name": "m", "max_effect": "write" })).unwrap();
    assert_eq!(mode, Mode::new("m", Effect::Write));
    let none: Mode =
        serde_json::from_value(json!({ "name": "m", "max_effect": "write", "allow": [] })).unwrap();
    assert!(!none.tools.permits("read_file"));
    check_refused::<Mode>(&json!({ "name": "m" }), "missing field `max_effect`");
    check_refused::<Mode>(
        &json!({ "name": "m", "max_effect": "all" }),
        "unknown variant `all`",
    );
}

#[test]
fn errors_say_what_to_do() {
    let check = |error: ModeError, expected: &str| assert_eq!(error.to_string(), expected);
    check(
        ModeError::unknown("pln", ["build", "plan"]),
        "unknown mode `pln`, did you mean `plan`? Known are `build` and `plan`",
    );
    check(
        ModeError::Duplicate("plan".into()),
        "there is already a mode named `plan`: choose another name",
    );
    check(
        ModeError::InvalidName("a b".into()),
        "`a b` is no name for a mode: use 1 to 64 ASCII letters, digits, `_` and `-`",
    );
    check(
        ModeError::NoMode(victor_core::contain_sync(|| panic!("bug")).unwrap_err()),
        "a mode policy does not say what its mode is",
    );
    check(
        ModeError::ClosedToModel("build".into()),
        "the model may not switch to mode `build` by itself: ask the user to do it",
    );
    let failed =
        ModeError::new("the service of modes gives no answer").with_source("connection refused");
    assert_eq!(
        victor_core::with_causes(&failed),
        "the service of modes gives no answer: connection refused"
    );
}
