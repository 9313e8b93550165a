//! Steps of a workflow.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::form::{JoinForm, StepForm};
use super::{Body, duration};

/// A step of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StepForm", into = "StepForm")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Step {
    /// The name, which no other step has: letters, digits, `_` and `-`, beginning with a letter.
    pub id: String,
    /// The work.
    pub action: StepAction,
    /// Steps that come before it. If absent, it is the one before it in the list, unless a branch leads here.
    pub after: Option<Vec<String>>,
    /// The rule by which edges that come together start the step.
    pub join: Join,
    /// An expression; the step is skipped unless it is true.
    pub when: Option<String>,
    /// Further attempts after a failure.
    pub retry: Option<Retry>,
    /// Time limit of one attempt, and of the wait of an approval or an event.
    pub timeout: Option<Duration>,
    /// The consequence of a failure.
    pub on_failure: OnFailure,
    /// The call that undoes the step if the run fails or is cancelled after it.
    pub compensate: Option<CallStep>,
}

impl Step {
    /// Creates a step.
    pub fn new(id: impl Into<String>, action: impl Into<StepAction>) -> Self {
        Self {
            id: id.into(),
            action: action.into(),
            after: None,
            join: Join::default(),
            when: None,
            retry: None,
            timeout: None,
            on_failure: OnFailure::default(),
            compensate: None,
        }
    }

    /// Creates a step that calls a handler with an input, which is a template.
    pub fn call(
        id: impl Into<String>,
        handler: impl Into<String>,
        input: impl Into<Value>,
    ) -> Self {
        Self::new(id, StepAction::Call(CallStep::new(handler, input)))
    }

    /// Creates a step that computes a value from a template.
    pub fn transform(id: impl Into<String>, template: impl Into<Value>) -> Self {
        Self::new(id, StepAction::Transform(template.into()))
    }

    /// Creates a step that asks a person.
    pub fn approval(id: impl Into<String>, prompt: impl Into<String>) -> Self {
        let prompt = prompt.into();
        Self::new(id, ApprovalStep { prompt, show: None })
    }

    /// Creates a step that waits for an event of this name.
    pub fn wait_for_event(id: impl Into<String>, event: impl Into<String>) -> Self {
        let event = Some(event.into());
        Self::new(
            id,
            WaitStep {
                event,
                ..WaitStep::default()
            },
        )
    }

    /// Creates a step that waits for so long.
    pub fn wait(id: impl Into<String>, time: Duration) -> Self {
        let time = Some(time);
        Self::new(
            id,
            WaitStep {
                time,
                ..WaitStep::default()
            },
        )
    }

