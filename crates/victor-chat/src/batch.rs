//! The tool calls of one answer, from the moment the model makes them until each has its result.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_chat_protocol::{Approval, PendingApproval, TurnOutcome};
use victor_core::{Part, ToolCall, ToolCallId, ToolOutcome, ToolResult, ToolSpec};
use victor_tool_protocol::{ApprovalScope, GivenApproval, ShownPreview, Verdict};

use crate::output::not_taken;

/// An answer with tool calls that is not stored yet, because not every call has its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Batch {
    /// The answer, with the calls in their places.
    pub(crate) answer: Vec<Part>,
    slots: Vec<Slot>,
    /// Outcome of the turn when every call has its result; it goes on if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) then: Option<TurnOutcome>,
    /// Outcome of the turn if one of the calls gives the answer in the form that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<TurnOutcome>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    call: ToolCall,
    state: State,
    /// Preview of the call, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preview: Option<ShownPreview>,
    /// The digest of what the call would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// The tool as it was when a person was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<Arc<ToolSpec>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Nobody has decided about it.
    New,
    /// It gives the answer, which has not been checked.
    Output,
    /// A person is asked.
    Asked(String),
    /// A person has approved it, and it is to be reviewed with that as evidence.
    Approved(ApprovalScope),
    /// It may run, and perhaps does.
    Cleared,
    /// It has its result.
    Done(ToolResult),
}

impl State {
    fn is_unreviewed(&self) -> bool {
        matches!(self, Self::New | Self::Approved(_))
    }
}

impl Batch {
    /// Takes the calls of an answer. Each gets an idempotency key that starts with `key`, and an identifier of its own
    /// where the provider gave it none or one that another call has.
    pub(crate) fn new(mut answer: Vec<Part>, key: &str) -> Self {
        let mut slots = Vec::new();
        let mut ids = HashSet::new();
        for part in &mut answer {
            let Part::ToolCall(call) = part else { continue };
            let index = slots.len();
            call.idempotency_key = format!("{key}/{index}");
            // Another call may have the name that is made of it, too.
            while call.id.as_str().is_empty() || !ids.insert(call.id.clone()) {
                call.id = ToolCallId::new(format!("{}#{index}", call.id));
            }
            slots.push(Slot {
                call: call.clone(),
                state: State::New,
                preview: None,
                evidence: None,
                definition: None,
            });
        }
        Self {
            answer,
            slots,
            then: None,
            output: None,
        }
    }

    /// Answers calls whose arguments are no JSON objects, which no tool could take.
    pub(crate) fn reject_malformed(&mut self, cut: bool) -> Vec<ToolResult> {
        self.settle(|call| {
            let error = call.parse_arguments().err()?;
            let advice = if cut {
                "the answer was cut at its length limit, so call again with shorter arguments"
            } else {
                "call again with arguments that are one JSON object"
            };
            Some((
                ToolOutcome::Rejected,
                format!("the arguments are not a JSON object ({error}): {advice}"),
            ))
        })
    }

    /// Takes calls of the tool `name` for the answer, with which the turn ends in this way if it fits.
    pub(crate) fn claim_output(&mut self, name: &str, outcome: TurnOutcome) {
        self.output = Some(outcome);
        for slot in &mut self.slots {
            if slot.state == State::New && slot.call.name == name {
                slot.state = State::Output;
            }
        }
    }

    /// The call that gives the answer which is to be checked next.
    pub(crate) fn output(&self) -> Option<&ToolCall> {
        let mut slots = self.slots.iter();
        let slot = slots.find(|slot| slot.state == State::Output)?;
        Some(&slot.call)
    }

