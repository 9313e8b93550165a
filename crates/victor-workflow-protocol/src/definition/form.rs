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
    ($($(#[$meta:meta])* $key:ident $name:literal $variant:ident($body:ty),)*) => {
        #[derive(Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default, expecting = "a step: { id: NAME, ... }")]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "schema", schemars(transform = super::schema::one_action))]
        pub(super) struct StepForm {
            /// The name, which no other step has: letters, digits, `_` and `-`, beginning with a letter.
            #[cfg_attr(feature = "schema", schemars(required, regex(pattern = r"^[A-Za-z][A-Za-z0-9_-]*$")))]
            id: String,
            $($(#[$meta])*
            #[serde(rename = $name, skip_serializing_if = "Option::is_none")]
            $key: Option<$body>,)*
            /// Steps that come before it: one, or a list. If absent, it is the one before it in the list, unless a
            /// branch leads here.
            #[serde(skip_serializing_if = "Option::is_none")]
            after: Option<Names>,
            /// The rule by which edges that come together start the step.
            #[serde(skip_serializing_if = "is_default")]
            join: Join,
            /// An expression; the step is skipped unless it is true.
            #[serde(skip_serializing_if = "Option::is_none")]
            when: Option<String>,
            /// Further attempts after a failure.
            #[serde(skip_serializing_if = "Option::is_none")]
            retry: Option<Retry>,
            /// Time limit of one attempt, and of the wait of an approval or an event: `30s`, `5m`, `1h 30m`.
            #[serde(skip_serializing_if = "Option::is_none", with = "duration")]
            #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
            timeout: Option<Duration>,
            /// The consequence of a failure.
            #[serde(skip_serializing_if = "is_default")]
            on_failure: OnFailure,
            /// The call that undoes the step if the run fails or is cancelled after it.
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
    /// Calls a handler.
    call "call" Call(CallStep),
    /// Has a turn of an agent.
    agent "agent" Agent(AgentStep),
    /// Calls a tool.
    tool "tool" Tool(ToolStep),
    /// Computes a value from a template.
    transform "transform" Transform(Value),
    /// Goes to one of several steps.
    branch "branch" Branch(BranchStep),
    /// Does the same for each item of a list.
    map "map" Map(MapStep),
    /// Repeats steps, within a bound.
    repeat "loop" Loop(LoopStep),
    /// Asks a person.
    approval "approval" Approval(ApprovalStep),
    /// Waits for an event or a time.
    wait "wait" Wait(WaitStep),
    /// Runs another workflow of the definition.
    workflow "workflow" Workflow(WorkflowStep),
}

/// Names of steps: one, or a list.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a step, or a list of names"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[serde(
    untagged,
    expecting = "expected a join: merge, all, any or { at_least: NUMBER }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum JoinForm {
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["merge", "all", "any"])))]
    Word(String),
    AtLeast(AtLeast),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct AtLeast {
    /// Number of edges that must be alive.
    at_least: u32,
}

impl TryFrom<JoinForm> for Join {
    type Error = String;

    fn try_from(form: JoinForm) -> Result<Self, String> {
        let word = match form {
            JoinForm::AtLeast(AtLeast { at_least }) => return Ok(Self::AtLeast(at_least)),
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
            Join::AtLeast(at_least) => return Self::AtLeast(AtLeast { at_least }),
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
