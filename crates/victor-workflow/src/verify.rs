//! Whether a definition computes what another one has computed in a run.

use serde_json::Value as Json;
use victor_workflow_protocol::{StepPath, WorkflowEvent};

use crate::drive::{Event, first_event};
use crate::graph::Action;
use crate::state::{ROOT, State};

/// Checks a record against what follows from the state before it.
///
/// # Errors
///
/// The definition computes something else.
pub(crate) fn check(state: &State, event: &WorkflowEvent, value: &Json) -> Result<(), String> {
    match event {
        WorkflowEvent::StepFinished(event) => begins(state, &event.step, |action, found, now| {
            let is_transform = matches!(action, Action::Transform(_));
            match found {
                Event::Finished(_) if is_transform => same(&event.step, value, now),
                _ if is_transform => Err(format!("step `{}` would be skipped", event.step)),
                _ => Ok(()),
            }
        }),
        WorkflowEvent::BranchTaken(event) => {
            begins(state, &event.step, |_, found, _| match found {
                Event::Plain(WorkflowEvent::BranchTaken(now)) if now.to == event.to => Ok(()),
                Event::Plain(WorkflowEvent::BranchTaken(now)) => Err(format!(
                    "branch `{}` has gone to {}, and would go to {}",
                    event.step,
                    target(event.to.as_deref()),
                    target(now.to.as_deref())
                )),
                _ => Err(format!("branch `{}` would be skipped", event.step)),
            })
        }
        WorkflowEvent::StepExpanded(event) => {
            begins(state, &event.step, |_, found, now| match found {
                Event::Expanded(..) => same(&event.step, value, now),
                _ => Err(format!("step `{}` would be skipped", event.step)),
            })
        }
        WorkflowEvent::StepSkipped(event) => condition(state, &event.step, false),
        WorkflowEvent::StepStarted(event) => condition(state, &event.step, true),
        WorkflowEvent::ScopeFinished(event) => match state.scope_at(&event.scope) {
            Some(scope) => same(&event.scope, value, &state.output(scope)?),
            None => Ok(()),
        },
        WorkflowEvent::RunFinished(_) => {
            let now = state.output(ROOT)?;
            match now == *value {
                true => Ok(()),
                false => Err(format!(
                    "the output was {}, and would be {}",
                    brief(value),
                    brief(&now)
                )),
            }
        }
        _ => Ok(()),
    }
}

/// Compares what a step that is ready does with what it would do.
fn begins(
    state: &State,
    step: &StepPath,
    compare: impl FnOnce(&Action, &Event, &Json) -> Result<(), String>,
) -> Result<(), String> {
    let Some((place, node)) = state.ready_node(step) else {
        return Ok(());
    };
    if matches!(node.action, Action::Call(_)) {
        return Ok(());
    }
    let (found, value) = first_event(state, place, node)
        .map_err(|error| format!("step `{step}` would fail: {error}"))?;
    compare(&node.action, &found, &value)
}

/// Compares whether the condition of a step that is ready holds.
fn condition(state: &State, step: &StepPath, expected: bool) -> Result<(), String> {
    let Some((place, node)) = state.ready_node(step) else {
        return Ok(());
    };
    let (Some(when), Some(data)) = (&node.when, state.data(place.0)) else {
        return Ok(());
    };
    match when.is_true(&data.value()) {
        Ok(holds) if holds == expected => Ok(()),
        Ok(true) => Err(format!("step `{step}` was skipped, and would not be")),
        Ok(false) => Err(format!("step `{step}` has begun, and would be skipped")),
        Err(error) => Err(format!("step `{step}` would fail: {error}")),
    }
}

fn same(step: &StepPath, then: &Json, now: &Json) -> Result<(), String> {
    match then == now {
        true => Ok(()),
        false => Err(format!(
            "`{step}` gave {}, and would give {}",
            brief(then),
            brief(now)
        )),
    }
}

fn target(to: Option<&str>) -> String {
    to.map_or_else(|| "no step".into(), |to| format!("`{to}`"))
}

fn brief(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
