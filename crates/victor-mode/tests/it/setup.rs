use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{Effect, SessionId, with_causes};
use victor_mode::{ModeCoordinator, ModeSetupError};
use victor_mode_protocol::{Mode, ModeManager};

use crate::{mode_of, names, switch};

fn from(data: &Value) -> Result<ModeCoordinator, ModeSetupError> {
    ModeCoordinator::builder()
        .modes_from("agent.json", data)?
        .build()
}

#[test]
fn the_ready_made_modes_come_first_and_build_is_the_default() {
    let modes = ModeCoordinator::new();
    assert_eq!(names(&modes), ["build", "plan", "explore"]);
    assert_eq!(mode_of(&modes, &"s".into()), "build");
    let limits = modes.modes();
    let rounds = limits
        .iter()
        .map(|mode| mode.mode().limits.tool_iterations(5));
    assert_eq!(rounds.collect::<Vec<_>>(), [5, 10, 20]);
}

#[test]
fn modes_of_the_program_and_of_data_come_in_the_order_of_the_calls() {
    let data = json!({
        "default": "REVIEW",
        "modes": [
            { "name": "review", "max_effect": "idempotent", "limits": { "iteration_factor": 3 } },
            { "name": "ask", "max_effect": "read_only", "allow": [] },
        ],
    });
    let modes = ModeCoordinator::builder()
        .mode(Arc::new(Mode::new("first", Effect::Write)))
        .modes_from("agent.json", &data)
        .unwrap()
        .mode(Arc::new(Mode::new("last", Effect::Write)))
        .build()
        .unwrap();
    let expected = ["build", "plan", "explore", "first", "review", "ask", "last"];
    assert_eq!(names(&modes), expected);
    let session = SessionId::new("s");
    let mode = modes.mode(&session);
    assert_eq!(mode.mode().name, "review");
    assert_eq!(mode.mode().limits.tool_iterations(20), 60);
    switch(&modes, &session, "build");
    assert_eq!(mode_of(&modes, &session), "build");
}

#[test]
fn data_may_say_nothing_and_the_last_default_counts() {
    let nothing = from(&json!({})).unwrap();
    assert_eq!(names(&nothing), ["build", "plan", "explore"]);
    for (first, second) in [("plan", "explore"), ("none", "plan")] {
        let modes = ModeCoordinator::builder()
            .default_mode(first)
            .modes_from("agent.json", json!({ "default": second }))
            .unwrap()
            .build()
            .unwrap();
        assert_eq!(mode_of(&modes, &"s".into()), second);
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    #[track_caller]
    fn check(data: &Value, expected: &str) {
        assert_eq!(with_causes(&from(data).unwrap_err()), expected);
    }
    let mode = |change: &Value| {
        let mut mode = json!({ "name": "review", "max_effect": "write" });
        let fields = mode.as_object_mut().unwrap();
        fields.extend(change.as_object().unwrap().clone());
        json!({ "modes": [{ "name": "ask", "max_effect": "read_only" }, mode] })
    };
    check(
        &json!([]),
        "agent.json: invalid length 0, expected an object with `modes` and `default`",
    );
    check(
        &json!({ "modes": "review" }),
        "`modes` in agent.json: invalid type: string \"review\", expected a sequence",
    );
    check(
        &json!({ "mode": [] }),
        "`mode` in agent.json: unknown field `mode`, expected `default` or `modes`",
    );
    check(
        &json!({ "modes": [{ "name": "review" }] }),
        "`modes[0]` in agent.json: missing field `max_effect`",
    );
    check(
        &mode(&json!({ "max_effect": "all" })),
        "`modes[1].max_effect` in agent.json: unknown variant `all`, expected one of `read_only`, `idempotent`, \
         `write`, `destructive`",
    );
    check(
        &mode(&json!({ "limits": { "max_tokens": -1 } })),
        "`modes[1].limits.max_tokens` in agent.json: invalid value: integer `-1`, expected u64",
    );
    check(
        &mode(&json!({ "denny": ["run"] })),
        "`modes[1].denny` in agent.json: a mode has no such field",
    );
    check(
        &mode(&json!({ "limits": { "max_rounds": 3 } })),
        "`modes[1].limits.max_rounds` in agent.json: a mode has no such field",
    );
    check(
        &mode(&json!({ "name": "code review" })),
        "`modes[1].name` in agent.json cannot be used: `code review` is no name for a mode: use 1 to 64 ASCII letters, \
         digits, `_` and `-`",
    );
    check(
        &mode(&json!({ "name": "ASK" })),
        "`modes[1].name` in agent.json cannot be used: there is already a mode named `ASK`: choose another name",
    );
    check(
        &mode(&json!({ "name": "plan" })),
        "`modes[1].name` in agent.json cannot be used: there is already a mode named `plan`: choose another name",
    );
    check(
        &json!({ "default": "pln" }),
        "`default` in agent.json cannot be used: unknown mode `pln`, did you mean `plan`? Known are `build`, `plan` and `explore`",
    );
    let error = ModeCoordinator::builder().default_mode("pln").build();
    assert_eq!(
        with_causes(&error.unwrap_err()),
        "the program's list of modes cannot be used: unknown mode `pln`, did you mean `plan`? Known are `build`, `plan` and `explore`"
    );
}
