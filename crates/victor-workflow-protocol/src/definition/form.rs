//! The written form of a step: one key says what it does, the others how.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::duration;
use super::step::{
    AgentStep, ApprovalStep, BranchStep, CallStep, Join, LoopStep, MapStep, OnFailure, Retry, Step,
    StepAction, ToolStep, WaitStep, WorkflowStep,
};

macro_rules! form {
    ($($key:ident $name:literal $variant:ident($body:ty),)*) => {
        #[derive(Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct StepForm {
            id: String,
            $(#[serde(rename = $name, skip_serializing_if = "Option::is_none")]
            $key: Option<$body>,)*
            #[serde(skip_serializing_if = "Option::is_none")]
            after: Option<Names>,
            #[serde(skip_serializing_if = "is_default")]
            join: Join,
            #[serde(skip_serializing_if = "Option::is_none")]
            when: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry: Option<Retry>,
            #[serde(skip_serializing_if = "Option::is_none", with = "duration")]
            timeout: Option<Duration>,
            #[serde(skip_serializing_if = "is_default")]
            on_failure: OnFailure,
            #[serde(skip_serializing_if = "Option::is_none")]
            compensate: Option<CallStep>,
        }

        impl TryFrom<StepForm> for Step {
            type Error = String;

            fn try_from(form: StepForm) -> Result<Self, String> {
                let mut actions = Vec::new();
                $(actions.extend(form.$key.map(StepAction::$variant));)*
                let [action] = <[StepAction; 1]>::try_from(actions).map_err(|actions| {
                    let found: Vec<_> = actions.iter().map(StepAction::kind).collect();
                    let found = if found.is_empty() { "none".to_owned() } else { found.join(" and ") };
                    let known = [$($name),*].join(", ");
                    format!("step `{}` must do one thing; expected one of {known}, found {found}", form.id)
                })?;
                Ok(Self {
                    id: form.id,
                    action,
                    after: form.after.map(Vec::from),
                    join: form.join,
                    when: form.when,
                    retry: form.retry,
                    timeout: form.timeout,
                    on_failure: form.on_failure,
                    compensate: form.compensate,
                })
            }
        }

        impl From<Step> for StepForm {
            fn from(step: Step) -> Self {
                let mut form = Self {
                    id: step.id,
                    after: step.after.map(Names::Many),
                    join: step.join,
                    when: step.when,
                    retry: step.retry,
                    timeout: step.timeout,
                    on_failure: step.on_failure,
                    compensate: step.compensate,
                    ..Self::default()
                };
                match step.action {
                    $(StepAction::$variant(body) => form.$key = Some(body),)*
                }
                form
            }
        }
    };
}

form! {
    call "call" Call(CallStep),
    agent "agent" Agent(AgentStep),
    tool "tool" Tool(ToolStep),
    transform "transform" Transform(Value),
    branch "branch" Branch(BranchStep),
    map "map" Map(MapStep),
    repeat "loop" Loop(LoopStep),
    approval "approval" Approval(ApprovalStep),
    wait "wait" Wait(WaitStep),
    workflow "workflow" Workflow(WorkflowStep),
}

/// Names of steps: one, or a list.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

impl From<Names> for Vec<String> {
    fn from(names: Names) -> Self {
        match names {
            Names::One(name) => vec![name],
            Names::Many(names) => names,
        }
    }
}

/// The written form of a join: a word, or a number of edges.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum JoinForm {
    Word(String),
    AtLeast { at_least: u32 },
}

impl TryFrom<JoinForm> for Join {
    type Error = String;

    fn try_from(form: JoinForm) -> Result<Self, String> {
        let word = match form {
            JoinForm::AtLeast { at_least } => return Ok(Self::AtLeast(at_least)),
            JoinForm::Word(word) => word,
        };
        match word.as_str() {
            "merge" => Ok(Self::Merge),
            "all" => Ok(Self::All),
            "any" => Ok(Self::Any),
            _ => Err(format!(
                "unknown join `{word}`; expected merge, all, any or {{ at_least: 2 }}"
            )),
        }
    }
}

impl From<Join> for JoinForm {
    fn from(join: Join) -> Self {
        let word = match join {
            Join::AtLeast(at_least) => return Self::AtLeast { at_least },
            Join::Merge => "merge",
            Join::All => "all",
            Join::Any => "any",
        };
        Self::Word(word.to_owned())
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
