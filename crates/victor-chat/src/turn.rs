//! The state machine of a turn.

mod allowance;
mod journal;
mod refusal;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_chat_protocol::{
    Approval, ChatResponse, ModelCall, OutputContract, SuspendedTurn, TooLong, TurnLimits,
    TurnOutcome,
};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{
    Message, MessageId, ModelId, Part, Role, SessionId, StopReason, ToolCallId, ToolOutcome,
    ToolResult, TurnId, Usage,
};
use victor_provider_protocol::{Completion, Refusal};
use victor_tool_protocol::Verdict;

use crate::batch::Batch;
use crate::output::{Output, given_by, not_taken};
use crate::{Step, UnexpectedInput};

const EMPTY_NOTE: &str = "The last answer was empty. Answer the user.";
const CONTINUE_NOTE: &str = "The last answer was cut off. Go on exactly where it stopped.";
const WHOLE_NOTE: &str = "The last answer was cut off. Give it again, whole, and shorter.";

/// One message of a user, worked until the model is done: a state machine without I/O.
///
/// [`next_step`](Self::next_step) says what is to be done, and asking twice gives the same answer; the other methods
/// tell what came of it. A turn serializes, and one that is stored between any two steps and read by another process
/// goes on to the same end: its messages get the same identifiers, and its tool calls the same idempotency keys.
///
/// An answer with tool calls becomes part of the conversation only together with all its results, so the conversation
/// is valid after every step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    #[serde(default)]
    version: FormatVersion<1>,
    session: SessionId,
    id: TurnId,
    limits: TurnLimits,
    phase: Phase,
    messages: Vec<Arc<Message>>,
    /// Number of first messages that are left out, because they stand elsewhere. Only in a journal.
    #[serde(default, skip_serializing_if = "is_zero")]
    elided: usize,
    /// Whether messages of another turn are among them, of which a transcript cannot tell that they belong to this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    adopted: bool,
    committed: usize,
    usage: Usage,
    model_calls: u32,
    tool_iterations: u32,
    /// Number of allowed tool calls that were made.
    #[serde(default, skip_serializing_if = "is_zero")]
    tool_calls: u32,
    /// Number of tokens that were used before the present allowance.
    #[serde(default, skip_serializing_if = "is_zero")]
    tokens_before: u64,
    empty_answers: u32,
    pauses: u32,
    /// Number of times that each call was made, by its tool and arguments.
    calls_made: BTreeMap<String, u32>,
    /// Number of answers in a row that consisted of nothing but repeated calls.
    stuck: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_reason: Option<StopReason>,
    /// The provider's explanation of why the model declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<Box<Refusal>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<ModelId>,
    /// Form that the answer must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
    #[serde(flatten)]
    extra: Extra,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    /// The model is to be asked.
    Model {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Outcome of the turn after this call, which must not use tools; it goes on with tools if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<TurnOutcome>,
        /// The refusal of the last request, if it was too long.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        too_long: Option<Box<TooLong>>,
        /// Number of requests of this call in a row that were too long.
        #[serde(default, skip_serializing_if = "is_zero")]
        refusals: u32,
        /// Whether a budget did not allow the call, so that the turn has ended for now.
        #[serde(default, skip_serializing_if = "is_zero")]
        over_budget: bool,
    },
    /// An answer without calls is to be checked.
    Check {
        /// Outcome of the turn if it fits.
        then: TurnOutcome,
    },
    /// The calls of an answer are to be reviewed, approved and run.
    Tools(Batch),
    Ended(TurnOutcome),
}

impl Turn {
    /// A turn that begins with a message of the user.
    #[must_use]
    pub fn begin(session: SessionId, id: TurnId, input: Message, limits: TurnLimits) -> Self {
        let mut turn = Self {
            version: FormatVersion,
            session,
            id,
            limits,
            phase: Phase::Ended(TurnOutcome::Completed),
            messages: vec![Arc::new(input)],
            elided: 0,
            adopted: false,
            committed: 0,
            usage: Usage::default(),
            model_calls: 0,
            tool_iterations: 0,
            tool_calls: 0,
            tokens_before: 0,
            empty_answers: 0,
            pauses: 0,
            calls_made: BTreeMap::new(),
            stuck: 0,
            stop_reason: None,
            refusal: None,
            model: None,
            output: None,
            extra: Extra::default(),
        };
        turn.ask_model();
        turn
    }

