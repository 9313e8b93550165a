//! One turn after the other.

use std::io;
use std::time::{Duration, Instant};

use serde_json::Value;
use victor_orchestrator::protocols::SessionPatch;
use victor_orchestrator::{
    Approval, ChatError, ChatResponse, Session, SuspendedTurn, TurnEventKind, TurnOutcome,
    TurnStream,
};

use victor_workspace_tools::WorkspaceTools;

use super::approval::{self, Answer};
use super::inquiry::Inquiry;
use super::view::View;
use crate::agent::ErrorHints;
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::provider::PROVIDER;
use crate::terminal;

/// A conversation: its session, and where it is shown.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) session: Session,
    pub(super) view: View,
    interrupts: Interrupts,
    hints: ErrorHints,
    pub(super) workspace: WorkspaceTools,
    /// Whether approvals may count in later conversations.
    approvals_last: bool,
    /// Whether the session has a title, as far as that is known.
    is_entitled: bool,
    /// What the session is to remember of whose models answer.
    memory: Option<Value>,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// There is an answer.
    Answered,
    /// There is none.
    Failed,
    /// Nothing was sent, since somebody else works on the session.
    Refused,
    /// It was stopped by a signal.
    Stopped(Exit),
    /// So was the program.
    Left(Exit),
}

impl End {
    /// How the program ends after it.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Answered => Exit::Answered,
            Self::Failed | Self::Refused => Exit::Failed,
            Self::Stopped(exit) | Self::Left(exit) => exit,
        }
    }
}

/// What came of watching a turn.
enum Watched {
    Finished(Box<ChatResponse>),
    Failed(ChatError),
    Left(Exit),
}

impl Conversation {
    pub(super) fn new(
        session: Session,
        view: View,
        interrupts: Interrupts,
        hints: ErrorHints,
        workspace: WorkspaceTools,
        approvals_last: bool,
        memory: Option<Value>,
    ) -> Self {
        Self {
            session,
            view,
            interrupts,
            hints,
            workspace,
            approvals_last,
            is_entitled: false,
            memory,
        }
    }

    /// Sends a message and shows what comes of it. It fails only where that cannot be written.
    pub(super) async fn say(&mut self, message: String) -> io::Result<End> {
        let title = terminal::short_line(&message);
        let stream = self.session.stream_chat(message);
        let end = self.show(stream).await?;
        if end != End::Refused {
            self.entitle(title).await;
        }
        Ok(end)
    }

    /// Takes up a turn that has not ended, after a person has decided about the calls that wait.
    pub(super) async fn take_up(&mut self, turn: SuspendedTurn) -> io::Result<End> {
        let stream = self.decide(turn);
        self.show(stream).await
    }

    /// Gives a session that has no title the first message for one, and lets it remember whose models answer. It is no
    /// matter if that fails.
    async fn entitle(&mut self, title: String) {
        if std::mem::replace(&mut self.is_entitled, true) {
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
            self.view.summary(&response, busy);
            if self.view.is_usage_unknown() && response.outcome == TurnOutcome::Cancelled {
                let stats = self.session.context_stats();
                self.view.remark(&format!(
                    "the call that was stopped has used some {} tokens more; that is an estimate, since its provider \
                     cannot say it any more",
                    stats.tokens + stats.preamble
                ));
            }
            return Ok(match (signal, &response.outcome) {
                (Some(Exit::Interrupted), _) => End::Stopped(Exit::Interrupted),
                (Some(exit), _) => End::Left(exit),
                (None, TurnOutcome::Cancelled) => End::Stopped(Exit::Interrupted),
                (None, TurnOutcome::Refused | TurnOutcome::Empty) => End::Failed,
                (None, _) => End::Answered,
            });
        }
    }

    /// Shows a turn until it ends, and says which signal came meanwhile.
    async fn watch(&mut self, mut stream: TurnStream) -> io::Result<(Watched, Option<Exit>)> {
        let guard = self.interrupts.during(stream.cancel_handle());
        let mut watched = None;
        while let Some(event) = tokio::select! {
            biased;
            () = guard.enough() => {
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

    /// Asks a person about the calls that wait, and takes the turn up again.
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
                    lasts: self.approvals_last,
                })
            };
            let reason = match answer {
                Answer::Yes(scope) => {
                    approvals.push(Approval::approve_for(call, scope));
                    continue;
                }
                Answer::No => "the user said no: do not try it again, and go on without it",
                Answer::Nobody => "nobody is there to allow it: go on without it",
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
