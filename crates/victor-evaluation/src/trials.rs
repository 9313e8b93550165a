//! One trial.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use victor_chat_protocol::{ChatError, ChatInput, ChatResponse, TurnOutcome};
use victor_core::{contain, contain_sync, text_of, with_causes};
use victor_evaluation_protocol::{
    CaseTurn, EvalCase, ObservedCall, OpenedAgent, RunOptions, Subject, Trial, TrialState,
    TrialTurn,
};

/// Time that an agent has to say what it used after it was cancelled.
const GRACE: Duration = Duration::from_secs(5);

/// Makes a trial, again after an error that may pass.
pub(crate) async fn make_trial(
    subject: &dyn Subject,
    options: &RunOptions,
    case: &EvalCase,
    repeat: u32,
) -> Trial {
    let mut trial = Trial::new(&case.id, repeat, TrialState::Failed);
    let began = Instant::now();
    let deadline = began.checked_add(options.case_timeout);
    let deadline = deadline.unwrap_or_else(|| began + Duration::from_secs(86_400 * 365));
    loop {
        trial.turns.clear();
        let mut attempt = Attempt {
            options,
            deadline,
            trial: &mut trial,
        };
        let ended = attempt.make(subject, case).await;
        let (state, reason, may_pass) = match ended {
            Ok(()) => (TrialState::Completed, None, false),
            Err(end) => (end.state, Some(end.reason), end.may_pass),
        };
        (trial.state, trial.reason) = (state, reason);
        if !may_pass || trial.attempts > options.retries || Instant::now() >= deadline {
            break;
        }
        trial.attempts += 1;
    }
    let micros = began.elapsed().as_micros().try_into();
    trial.duration = Duration::from_micros(micros.unwrap_or(u64::MAX));
    trial
}

/// The way in which an attempt ended before its last answer.
struct End {
    state: TrialState,
    reason: String,
    may_pass: bool,
}

impl End {
    fn new(state: TrialState, reason: impl Into<String>) -> Self {
        Self {
            state,
            reason: reason.into(),
            may_pass: false,
        }
    }
}

struct Attempt<'a> {
    options: &'a RunOptions,
    deadline: Instant,
    trial: &'a mut Trial,
}