    /// The same turn, whose answer must have a form: it ends with an answer that was found to fit, or with
    /// [`InvalidOutput`](TurnOutcome::InvalidOutput) when the attempts are used up.
    #[must_use]
    pub fn with_output(mut self, contract: OutputContract) -> Self {
        self.output = Some(Output::new(contract));
        self
    }

    /// Returns the next step. Asking twice gives the same answer.
    #[must_use]
    pub fn next_step(&self) -> Step {
        if self.committed < self.messages.len() {
            return Step::Commit(self.uncommitted().to_vec());
        }
        if let Some(step) = self.output_to_check() {
            return step;
        }
        match &self.phase {
            Phase::Model {
                over_budget: true, ..
            } => Step::Finish(TurnOutcome::Budget),
            Phase::Model {
                note,
                last,
                too_long,
                ..
            } => {
                let mut call = ModelCall::default();
                call.number = self.model_calls + 1;
                call.tools = last.is_none();
                call.note.clone_from(note);
                call.output = self.output.as_ref().map(|output| output.contract.clone());
                call.too_long = too_long.as_deref().cloned();
                Step::CallModel(call)
            }
            Phase::Tools(batch) => {
                let (unreviewed, asked) = (batch.unreviewed(), batch.asked());
                if !unreviewed.is_empty() {
                    Step::ReviewTools {
                        calls: unreviewed,
                        approvals: batch.given(),
                    }
                } else if !asked.is_empty() {
                    Step::AwaitApproval(asked)
                } else {
                    Step::RunTools(batch.cleared())
                }
            }
            // An answer that is to be checked was found above.
            Phase::Check { then: outcome } | Phase::Ended(outcome) => Step::Finish(outcome.clone()),
        }
    }

    /// The messages of [`Step::Commit`] are in the conversation.
    pub fn committed(&mut self) {
        self.committed = self.messages.len();
    }

    /// The model answered. Returns the results of tool calls that will not run.
    ///
    /// # Errors
    ///
    /// No answer was waited for.
    pub fn model_answered(
        &mut self,
        answer: Completion,
    ) -> Result<Vec<ToolResult>, UnexpectedInput> {
        let Phase::Model {
            last,
            too_long,
            refusals,
            ..
        } = &mut self.phase
        else {
            return Err(self.unexpected("an answer"));
        };
        let last = last.clone();
        (*too_long, *refusals) = (None, 0);
        self.model_calls += 1;
        self.usage += &answer.usage;
        self.stop_reason = Some(answer.stop_reason.clone());
        self.refusal = match answer.stop_reason {
            StopReason::Refusal => answer.refusal().map(Box::new),
            _ => None,
        };
        self.model = Some(answer.model.clone());
        if let Some(output) = &mut self.output {
            output.given = None;
        }
        Ok(if answer.tool_calls().next().is_some() {
            self.take_calls(answer, last)
        } else {
            self.take_text(answer, last)
        })
    }

    /// Somebody checked the answer of [`Step::CheckOutput`], and says what is wrong if it does not fit. Returns the
    /// results of the calls by which it was given.
    ///
    /// # Errors
    ///
    /// No answer was to be checked.
    pub fn output_checked(
        &mut self,
        verdict: Result<(), String>,
    ) -> Result<Vec<ToolResult>, UnexpectedInput> {
        match &mut self.phase {
            Phase::Check { then } => {
                match verdict {
                    Ok(()) => self.phase = Phase::Ended(then.clone()),
                    Err(reason) => {
                        self.ask_model();
                        if let Phase::Model { note, .. } = &mut self.phase {
                            let limit = note.take().map(|note| format!(" {note}"));
                            *note = Some(not_taken(&reason) + &limit.unwrap_or_default());
                        }
                    }
                }
                Ok(Vec::new())
            }
            Phase::Tools(batch) => {
                let Some(call) = batch.output() else {
                    return Err(self.unexpected("a verdict on an answer"));
                };
                if let Some(output) = &mut self.output {
                    output.given = Some(given_by(call).to_owned());
                }
                let settled = batch.output_checked(verdict);
                self.close_batch();
                Ok(settled)
            }
            _ => Err(self.unexpected("a verdict on an answer")),
        }
    }

