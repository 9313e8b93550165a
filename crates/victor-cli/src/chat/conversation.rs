//! A conversation, turn by turn.

use std::io;
use std::time::{Duration, Instant};

use serde_json::Value;
use victor_orchestrator::Session;
use victor_orchestrator::chat::{
    Approval, ChatError, ChatInput, ChatResponse, SuspendedTurn, TurnEventKind, TurnOutcome,
    TurnStream,
};
use victor_orchestrator::provider::{LedgerTotal, NanoDollars};
use victor_orchestrator::session::SessionManagerExt as _;
use victor_orchestrator::session::SessionPatch;

use victor_workspace_tools::WorkspaceTools;

use super::approval::{self, Answer};
use super::inquiry::Inquiry;
use super::view::View;
use crate::agent::ErrorHints;
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::provider::PROVIDER;
use crate::{telemetry, terminal, usage};

/// A conversation: its session, and the view that shows it.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) session: Session,
    pub(super) view: View,
    interrupts: Interrupts,
    hints: ErrorHints,
    pub(super) workspace: WorkspaceTools,
    /// Whether approvals may be stored for later conversations.
    can_store_approvals: bool,
    /// Whether title and model were stored with the session.
    is_described: bool,
    /// The provider and the model, to be stored with the session.
    memory: Option<Value>,
}

/// The end of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The model answered.
    Answered,
    /// The turn failed.
    Failed,
    /// Another process works on the session, and nothing was sent.
    Refused,
    /// A signal stopped the turn.
    Stopped(Exit),
    /// A signal ends the program.
    Left(Exit),
}

impl End {
    /// Returns the exit code of the program after it.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Answered => Exit::Answered,
            Self::Failed | Self::Refused => Exit::Failed,
            Self::Stopped(exit) | Self::Left(exit) => exit,
        }
    }
}

/// The outcome of a turn that was shown.
enum Watched {
    Finished(Box<ChatResponse>),
    Failed(ChatError),
    Left(Exit),
}

/// Describes the cost of a turn, and of its session if that is more; empty where it cost nothing.
fn spent(before: &LedgerTotal, after: &LedgerTotal) -> String {
    let mut turn = LedgerTotal::default();
    turn.attempts = after.attempts.saturating_sub(before.attempts);
    turn.unpriced = after.unpriced.saturating_sub(before.unpriced);
    turn.cost = after.cost.saturating_sub(before.cost);
    if turn.unpriced == 0 && turn.cost == NanoDollars::ZERO {
        return String::new();
    }
    let amount = |total| match usage::cost(total) {
        cost if cost == "unknown" => "cost unknown".to_owned(),
        cost => cost,
    };
    match before.attempts {
        0 => format!(", {}", amount(&turn)),
        _ => format!(
            ", {} ({} in the session)",
            amount(&turn),
            usage::cost(after)
        ),
    }
}

impl Conversation {
    pub(super) fn new(
        session: Session,
        view: View,
        interrupts: Interrupts,
        hints: ErrorHints,
        workspace: WorkspaceTools,
        can_store_approvals: bool,
        memory: Option<Value>,
    ) -> Self {
        Self {
            session,
            view,
            interrupts,
            hints,
            workspace,
            can_store_approvals,
            is_described: false,
            memory,
        }
    }

    /// Sends a message and shows the turn. Fails only if the output cannot be written.
    pub(super) async fn send(&mut self, message: String) -> io::Result<End> {
        let title = terminal::short_line(&message);
        let input = ChatInput::from(message).with_trace(telemetry::caller());
        let stream = self.session.stream_chat(input);
        let end = self.show(stream).await?;
        if end != End::Refused {
            self.describe(title).await;
        }
        Ok(end)
    }

    /// Resumes an open turn, after a person has decided about the waiting calls.
    pub(super) async fn resume(&mut self, turn: SuspendedTurn) -> io::Result<End> {
        let stream = self.decide(turn);
        self.show(stream).await
    }

    /// Stores the first message as the title of a session without one, and the model. Failures are ignored.
    async fn describe(&mut self, title: String) {
        if std::mem::replace(&mut self.is_described, true) {
            return;
        }
        let sessions = self.session.orchestrator().session_coordinator();
        let Ok(Some(info)) = sessions.session_info(self.session.id()).await else {
            return;
        };
        let mut patch = SessionPatch::default();
        if info.title.is_none() {
            patch.title = Some(title);
        }
        if let Some(memory) = self.memory.take()
            && info.metadata.get(PROVIDER) != Some(&memory)
        {
            patch.metadata.insert(PROVIDER.to_owned(), memory);
        }
        if patch.title.is_some() || !patch.metadata.is_empty() {
            let _ = sessions.update_session(self.session.id(), &patch).await;
        }
    }