    /// Creates a step that goes to the first step whose expression is true.
    pub fn branch<'a>(
        id: impl Into<String>,
        cases: impl IntoIterator<Item = (&'a str, &'a str)>,
        otherwise: Option<&str>,
    ) -> Self {
        let case = |(when, then): (&str, &str)| BranchCase {
            when: when.to_owned(),
            then: then.to_owned(),
        };
        Self::new(
            id,
            BranchStep {
                cases: cases.into_iter().map(case).collect(),
                otherwise: otherwise.map(str::to_owned),
            },
        )
    }

    /// Creates a step that does the same for each item of the list that an expression gives.
    pub fn map(id: impl Into<String>, over: impl Into<String>, body: Body) -> Self {
        let over = over.into();
        Self::new(
            id,
            MapStep {
                over,
                concurrency: None,
                steps: body.steps,
                output: body.output,
            },
        )
    }

    /// Creates a step that repeats others until an expression is true, and at most `max` times.
    pub fn repeat(id: impl Into<String>, until: impl Into<String>, max: u32, body: Body) -> Self {
        let until = Some(until.into());
        Self::new(
            id,
            LoopStep {
                until,
                max,
                steps: body.steps,
                output: body.output,
            },
        )
    }

    /// Creates a step that runs another workflow of the definition with an input, which is a template.
    pub fn workflow(
        id: impl Into<String>,
        name: impl Into<String>,
        input: impl Into<Value>,
    ) -> Self {
        let (name, input) = (name.into(), input.into());
        Self::new(id, WorkflowStep { name, input })
    }

    /// Has the step come after these, and no others.
    #[must_use]
    pub fn after(mut self, steps: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.after = Some(steps.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the rule by which edges that come together start the step.
    #[must_use]
    pub fn join(mut self, join: Join) -> Self {
        self.join = join;
        self
    }

    /// Skips the step unless an expression is true.
    #[must_use]
    pub fn when(mut self, expression: impl Into<String>) -> Self {
        self.when = Some(expression.into());
        self
    }

    /// Makes further attempts after a failure.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Sets the time limit of one attempt, and of the wait of an approval or an event.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Sets the consequence of a failure.
    #[must_use]
    pub fn on_failure(mut self, consequence: OnFailure) -> Self {
        self.on_failure = consequence;
        self
    }

    /// Sets the call that undoes the step, with an input that is a template; `output` in it is that of the step.
    #[must_use]
    pub fn compensate(mut self, handler: impl Into<String>, input: impl Into<Value>) -> Self {
        self.compensate = Some(CallStep::new(handler, input));
        self
    }
}

/// The work of a step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StepAction {
    /// Calls a handler.
    Call(CallStep),
    /// Has a turn of an agent, by the handler `agent`.
    Agent(AgentStep),
    /// Calls a tool, by the handler `tool`.
    Tool(ToolStep),
    /// Computes a value from a template.
    Transform(Value),
    /// Goes to one of several steps.
    Branch(BranchStep),
    /// Does the same for each item of a list.
    Map(MapStep),
    /// Repeats steps.
    Loop(LoopStep),
    /// Asks a person.
    Approval(ApprovalStep),
    /// Waits for an event or a time.
    Wait(WaitStep),
    /// Runs another workflow of the definition.
    Workflow(WorkflowStep),
}

macro_rules! actions {
    ($($variant:ident($body:ty) = $name:literal,)*) => {
        impl StepAction {
            /// The kinds of actions, as a definition names them.
            #[cfg(feature = "schema")]
            pub(super) const KINDS: &[&str] = &[$($name),*];

            /// Returns the kind of the action, the key under which a definition has it.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }
        }

        $(impl From<$body> for StepAction {
            fn from(body: $body) -> Self {
                Self::$variant(body)
            }
        })*
    };
}

actions! {
    Call(CallStep) = "call",
    Agent(AgentStep) = "agent",
    Tool(ToolStep) = "tool",
    Transform(Value) = "transform",
    Branch(BranchStep) = "branch",
    Map(MapStep) = "map",
    Loop(LoopStep) = "loop",
    Approval(ApprovalStep) = "approval",
    Wait(WaitStep) = "wait",
    Workflow(WorkflowStep) = "workflow",
}

/// A call of a handler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a call: { handler: NAME, input: VALUE }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallStep {
    /// The name of the handler.
    pub handler: String,
    /// The input, a template.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub input: Value,
}

impl CallStep {
    /// Creates a call of a handler.
    pub fn new(handler: impl Into<String>, input: impl Into<Value>) -> Self {
        Self {
            handler: handler.into(),
            input: input.into(),
        }
    }
}

/// A turn of an agent. What is absent is as the agent has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "the turn of an agent: { prompt: TEXT }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentStep {
    /// The message, a template of a text.
    pub prompt: String,
    /// The name of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The names of the tools that the agent may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The largest number of tokens that the turn may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "the call of a tool: { name: NAME, arguments: VALUE }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolStep {
    /// The name of the tool.
    pub name: String,
    /// The arguments, a template.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
}

/// A branch: goes to the step of the first case that is true. The others are skipped, with all that comes after them
/// alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a branch: { cases: [{ when: EXPRESSION, then: STEP }], else: STEP }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BranchStep {
    /// The cases, in the order in which they are tried.
    pub cases: Vec<BranchCase>,
    /// The step to go to where no case is true; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "else")]
    pub otherwise: Option<String>,
}