    /// Somebody decided about the calls of [`Step::ReviewTools`], with one verdict for each, in their order. Returns
    /// the results of calls that will not run.
    ///
    /// # Errors
    ///
    /// No verdicts were waited for.
    pub fn tools_reviewed(
        &mut self,
        verdicts: Vec<Verdict>,
    ) -> Result<Vec<ToolResult>, UnexpectedInput> {
        match &mut self.phase {
            Phase::Tools(batch) if !batch.unreviewed().is_empty() => {
                let settled = batch.reviewed(verdicts);
                self.close_batch();
                Ok(settled)
            }
            _ => Err(self.unexpected("verdicts")),
        }
    }

    /// A person decided about some or all of the calls of [`Step::AwaitApproval`]. Returns the results of calls that
    /// will not run.
    ///
    /// # Errors
    ///
    /// One of the calls does not wait for a decision; nothing was decided.
    pub fn approvals_given(
        &mut self,
        approvals: &[Approval],
    ) -> Result<Vec<ToolResult>, UnexpectedInput> {
        let waits = |batch: &Batch, call: &ToolCallId| {
            batch.asked().iter().any(|asked| asked.call.id == *call)
        };
        match &mut self.phase {
            Phase::Tools(batch)
                if approvals
                    .iter()
                    .all(|approval| waits(batch, approval.call())) =>
            {
                let settled = batch.approved(approvals);
                self.close_batch();
                Ok(settled)
            }
            _ if approvals.is_empty() => Ok(Vec::new()),
            _ => Err(self.unexpected("a decision about a call that does not wait for one")),
        }
    }

    /// A call of [`Step::RunTools`] has its result.
    ///
    /// # Errors
    ///
    /// The call does not run, or has its result already; the first one stays.
    pub fn tool_finished(&mut self, result: ToolResult) -> Result<(), UnexpectedInput> {
        let call = result.call_id.clone();
        let taken = match &mut self.phase {
            Phase::Tools(batch) => batch.finished(result),
            _ => false,
        };
        if !taken {
            return Err(self.unexpected(format!("a result of call `{call}`")));
        }
        self.close_batch();
        Ok(())
    }

    /// Ends the turn where it is. What the model has said so far (`partial`, if it was just writing) and what the
    /// tools have done is kept, in messages that are still to be committed.
    pub fn cancel(&mut self, partial: &str) {
        match &mut self.phase {
            Phase::Model {
                over_budget: true, ..
            }
            | Phase::Ended(_) => {}
            Phase::Model { .. } => {
                if !partial.trim().is_empty() {
                    let message = Message::with_id(
                        self.next_id(),
                        Role::Assistant,
                        vec![Part::text(partial)],
                    );
                    self.messages
                        .push(Arc::new(message.with_extra("interrupted", true)));
                }
                self.phase = Phase::Ended(TurnOutcome::Cancelled);
            }
            Phase::Check { .. } => self.phase = Phase::Ended(TurnOutcome::Cancelled),
            Phase::Tools(batch) => {
                batch.cancel();
                batch.then = Some(TurnOutcome::Cancelled);
                self.close_batch();
            }
        }
    }

    /// Takes the turn up again: one that ended at a limit gets a new allowance; one that waits, or that a budget has
    /// ended, goes on where it is.
    ///
    /// # Errors
    ///
    /// The turn has ended for good.
    pub fn resume(&mut self) -> Result<(), UnexpectedInput> {
        match &mut self.phase {
            Phase::Ended(TurnOutcome::ToolLimit) => {
                if let Some(output) = &mut self.output {
                    output.attempts = 0;
                }
                self.tool_iterations = 0;
                self.tool_calls = 0;
                self.tokens_before = self.usage.total_tokens();
                self.stuck = 0;
                self.calls_made.clear();
                self.ask_model();
            }
            Phase::Ended(TurnOutcome::Truncated) => {
                self.pauses = 0;
                if let Some(output) = &mut self.output {
                    output.attempts = 0;
                }
                self.ask_model();
                // Half an answer does not fit, and two halves are two messages.
                let resumed = self.output.as_ref().map_or(CONTINUE_NOTE, |_| WHOLE_NOTE);
                if let Phase::Model { note, .. } = &mut self.phase {
                    note.get_or_insert_with(|| resumed.to_owned());
                }
            }
            Phase::Ended(outcome) => {
                let found = format!("a wish to go on after the turn ended as {outcome}");
                return Err(UnexpectedInput {
                    expected: "finish",
                    found,
                });
            }
            Phase::Model { over_budget, .. } => *over_budget = false,
            Phase::Check { .. } | Phase::Tools(_) => {}
        }
        Ok(())
    }