impl Attempt<'_> {
    async fn make(&mut self, subject: &dyn Subject, case: &EvalCase) -> Result<(), End> {
        let opened = self.within(subject.open(case)).await?;
        let opened = opened.map_err(|error| End::new(TrialState::Failed, with_causes(&*error)))?;
        for (index, turn) in case.turns.iter().enumerate() {
            if index > 0 {
                self.check_budget()?;
            }
            self.take_turn(&opened, turn).await?;
        }
        if let Some(environment) = &opened.environment {
            let observed = self.within(environment.observe(case)).await?;
            let observed =
                observed.map_err(|error| End::new(TrialState::Failed, with_causes(&*error)))?;
            (self.trial.files, self.trial.state_after) = (observed.files, observed.state);
        }
        Ok(())
    }

    /// Awaits foreign code until the deadline of the case.
    async fn within<F: Future>(&self, future: F) -> Result<F::Output, End> {
        match timeout_at(self.deadline, contain(future)).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(panicked)) => Err(End::new(TrialState::Panicked, panicked.to_string())),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> End {
        let limit = self.options.case_timeout;
        End::new(
            TrialState::TimedOut,
            format!("the case took longer than {limit:?}"),
        )
    }

    fn check_budget(&self) -> Result<(), End> {
        let (options, trial) = (self.options, &*self.trial);
        let tokens = trial.usage.total_tokens();
        if let Some(most) = options.case_tokens.filter(|most| tokens >= *most) {
            let reason = format!("{tokens} tokens were used, and the limit is {most}");
            return Err(End::new(TrialState::OverBudget, reason));
        }
        match options.case_cost.zip(trial.cost) {
            Some((most, cost)) if cost >= most => {
                let reason = format!("{cost} were spent, and the limit is {most}");
                Err(End::new(TrialState::OverBudget, reason))
            }
            _ => Ok(()),
        }
    }

    async fn take_turn(&mut self, opened: &OpenedAgent, turn: &CaseTurn) -> Result<(), End> {
        let mut input = ChatInput::from(&turn.input);
        for (name, fact) in &turn.metadata {
            input = input.with(name, fact.clone());
        }
        let stream = contain_sync(|| opened.agent.stream_chat(input));
        let stream =
            stream.map_err(|panicked| End::new(TrialState::Panicked, panicked.to_string()))?;
        let cancel = stream.cancel_handle();
        let mut asked = pin!(contain(stream.response()));
        let (ended, is_late) = match timeout_at(self.deadline, &mut asked).await {
            Ok(ended) => (ended, false),
            Err(_) => {
                // An agent that is told to stop says what it has done and used.
                cancel.cancel();
                match timeout(GRACE, asked).await {
                    Ok(ended) => (ended, true),
                    Err(_) => return Err(self.timed_out()),
                }
            }
        };
        let ended = match ended {
            Err(panicked) => Err(End::new(TrialState::Panicked, panicked.to_string())),
            Ok(Err(error)) => {
                self.trial.usage += &error.usage();
                Err(failure(&error))
            }
            Ok(Ok(response)) => self.record(turn, &response),
        };
        if is_late {
            Err(self.timed_out())
        } else {
            ended
        }
    }

    /// Takes an answer down.
    fn record(&mut self, turn: &CaseTurn, response: &ChatResponse) -> Result<(), End> {
        let trial = &mut *self.trial;
        let mut recorded = TrialTurn::new(&turn.input, response.content());
        recorded.calls = calls(response);
        trial.turns.push(recorded);
        trial.usage += &response.usage;
        // A sum with one cost that is not known is not known.
        let is_first = trial.turns.len() == 1 && trial.attempts == 1;
        trial.cost = match (trial.cost, response.cost) {
            (None, cost) if is_first => cost,
            (Some(sum), Some(cost)) => Some(sum + cost),
            _ => None,
        };
        let reason = match (state_of(&response.outcome), &response.refusal) {
            (TrialState::Completed, _) => return Ok(()),
            (TrialState::Refused, refusal) => {
                let explanation = refusal
                    .as_ref()
                    .and_then(|refusal| refusal.explanation.clone());
                explanation.unwrap_or_else(|| "the model declined".to_owned())
            }
            (TrialState::OverBudget, _) => "the agent reached a budget of its own".to_owned(),
            _ => format!("the turn ended as {}", response.outcome),
        };
        Err(End::new(state_of(&response.outcome), reason))
    }
}

/// The state of a trial whose last turn ended in this way.
pub(crate) fn state_of(outcome: &TurnOutcome) -> TrialState {
    match outcome {
        TurnOutcome::Refused => TrialState::Refused,
        TurnOutcome::Budget => TrialState::OverBudget,
        TurnOutcome::ToolLimit
        | TurnOutcome::AwaitingApproval
        | TurnOutcome::Merged
        | TurnOutcome::Truncated
        | TurnOutcome::Cancelled => TrialState::Unfinished,
        _ => TrialState::Completed,
    }
}

/// The tool calls of a turn, with their results.
pub(crate) fn calls(response: &ChatResponse) -> Vec<ObservedCall> {
    let mut calls = Vec::new();
    let mut places = HashMap::new();
    for message in &response.messages {
        for call in message.tool_calls() {
            places.insert(&call.id, calls.len());
            calls.push(ObservedCall::new(&call.name, &call.arguments));
        }
        for result in message.tool_results() {
            if let Some(call) = places
                .get(&result.call_id)
                .and_then(|place| calls.get_mut(*place))
            {
                call.outcome = Some(result.outcome.clone());
                call.output = text_of(&result.content).into_owned();
            }
        }
    }
    calls
}

fn failure(error: &ChatError) -> End {
    let may_pass = match error {
        ChatError::Provider { source, .. } => source.is_transient(),
        ChatError::Commit { .. } | ChatError::Conflict { .. } => true,
        _ => false,
    };
    let state = match error {
        ChatError::Panicked(_) => TrialState::Panicked,
        _ => TrialState::Failed,
    };
    End {
        state,
        reason: error.report(),
        may_pass,
    }
}