/// A case of a branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a case: { when: EXPRESSION, then: STEP }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BranchCase {
    /// An expression.
    pub when: String,
    /// The step to go to.
    pub then: String,
}

/// The same steps for each item of a list. Its output is the list of their outputs, in the order of the items.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map: { over: EXPRESSION, steps: [...] }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MapStep {
    /// An expression that gives a list.
    pub over: String,
    /// Number of items that may be worked on at the same time; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// The steps; `item` and `index` are the item and its place.
    pub steps: Vec<Step>,
    /// The output for an item, a template; that of the last step if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// Steps that are repeated. Its output is that of the last repetition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a loop: { until: EXPRESSION, max: NUMBER, steps: [...] }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoopStep {
    /// An expression over `last`, the output of a repetition, and `iteration`, its number from 0; the loop ends when it
    /// is true. If absent, it is repeated `max` times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The largest number of repetitions.
    pub max: u32,
    /// The steps; `iteration` is the number of the repetition, and `last` the output of the one before, null at first.
    pub steps: Vec<Step>,
    /// The output of a repetition, a template; that of the last step if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// A question to a person. The output is the answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an approval: { prompt: TEXT }")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApprovalStep {
    /// The question, a template of a text.
    pub prompt: String,
    /// The data that are shown with it, a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show: Option<Value>,
}

/// A wait for an event or a time. Exactly one of the fields is there. The output is the payload of the event, or null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a wait: { event: NAME }, { for: TIME } or { until: EXPRESSION }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaitStep {
    /// The name of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The length of the wait.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "duration",
        rename = "for"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub time: Option<Duration>,
    /// An expression that gives the end of the wait, a time such as `2026-11-30T15:55:08Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A run of another workflow of the definition, within this run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a sub-workflow: { name: NAME, input: VALUE }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkflowStep {
    /// The name of the workflow, one of [`Workflow::workflows`](crate::Workflow::workflows).
    pub name: String,
    /// The input, a template.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub input: Value,
}

/// The rule by which edges that come together start a step. An edge is dead if the step before it was skipped, or a
/// branch went elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "JoinForm", into = "JoinForm")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Join {
    /// Waits until every edge is decided, and starts the step if one of them is alive.
    #[default]
    Merge,
    /// Waits until every edge is alive. A dead one skips the step.
    All,
    /// Starts the step with the first edge that is alive.
    Any,
    /// Waits until so many edges are alive.
    AtLeast(u32),
}

/// Further attempts after a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a rule for retries: { attempts: NUMBER, delay: TIME }"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Retry {
    /// Number of attempts in all that may fail. One that the end of its process cut off is made again, and has not
    /// failed.
    pub attempts: u32,
    /// Wait before the second attempt, one second if absent. Each later one is twice as long.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub delay: Option<Duration>,
    /// The longest wait, one minute if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub max_delay: Option<Duration>,
}

impl Retry {
    /// Creates a rule of so many attempts in all.
    #[must_use]
    pub const fn new(attempts: u32) -> Self {
        Self {
            attempts,
            delay: None,
            max_delay: None,
        }
    }

    /// Sets the wait before the second attempt.
    #[must_use]
    pub const fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Returns the wait after so many failed attempts.
    #[must_use]
    pub fn delay_after(&self, attempts: u32) -> Duration {
        let first = self.delay.unwrap_or(Duration::from_secs(1));
        let longest = self.max_delay.unwrap_or(Duration::from_secs(60));
        let doublings = attempts.saturating_sub(1).min(31);
        first.saturating_mul(1 << doublings).min(longest.max(first))
    }
}

/// The consequence of a step's failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum OnFailure {
    /// The run fails: other steps are stopped, and finished ones are compensated, the last one first.
    #[default]
    Fail,
    /// The run goes on. The output is null, and `errors` has the message.
    Continue,
}
