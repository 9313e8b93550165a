//! The coordinator that works turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use victor_chat_protocol::{
    ApprovalRequested, ChatEngine, ChatError, ChatResponse, EventSink, ModelCall, ModelCallError,
    ModelCallFinished, ModelCallStarted, SuspendedTurn, TextWithdrawn, ToolCallFinished,
    ToolCallProgressed, ToolCallStarted, TurnEventKind, TurnOutcome, TurnPorts, TurnStart,
    TurnStarted, TurnStream,
};
use victor_core::{BoxError, Coordinator, ToolCall, ToolOutcome, ToolResult};
use victor_provider_protocol::{Completion, CompletionEvent, CompletionStream, ProviderError};
use victor_tool_protocol::ToolUpdate;

use crate::turn::is_blank;
use crate::{Step, Turn, UnexpectedInput};

/// Works turns: does what a [`Turn`] says, through the ports that it is given, and emits an event for everything that
/// happens.
///
/// It has no state; one coordinator serves any number of turns at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChatCoordinator;

impl ChatCoordinator {
    /// A coordinator.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Works a turn while the stream is polled. For programs that have no orchestrator.
    #[must_use]
    pub fn stream_chat(&self, start: TurnStart, ports: Arc<dyn TurnPorts>) -> TurnStream {
        let (session, turn) = match &start {
            TurnStart::Begin { session, turn, .. } => (session.clone(), *turn),
            TurnStart::Resume { turn, .. } => (turn.session.clone(), turn.turn),
        };
        let coordinator = *self;
        TurnStream::new(session, turn, async move |events| {
            coordinator.run_turn(start, ports, &events).await
        })
    }
}

#[async_trait]
impl Coordinator for ChatCoordinator {
    fn name(&self) -> &str {
        "chat"
    }
}

#[async_trait]
impl ChatEngine for ChatCoordinator {
    async fn run_turn(
        &self,
        start: TurnStart,
        ports: Arc<dyn TurnPorts>,
        events: &EventSink,
    ) -> Result<ChatResponse, ChatError> {
        let (turn, approvals) = match start {
            TurnStart::Begin {
                session,
                turn,
                input,
                limits,
                output,
            } => {
                if input.parts().iter().all(is_blank) {
                    return Err(ChatError::EmptyInput);
                }
                let turn = Turn::begin(session, turn, input, limits);
                match output {
                    Some(contract) => (turn.with_output(contract), None),
                    None => (turn, None),
                }
            }
            TurnStart::Resume { turn, approvals } => (revive(&turn)?, Some(approvals)),
        };
        let input = turn.messages()[0].id();
        let mut work = Work {
            turn,
            events,
            partial: String::new(),
            over: false,
            journaled: approvals.is_some() && ports.persists_turns(),
            ports,
        };
        events
            .emit(TurnStarted::new(input).with_resumed(approvals.is_some()))
            .await;
        if let Some(approvals) = approvals {
            let settled = work
                .turn
                .approvals_given(&approvals)
                .map_err(|error| resume_error(&error))?;
            work.tell(settled).await;
        }
        let result = work.run().await;
        work.over = true;
        result
    }
}

/// A turn that is being worked. When it is dropped before it is over, it hands over what was said and done.
struct Work<'a> {
    turn: Turn,
    ports: Arc<dyn TurnPorts>,
    events: &'a EventSink,
    /// Text of an answer that is not whole yet.
    partial: String,
    over: bool,
    /// Whether the journal holds the turn, as it does if it is one that was taken up from there.
    journaled: bool,
}