    async fn show(&mut self, mut stream: TurnStream) -> io::Result<End> {
        let mut busy = Duration::ZERO;
        let before = self.session.usage().unwrap_or_default();
        loop {
            let began = Instant::now();
            let (watched, signal) = self.watch(stream).await?;
            busy += began.elapsed();
            if signal == Some(Exit::Interrupted) {
                self.view.interrupted();
            }
            self.view.end_line()?;
            let mut response = match watched {
                Watched::Finished(response) => response,
                Watched::Failed(error) => {
                    terminal::error(&self.hints.report(&error).await);
                    let is_refused = matches!(error, ChatError::Conflict { turn: None, .. });
                    let end = if is_refused {
                        End::Refused
                    } else {
                        End::Failed
                    };
                    return Ok(signal.map_or(end, End::Stopped));
                }
                Watched::Left(exit) => return Ok(End::Left(exit)),
            };
            let waits = response.outcome == TurnOutcome::AwaitingApproval;
            if let Some(turn) = response
                .suspended
                .take()
                .filter(|_| waits && signal.is_none())
            {
                stream = self.decide(*turn);
                continue;
            }
            let after = self.session.usage().unwrap_or_default();
            self.view.summary(&response, busy, &spent(&before, &after));
            if self.view.is_usage_unknown() && response.outcome == TurnOutcome::Cancelled {
                let stats = self.session.context_stats();
                self.view.status(&format!(
                    "the stopped call used about {} more tokens; this is an estimate, since the provider can no longer \
                     report it",
                    stats.tokens + stats.preamble
                ));
            }
            return Ok(match (signal, &response.outcome) {
                (Some(Exit::Interrupted), _) => End::Stopped(Exit::Interrupted),
                (Some(exit), _) => End::Left(exit),
                (None, TurnOutcome::Cancelled) => End::Stopped(Exit::Interrupted),
                (None, TurnOutcome::Refused | TurnOutcome::Empty | TurnOutcome::Budget) => {
                    End::Failed
                }
                (None, _) => End::Answered,
            });
        }
    }

    /// Shows a turn until it ends. Returns the signal that came meanwhile, too.
    async fn watch(&mut self, mut stream: TurnStream) -> io::Result<(Watched, Option<Exit>)> {
        let guard = self.interrupts.during(stream.cancel_handle());
        let mut watched = None;
        while let Some(event) = tokio::select! {
            biased;
            () = guard.dropped() => {
                let exit = guard.signal().unwrap_or(Exit::Interrupted);
                return Ok((Watched::Left(exit), Some(exit)));
            }
            event = stream.next() => event,
        } {
            match event {
                Ok(event) => {
                    self.view.event(&event)?;
                    if let TurnEventKind::TurnFinished(finished) = event.kind {
                        watched = Some(Watched::Finished(finished.response));
                    }
                }
                Err(error) => watched = Some(Watched::Failed(error)),
            }
        }
        Ok((
            watched.unwrap_or(Watched::Failed(ChatError::Incomplete)),
            guard.signal(),
        ))
    }

    /// Asks a person about the waiting calls, and resumes the turn.
    fn decide(&self, turn: SuspendedTurn) -> TurnStream {
        let mut approvals = Vec::new();
        let mut stop = false;
        for pending in &turn.approvals {
            let call = pending.call.id.clone();
            let answer = if stop {
                Answer::Stop
            } else {
                approval::ask(&Inquiry {
                    question: &pending.question,
                    call: &pending.call,
                    preview: pending.preview.as_ref(),
                    can_store: self.can_store_approvals,
                })
            };
            let reason = match answer {
                Answer::Yes(scope) => {
                    approvals.push(Approval::approve_for(call, scope));
                    continue;
                }
                Answer::No => "the user said no: do not try it again, and go on without it",
                Answer::Nobody => "no person is there to allow it: go on without it",
                Answer::Stop => "the user stopped the turn",
            };
            stop |= answer == Answer::Stop;
            approvals.push(Approval::deny(call, reason));
        }
        let stream = self.session.resume(turn, approvals);
        if stop {
            stream.cancel_handle().cancel();
        }
        stream
    }
}
