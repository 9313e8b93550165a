//! The coordinator of modes through its public API.

mod bounds;
mod decisions;
mod property;
mod setup;
mod tool;

use std::sync::Arc;

use serde_json::json;
use victor_core::{Effect, SessionId, ToolSpec};
use victor_mode::ModeCoordinator;
use victor_mode_protocol::{ModeManager, SwitchedBy};
use victor_testkit::conformance;

const EFFECTS: [Effect; 4] = [
    Effect::ReadOnly,
    Effect::Idempotent,
    Effect::Write,
    Effect::Destructive,
];

fn tool(name: &str, effect: Effect) -> ToolSpec {
    ToolSpec::new(name, "", json!({ "type": "object" })).with_effect(effect)
}

fn mode_of(modes: &dyn ModeManager, session: &SessionId) -> String {
    modes.mode(session).mode().name.clone()
}

fn names(modes: &dyn ModeManager) -> Vec<String> {
    let modes = modes.modes();
    modes.iter().map(|mode| mode.mode().name.clone()).collect()
}

#[track_caller]
fn switch(modes: &dyn ModeManager, session: &SessionId, mode: &str) {
    modes
        .switch_mode(session, mode, SwitchedBy::Person)
        .unwrap();
}

#[tokio::test]
async fn it_keeps_the_laws_of_mode_managers() {
    conformance::mode_manager(ModeCoordinator::new).await;
    for default in ["plan", "BUILD"] {
        let make = || ModeCoordinator::builder().default_mode(default).build();
        conformance::mode_manager(|| make().unwrap()).await;
    }
}

#[test]
fn it_can_be_shared() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    check(&Arc::new(ModeCoordinator::default()));
}