impl Work<'_> {
    async fn run(&mut self) -> Result<ChatResponse, ChatError> {
        loop {
            let step = self.turn.next_step();
            if self.events.is_cancelled() && !matches!(step, Step::Commit(_) | Step::Finish(_)) {
                self.cancel();
                continue;
            }
            match step {
                Step::Commit(messages) => {
                    let open = self
                        .ports
                        .persists_turns()
                        .then(|| self.turn.journal_committed())
                        .flatten();
                    let journaled = open.is_some();
                    let committed = self.ports.commit(&messages, open).await;
                    committed.map_err(|source| self.not_stored(source))?;
                    self.turn.committed();
                    self.journaled = journaled;
                }
                Step::CallModel(call) => self.call_model(&call).await?,
                Step::CheckOutput { contract, text } => {
                    let verdict = self.ports.check_output(&contract, &text);
                    if let Err(reason) = &verdict {
                        self.events
                            .emit(TurnEventKind::notice("output", reason))
                            .await;
                    }
                    let settled = expected(self.turn.output_checked(verdict));
                    self.tell(settled).await;
                }
                Step::ReviewTools { calls, approvals } => {
                    let review = self.ports.review_tools(&calls, &approvals);
                    let Some(verdicts) = self.events.until_cancelled(review).await else {
                        continue;
                    };
                    let settled = expected(self.turn.tools_reviewed(verdicts));
                    self.tell(settled).await;
                }
                Step::RunTools(calls) => {
                    self.journal().await?;
                    self.run_tools(calls).await;
                }
                Step::AwaitApproval(approvals) => {
                    self.journal().await?;
                    self.events.emit(ApprovalRequested::new(approvals)).await;
                    return Ok(self.turn.response(&TurnOutcome::AwaitingApproval));
                }
                Step::Finish(outcome) => {
                    if self.journaled {
                        let closed = self.ports.commit(&[], None).await;
                        closed.map_err(|source| self.not_stored(source))?;
                    }
                    return Ok(self.turn.response(&outcome));
                }
            }
        }
    }

    /// Keeps where the turn is, where that is wished for.
    async fn journal(&self) -> Result<(), ChatError> {
        if self.ports.persists_turns()
            && let Some(open) = self.turn.journal()
        {
            let journaled = self.ports.journal(&open).await;
            journaled.map_err(|source| self.not_stored(source))?;
        }
        Ok(())
    }

    fn not_stored(&self, source: BoxError) -> ChatError {
        ChatError::Commit {
            source,
            turn: Box::new(self.turn.suspend()),
        }
    }

    async fn call_model(&mut self, call: &ModelCall) -> Result<(), ChatError> {
        self.events.emit(ModelCallStarted::new(call.number)).await;
        let began = Instant::now();
        let mut first_token = None;
        let answer = async {
            let asked = self.ports.call_model(call).await;
            let stream = asked.map_err(Failure::NotAsked)?;
            let mut receiver = Receiver {
                call: call.number,
                events: self.events,
                partial: &mut self.partial,
                first_token: &mut first_token,
            };
            let received = receiver.receive(stream).await;
            received.map_err(Failure::Asked)
        };
        let Some(answer) = self.events.until_cancelled(answer).await else {
            self.cancel();
            return Ok(());
        };
        match answer {
            Ok(completion) => {
                let finished = ModelCallFinished::new(
                    call.number,
                    completion.model.clone(),
                    completion.stop_reason.clone(),
                    completion.usage.clone(),
                )
                .with_context_tokens(completion.context_tokens)
                .with_elapsed_us(micros(began.elapsed()))
                .with_first_token_us(first_token.map(|at| micros(at.duration_since(began))))
                .with_queued_us(micros(completion.queued));
                let settled = expected(self.turn.model_answered(completion));
                self.partial.clear();
                self.events.emit(finished).await;
                self.tell(settled).await;
                Ok(())
            }
            Err(failure) => {
                self.partial.clear();
                let error = match failure {
                    Failure::NotAsked(error) => {
                        expected(self.turn.model_not_asked());
                        error
                    }
                    Failure::Asked(error) => {
                        if expected(self.turn.model_failed(&error)) {
                            self.events
                                .emit(TurnEventKind::notice("provider", error.to_string()))
                                .await;
                            return Ok(());
                        }
                        error.into()
                    }
                };
                Err(error.of_turn(self.turn.suspend()))
            }
        }
    }

    async fn run_tools(&mut self, mut calls: Vec<ToolCall>) {
        for call in &calls {
            self.events.emit(ToolCallStarted::new(call.clone())).await;
        }
        let began = Instant::now();
        let mut results = self.ports.run_tools(calls.clone());
        while !calls.is_empty() {
            let result = match self.events.until_cancelled(results.next()).await {
                Some(Some(ToolUpdate::Finished(result))) => result,
                Some(Some(ToolUpdate::Progress { call, message })) => {
                    let progressed = ToolCallProgressed::new(call, message);
                    self.events.emit(progressed).await;
                    continue;
                }
                Some(Some(ToolUpdate::Notice { message, .. })) => {
                    self.events
                        .emit(TurnEventKind::notice("tool", message))
                        .await;
                    continue;
                }
                Some(Some(_)) => continue,
                Some(None) => ToolResult::new(
                    &calls[0],
                    ToolOutcome::Error,
                    "the tool executor returned no result",
                ),
                None => return,
            };
            // An executor that returns a result twice, or one of another call, is not believed.
            if self.turn.tool_finished(result.clone()).is_err() {
                continue;
            }
            calls.retain(|call| call.id != result.call_id);
            let elapsed_us = micros(began.elapsed());
            self.events
                .emit(ToolCallFinished::new(result).with_elapsed_us(elapsed_us))
                .await;
        }
    }

    /// Tells of results of calls that did not run.
    async fn tell(&self, settled: Vec<ToolResult>) {
        for result in settled {
            self.events.emit(ToolCallFinished::new(result)).await;
        }
    }

    fn cancel(&mut self) {
        self.turn.cancel(&self.partial);
        self.partial.clear();
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.cancel();
        let rest = self.turn.uncommitted();
        if !rest.is_empty() || self.journaled {
            self.ports.abandon(rest.to_vec());
        }
    }
}