    /// Takes the verdict on the answer of [`output`](Self::output). With one that fits, the turn ends.
    pub(crate) fn output_checked(&mut self, verdict: Result<(), String>) -> Vec<ToolResult> {
        let (mut settled, mut verdict) = (Vec::new(), Some(verdict));
        for slot in &mut self.slots {
            if slot.state != State::Output {
                continue;
            }
            let (outcome, text) = match verdict.take() {
                Some(Ok(())) => {
                    self.then = self.output.take();
                    (ToolOutcome::Success, "taken as the answer".to_owned())
                }
                Some(Err(reason)) => (ToolOutcome::Rejected, not_taken(&reason)),
                // One that fits makes the others superfluous; after one that does not, they are checked in turn.
                None if self.then.is_some() => {
                    let text = "not taken: another call gave the answer".to_owned();
                    (ToolOutcome::Rejected, text)
                }
                None => break,
            };
            let result = ToolResult::new(&slot.call, outcome, text);
            settled.push(result.clone());
            slot.state = State::Done(result);
        }
        settled
    }

    /// Answers calls that were made too often with the same arguments, and counts the others.
    pub(crate) fn reject_repeated(
        &mut self,
        made: &mut BTreeMap<String, u32>,
        limit: u32,
    ) -> Vec<ToolResult> {
        self.settle(|call| {
            let arguments = call.parse_arguments().ok()?;
            let times = made.entry(format!("{} {}", call.name, serde_json::Value::Object(arguments))).or_default();
            if *times < limit {
                *times += 1;
                return None;
            }
            let times = *times;
            let text = format!(
                "not run: this call was already made {times} times in this turn with the same arguments; do something \
                 else, or answer with what you have"
            );
            Some((ToolOutcome::Rejected, text))
        })
    }

    /// Answers calls beyond the first `left` that nobody has answered yet, and says how many those are that remain.
    pub(crate) fn reject_over(&mut self, left: u32, limit: u32) -> (u32, Vec<ToolResult>) {
        let mut remain = 0;
        let rejected = self.settle(|_| {
            if remain < left {
                remain += 1;
                return None;
            }
            let text =
                format!("not run: the allowance of {limit} tool calls for this turn is used up");
            Some((ToolOutcome::Rejected, text))
        });
        (remain, rejected)
    }

    /// Answers every call in the same way.
    pub(crate) fn reject_all(&mut self, text: &str) -> Vec<ToolResult> {
        self.settle(|_| Some((ToolOutcome::Rejected, text.to_owned())))
    }

    /// The calls that are to be reviewed: nobody has decided about them, or only a person has.
    pub(crate) fn unreviewed(&self) -> Vec<ToolCall> {
        self.calls(State::is_unreviewed)
    }

    /// Returns the approvals of a person among them.
    pub(crate) fn given(&self) -> Vec<GivenApproval> {
        let given = |slot: &Slot| match slot.state {
            State::Approved(scope) => {
                let given =
                    GivenApproval::new(slot.call.id.clone(), scope, slot.definition.clone());
                Some(given.with_evidence(slot.evidence.clone()))
            }
            _ => None,
        };
        self.slots.iter().filter_map(given).collect()
    }

    /// The calls that may run and have no result.
    pub(crate) fn cleared(&self) -> Vec<ToolCall> {
        self.calls(|state| *state == State::Cleared)
    }

    /// The calls that a person is asked about.
    pub(crate) fn asked(&self) -> Vec<PendingApproval> {
        let asked = |slot: &Slot| match &slot.state {
            State::Asked(question) => {
                let mut asked = PendingApproval::new(slot.call.clone(), question.clone());
                asked.preview.clone_from(&slot.preview);
                asked.evidence.clone_from(&slot.evidence);
                asked.definition.clone_from(&slot.definition);
                Some(asked)
            }
            _ => None,
        };
        self.slots.iter().filter_map(asked).collect()
    }