    /// The turn's identifier.
    #[must_use]
    pub fn id(&self) -> TurnId {
        self.id
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Every message that the turn has added or will add to the conversation, the user's first.
    #[must_use]
    pub fn messages(&self) -> &[Arc<Message>] {
        &self.messages
    }

    /// The messages that are not in the conversation yet.
    #[must_use]
    pub fn uncommitted(&self) -> &[Arc<Message>] {
        &self.messages[self.committed..]
    }

    /// Returns the usage of the turn until now.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The turn in the form in which it waits.
    #[must_use]
    pub fn suspend(&self) -> SuspendedTurn {
        let mut suspended = self.suspend_as(self);
        suspended.executed = self.executed();
        suspended
    }

    /// The results of calls that have run, or may have, and are not in the conversation.
    fn executed(&self) -> Vec<ToolResult> {
        let answered = self
            .uncommitted()
            .iter()
            .flat_map(|message| message.tool_results());
        let batch = match &self.phase {
            Phase::Tools(batch) => Some(batch.done()),
            _ => None,
        };
        answered
            .chain(batch.into_iter().flatten())
            .filter(|result| !matches!(result.outcome, ToolOutcome::Rejected | ToolOutcome::Denied))
            .cloned()
            .collect()
    }

    fn suspend_as(&self, form: &Self) -> SuspendedTurn {
        let state = serde_json::to_value(form).unwrap_or_default();
        let mut suspended = SuspendedTurn::new(self.session.clone(), self.id, state);
        suspended.last_message = self.messages[..self.committed]
            .last()
            .map(|message| message.id());
        suspended.usage = self.usage.clone();
        if let Phase::Tools(batch) = &self.phase {
            suspended.approvals = batch.asked();
        }
        suspended
    }

    /// Returns the response of the turn, if it ends in this way.
    #[must_use]
    pub fn response(&self, outcome: &TurnOutcome) -> ChatResponse {
        let mut response = ChatResponse::ended(self.session.clone(), self.id, outcome.clone());
        let waits = matches!(
            outcome,
            TurnOutcome::AwaitingApproval
                | TurnOutcome::Budget
                | TurnOutcome::ToolLimit
                | TurnOutcome::Truncated
        );
        response.suspended = waits.then(|| Box::new(self.suspend()));
        response.output = self
            .output
            .as_ref()
            .and_then(|output| output.given_at(outcome));
        response.messages.clone_from(&self.messages);
        response.usage = self.usage.clone();
        response.model_calls = self.model_calls;
        response.stop_reason = self.stop_reason.clone();
        response.refusal.clone_from(&self.refusal);
        response.model = self.model.clone();
        response
    }

    /// Whether a turn that was read from somewhere can be worked at all.
    pub(crate) fn is_sound(&self) -> bool {
        let is_checkable =
            !matches!(self.phase, Phase::Check { .. }) || self.output_to_check().is_some();
        self.elided == 0
            && !self.messages.is_empty()
            && self.committed <= self.messages.len()
            && is_checkable
    }

    fn output_to_check(&self) -> Option<Step> {
        let output = self.output.as_ref()?;
        match &self.phase {
            Phase::Check { .. } => Some(output.check(output.given.as_deref()?)),
            Phase::Tools(batch) => Some(output.check(given_by(batch.output()?))),
            _ => None,
        }
    }

    /// An answer with tool calls.
    fn take_calls(&mut self, answer: Completion, last: Option<TurnOutcome>) -> Vec<ToolResult> {
        let cut = matches!(
            answer.stop_reason,
            StopReason::MaxTokens | StopReason::ContextFull
        );
        let refused = answer.stop_reason == StopReason::Refusal;
        let calls = answer.tool_calls().count();
        if let Some(output) = &mut self.output {
            let name = &output.contract.format.name;
            let given = answer.tool_calls().find(|call| call.name == *name);
            if !refused && (given.is_some() || last.is_some()) {
                output.attempted(given.map(|call| given_by(call).to_owned()));
            }
        }
        let mut batch = Batch::new(
            without_empty_text(answer.parts),
            &format!("{}/{}", self.id, self.model_calls),
        );
        let mut settled = batch.reject_malformed(cut);
        if refused {
            batch.then = Some(TurnOutcome::Refused);
            settled.extend(batch.reject_all("not run: the answer was refused"));
        } else if let Some(outcome) = last {
            match &self.output {
                Some(output) => batch.claim_output(&output.contract.format.name, outcome),
                None => batch.then = Some(outcome),
            }
            settled.extend(
                batch.reject_all("not run: no tools may be called in the last answer of a turn"),
            );
        } else {
            if let Some(output) = &self.output {
                batch.claim_output(&output.contract.format.name, TurnOutcome::Completed);
            }
            let repeated =
                batch.reject_repeated(&mut self.calls_made, self.limits.max_identical_calls);
            self.stuck = if repeated.len() == calls {
                self.stuck + 1
            } else {
                0
            };
            settled.extend(repeated);
            if let Some(limit) = self.limits.max_tool_calls {
                let left = limit.saturating_sub(self.tool_calls);
                let (made, rejected) = batch.reject_over(left, limit);
                self.tool_calls += made;
                settled.extend(rejected);
            }
            self.tool_iterations += 1;
        }
        self.phase = Phase::Tools(batch);
        self.close_batch();
        settled
    }

    /// An answer without tool calls.
    fn take_text(&mut self, answer: Completion, last: Option<TurnOutcome>) -> Vec<ToolResult> {
        let parts = without_empty_text(answer.parts);
        let says_nothing = !parts
            .iter()
            .any(|part| !matches!(part, Part::Thinking(_) | Part::Opaque(_)));
        if !parts.is_empty() && (!says_nothing || answer.stop_reason == StopReason::PauseTurn) {
            let message =
                Message::with_id(self.next_id(), Role::Assistant, parts).with_model(answer.model);
            self.messages.push(Arc::new(message));
        }
        let ended = last.unwrap_or(TurnOutcome::Completed);
        match answer.stop_reason {
            StopReason::Refusal => self.decline(),
            StopReason::MaxTokens | StopReason::ContextFull => {
                self.phase = Phase::Ended(TurnOutcome::Truncated);
            }
            StopReason::PauseTurn if self.pauses < self.limits.max_pauses => {
                self.pauses += 1;
                self.ask_model();
            }
            StopReason::PauseTurn => self.phase = Phase::Ended(TurnOutcome::Truncated),
            _ if !says_nothing => match &mut self.output {
                Some(output) => {
                    let given = self.messages.last();
                    output.attempted(given.map(|message| message.text().into_owned()));
                    self.phase = Phase::Check { then: ended };
                }
                None => self.phase = Phase::Ended(ended),
            },
            _ if self.empty_answers < self.limits.max_empty_answers => {
                self.empty_answers += 1;
                if let Phase::Model { note, .. } = &mut self.phase {
                    *note = Some(EMPTY_NOTE.to_owned());
                }
            }
            _ => self.phase = Phase::Ended(TurnOutcome::Empty),
        }
        Vec::new()
    }

    /// Puts the answer and its results into the conversation once every call has its result.
    fn close_batch(&mut self) {
        let Phase::Tools(batch) = &mut self.phase else {
            return;
        };
        let Some(results) = batch.results() else {
            return;
        };
        let (answer, then) = (std::mem::take(&mut batch.answer), batch.then.take());
        let mut answer = Message::with_id(self.next_id(), Role::Assistant, answer);
        if let Some(model) = &self.model {
            answer = answer.with_model(model.clone());
        }
        self.messages.push(Arc::new(answer));
        self.messages.push(Arc::new(Message::with_id(
            self.next_id(),
            Role::Tool,
            results,
        )));
        match then {
            Some(TurnOutcome::Refused) => self.decline(),
            Some(outcome) => self.phase = Phase::Ended(outcome),
            None => self.ask_model(),
        }
    }

    /// The identifier of the message that comes next.
    fn next_id(&self) -> MessageId {
        self.id
            .message_id(u32::try_from(self.messages.len()).unwrap_or(u32::MAX))
    }

    fn unexpected(&self, found: impl Into<String>) -> UnexpectedInput {
        UnexpectedInput {
            expected: self.next_step().name(),
            found: found.into(),
        }
    }
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

fn without_empty_text(mut parts: Vec<Part>) -> Vec<Part> {
    parts.retain(|part| !is_blank(part));
    parts
}

/// Whether a part says nothing at all.
pub(crate) fn is_blank(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.text.trim().is_empty())
}
