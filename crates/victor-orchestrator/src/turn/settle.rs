//! Interrupted turns, settled before the next turn begins.

use std::sync::Arc;

use victor_chat_protocol::{ChatError, EventSink, SuspendedTurn, TurnStart, TurnStream};
use victor_session_loader::SessionOpError;
use victor_session_protocol::{SessionManagerExt as _, TurnLease};

use super::admission::check_fresh;
use super::ports::SessionPorts;
use super::preamble::PreambleSource;
use super::scope::{TurnParts, TurnScope};

/// Closes the turn that was interrupted in a session, so that the conversation shows every call that may have run.
/// Returns whether there was one. A turn that waits for a person has run nothing that the conversation does not show;
/// it is given up, as is one that cannot be read or that the conversation has left behind.
pub(super) async fn settle_interrupted(
    parts: &TurnParts,
    lease: &Arc<TurnLease>,
) -> Result<bool, ChatError> {
    let sessions = &parts.sessions;
    let manager = sessions.manager();
    let open = manager
        .open_turn(lease.session())
        .await
        .map_err(SessionOpError::from)?;
    let Some(open) = open.filter(|open| !open.waits) else {
        return Ok(false);
    };
    let Ok(turn) = sessions.revive(open).await else {
        return Ok(false);
    };
    if !turn.approvals.is_empty() || check_fresh(sessions, &turn).is_err() {
        return Ok(false);
    }
    manager
        .claim(lease, turn.turn)
        .await
        .map_err(SessionOpError::from)?;
    close(parts.clone(), Box::new(turn), lease.clone()).await?;
    Ok(true)
}

/// Ends a turn as if it had been cancelled.
async fn close(
    parts: TurnParts,
    turn: Box<SuspendedTurn>,
    lease: Arc<TurnLease>,
) -> Result<(), ChatError> {
    let (session, id) = (turn.session.clone(), turn.turn);
    let stream = TurnStream::new(session, id, async move |events: EventSink| {
        let scope = TurnScope {
            config: parts.roles.config.config(),
            parts,
            events,
            tags: Arc::default(),
            trace: None,
        };
        let ports = SessionPorts::new(scope, PreambleSource::default(), lease, None, None);
        let approvals = Vec::new();
        ports.run(TurnStart::Resume { turn, approvals }).await
    });
    stream.cancel_handle().cancel();
    stream.response().await.map(drop)
}