    /// Takes one verdict for each unreviewed call, in their order; a call without a verdict is denied.
    pub(crate) fn reviewed(&mut self, verdicts: Vec<Verdict>) -> Vec<ToolResult> {
        let mut verdicts = verdicts.into_iter();
        let mut settled = Vec::new();
        for slot in self
            .slots
            .iter_mut()
            .filter(|slot| slot.state.is_unreviewed())
        {
            let verdict = verdicts.next().unwrap_or_else(Verdict::undecided);
            match verdict {
                Verdict::Run => {
                    // With the call, so that its tool sees also after a restart what the person was shown.
                    if let State::Approved(_) = slot.state {
                        slot.call.evidence.clone_from(&slot.evidence);
                    }
                    slot.state = State::Cleared;
                }
                Verdict::Ask {
                    question,
                    preview,
                    evidence,
                    definition,
                    ..
                } => {
                    slot.state = State::Asked(question);
                    (slot.preview, slot.evidence) = (preview, evidence);
                    slot.definition = definition;
                }
                verdict => {
                    let Some(result) = verdict.refusal(&slot.call) else {
                        continue;
                    };
                    settled.push(result.clone());
                    slot.state = State::Done(result);
                }
            }
        }
        settled
    }

    /// Takes a person's decisions. Calls that were not decided about stay asked.
    pub(crate) fn approved(&mut self, approvals: &[Approval]) -> Vec<ToolResult> {
        let mut settled = Vec::new();
        for slot in self
            .slots
            .iter_mut()
            .filter(|slot| matches!(slot.state, State::Asked(_)))
        {
            slot.state = match approvals
                .iter()
                .find(|approval| *approval.call() == slot.call.id)
            {
                Some(Approval::Approved { scope, .. }) => State::Approved(*scope),
                Some(Approval::Denied { reason, .. }) => {
                    let result = ToolResult::new(&slot.call, ToolOutcome::Denied, reason);
                    settled.push(result.clone());
                    State::Done(result)
                }
                _ => continue,
            };
        }
        settled
    }

    /// Takes the result of a call that was cleared; of any other call, it takes nothing and returns false.
    pub(crate) fn finished(&mut self, result: ToolResult) -> bool {
        let open =
            |slot: &&mut Slot| slot.call.id == result.call_id && slot.state == State::Cleared;
        match self.slots.iter_mut().find(open) {
            Some(slot) => {
                slot.state = State::Done(result);
                true
            }
            None => false,
        }
    }

    /// Answers every call that has no result, because the turn was cancelled.
    pub(crate) fn cancel(&mut self) {
        for slot in &mut self.slots {
            let text = match slot.state {
                State::Done(_) => continue,
                State::Cleared => {
                    "the turn was cancelled while this call ran; it may have had an effect"
                }
                State::New | State::Output | State::Asked(_) | State::Approved(_) => {
                    "the turn was cancelled before this call ran"
                }
            };
            slot.state = State::Done(ToolResult::new(&slot.call, ToolOutcome::Cancelled, text));
        }
    }

    /// The results that there are.
    pub(crate) fn done(&self) -> impl Iterator<Item = &ToolResult> {
        self.slots.iter().filter_map(|slot| match &slot.state {
            State::Done(result) => Some(result),
            _ => None,
        })
    }

    /// The results in the order of the calls, once every call has one.
    pub(crate) fn results(&self) -> Option<Vec<Part>> {
        let result = |slot: &Slot| match &slot.state {
            State::Done(result) => Some(Part::ToolResult(result.clone())),
            _ => None,
        };
        self.slots.iter().map(result).collect()
    }

    fn calls(&self, wanted: impl Fn(&State) -> bool) -> Vec<ToolCall> {
        self.slots
            .iter()
            .filter(|slot| wanted(&slot.state))
            .map(|slot| slot.call.clone())
            .collect()
    }

    fn settle(
        &mut self,
        mut decide: impl FnMut(&ToolCall) -> Option<(ToolOutcome, String)>,
    ) -> Vec<ToolResult> {
        let mut settled = Vec::new();
        for slot in self
            .slots
            .iter_mut()
            .filter(|slot| slot.state == State::New)
        {
            if let Some((outcome, text)) = decide(&slot.call) {
                let result = ToolResult::new(&slot.call, outcome, text);
                settled.push(result.clone());
                slot.state = State::Done(result);
            }
        }
        settled
    }
}