/// A model call that failed.
enum Failure {
    /// No request was made.
    NotAsked(ModelCallError),
    /// The request was refused, or its answer did not come whole.
    Asked(ProviderError),
}

/// The receiver of one model call's answer, which emits the answer while it is being written.
struct Receiver<'a> {
    call: u32,
    events: &'a EventSink,
    partial: &'a mut String,
    /// Time of the first piece that counts.
    first_token: &'a mut Option<Instant>,
}

impl Receiver<'_> {
    async fn receive(&mut self, mut stream: CompletionStream) -> Result<Completion, ProviderError> {
        let events = self.events;
        loop {
            match stream.next().await {
                Some(Ok(CompletionEvent::TextDelta(text))) => {
                    self.first_token.get_or_insert_with(Instant::now);
                    self.partial.push_str(&text);
                    events.emit(TurnEventKind::text(text)).await;
                }
                Some(Ok(CompletionEvent::ThinkingDelta(text))) => {
                    self.first_token.get_or_insert_with(Instant::now);
                    events.emit(TurnEventKind::thinking(text)).await;
                }
                Some(Ok(CompletionEvent::Withdrawn)) => {
                    // First, so that a turn that is cancelled meanwhile keeps nothing of it.
                    self.partial.clear();
                    *self.first_token = None;
                    events.emit(TextWithdrawn::new(self.call)).await;
                }
                Some(Ok(CompletionEvent::Waiting(notice))) => events.emit(notice).await,
                Some(Ok(CompletionEvent::Retrying(notice))) => events.emit(notice).await,
                Some(Ok(CompletionEvent::Finished(completion))) => return Ok(*completion),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                // The stream cannot end without one of the two; if it did, this reads its error.
                None => return stream.completion().await,
            }
        }
    }
}

/// The answer of a turn to the input for which it has just asked.
fn expected<T: Default>(answer: Result<T, UnexpectedInput>) -> T {
    debug_assert!(answer.is_ok(), "the turn was told what it had asked for");
    answer.unwrap_or_default()
}

fn revive(suspended: &SuspendedTurn) -> Result<Turn, ChatError> {
    let mut turn = serde_json::from_value::<Turn>(suspended.state.clone()).map_err(|error| {
        ChatError::Resume {
            reason: error.to_string(),
        }
    })?;
    turn.restore(&suspended.committed);
    turn.adopt(suspended.turn);
    if !turn.is_sound() {
        let reason = "its state is damaged".to_owned();
        return Err(ChatError::Resume { reason });
    }
    turn.resume().map_err(|error| resume_error(&error))?;
    Ok(turn)
}

fn resume_error(error: &UnexpectedInput) -> ChatError {
    ChatError::Resume {
        reason: error.to_string(),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
