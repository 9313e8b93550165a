//! Turns that compete for a session.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use victor_core::{Message, SessionId, TurnId};
use victor_session_protocol::{
    SessionError, SessionManager, SessionManagerExt as _, TurnGrant, TurnInterrupt, TurnLease,
    TurnPolicy, TurnRequest,
};

use super::begun;
use crate::conformance::puppet::ends;
use crate::conformance::{DROPS, calm, drop_at_polls, succeed};
use crate::poll_at_most;

/// The time after which a call that is not done counts as one that waits.
const QUIET: Duration = Duration::from_millis(50);

pub(super) async fn one_at_a_time(manager: &impl SessionManager) {
    let (session, other) = (SessionId::new("s"), SessionId::new("other"));
    let lease = begun(manager, &session).await;
    let other = manager.begin_turn(&other);
    law!(
        is_ready(pin!(calm(other))).await,
        "sessions do not wait for each other"
    );
    let mut second = pin!(calm(manager.begin_turn(&session)));
    law!(
        !is_ready(second.as_mut()).await,
        "one turn at a time works on a session"
    );
    let mut third = pin!(calm(manager.begin_turn(&session)));
    law!(
        !is_ready(third.as_mut()).await,
        "one turn at a time works on a session"
    );
    drop(lease);
    law!(
        !is_ready(third.as_mut()).await,
        "turns begin in the order in which they were asked for"
    );
    let second = succeed(ends(second).await);
    law!(
        !is_ready(third.as_mut()).await,
        "one turn at a time works on a session"
    );
    drop(second);
    drop(succeed(ends(third).await));
}

pub(super) async fn policies(manager: &impl SessionManager) {
    let session = SessionId::new("s");
    let asked = Arc::new(AtomicU32::default());
    let counter = asked.clone();
    let interrupt = TurnInterrupt::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let request = request(TurnPolicy::Queue).with_interrupt(interrupt);
    let lease = lease(succeed(
        calm(manager.begin_turn_with(&session, request)).await,
    ));

    let rejecting = manager.begin_turn_with(&session, self::request(TurnPolicy::Reject));
    let rejected = timeout(QUIET, calm(rejecting)).await;
    law!(
        matches!(rejected, Ok(Err(SessionError::Busy(_)))),
        "a turn that is not to wait is refused while another one runs",
        "{rejected:?}"
    );
    let mut queued = pin!(calm(manager.begin_turn(&session)));
    law!(
        !is_ready(queued.as_mut()).await && asked.load(Ordering::SeqCst) == 0,
        "a turn that waits leaves the running one alone"
    );
    let wanted = self::request(TurnPolicy::Interrupt);
    let mut interrupting = pin!(calm(manager.begin_turn_with(&session, wanted)));
    law!(
        !is_ready(interrupting.as_mut()).await,
        "one turn at a time works on a session"
    );
    let count = asked.load(Ordering::SeqCst);
    law!(
        count == 1,
        "a turn that interrupts asks the running one to end, once",
        "{count} times"
    );
    drop(lease);
    law!(
        !is_ready(queued.as_mut()).await,
        "a turn that interrupts comes before those that wait"
    );
    drop(self::lease(succeed(ends(interrupting).await)));
    drop(succeed(ends(queued).await));
    let count = asked.load(Ordering::SeqCst);
    law!(
        count == 1,
        "a turn that interrupts asks the running one to end, once",
        "{count} times"
    );
    let free = ends(manager.begin_turn_with(&session, self::request(TurnPolicy::Reject))).await;
    law!(
        matches!(free, Ok(TurnGrant::Begin { .. })),
        "a free session begins a turn at once",
        "{free:?}"
    );
}

pub(super) async fn merging(manager: &impl SessionManager) {
    let session = SessionId::new("s");
    let lease = begun(manager, &session).await;
    let messages = ["one", "two"].map(|text| Arc::new(Message::user(text)));
    let [first, second] = messages
        .each_ref()
        .map(|message| request(TurnPolicy::Merge).with_message(message.clone()));
    let turn = first.turn;
    let mut first = pin!(calm(manager.begin_turn_with(&session, first)));
    law!(
        !is_ready(first.as_mut()).await,
        "one turn at a time works on a session"
    );
    let mut second = pin!(calm(manager.begin_turn_with(&session, second)));
    law!(
        !is_ready(second.as_mut()).await,
        "one turn at a time works on a session"
    );
    drop(lease);
    let TurnGrant::Begin { lease, merged } = succeed(ends(first).await) else {
        panic!("law broken: the first of the messages that are merged has a turn");
    };
    let ids: Vec<_> = merged.iter().map(|message| message.id()).collect();
    law!(
        ids == [messages[1].id()],
        "messages that wait to be merged are input of the first turn among them",
        "{ids:?}"
    );
    let second = ends(second).await;
    law!(
        matches!(&second, Ok(TurnGrant::Merged { into }) if *into == turn),
        "a message that was merged has no turn, and is told which one it belongs to",
        "{second:?}"
    );
    drop(lease);
}

/// A call that is dropped gives up its place, at whatever point it is.
pub(super) async fn drops(manager: &impl SessionManager) {
    let session = SessionId::new("s");
    let lease = begun(manager, &session).await;
    for polls in 1..=DROPS {
        let waiting = poll_at_most(polls, calm(manager.begin_turn(&session)));
        match timeout(QUIET, waiting).await {
            Ok(outcome) => law!(outcome.is_none(), "one turn at a time works on a session"),
            // It waits for the lease alone, so that nothing wakes it any more.
            Err(_) => break,
        }
    }
    drop(lease);
    for call in 1..=3 {
        let free = ends(manager.begin_turn(&session)).await;
        law!(
            free.is_ok(),
            "a dropped call gives up its place in the queue",
            "before call {call}"
        );
    }
    drop_at_polls(
        async || drop(manager.begin_turn(&session).await),
        async |polls| {
            let free = ends(manager.begin_turn(&session)).await;
            law!(
                free.is_ok(),
                "a dropped call gives up its place in the queue",
                "dropped after {polls} polls"
            );
        },
    )
    .await;
}

fn request(policy: TurnPolicy) -> TurnRequest {
    TurnRequest::new(TurnId::generate(), policy)
}

fn lease(grant: TurnGrant) -> TurnLease {
    match grant {
        TurnGrant::Begin { lease, .. } => lease,
        grant => panic!("law broken: a turn begins unless its message was merged: {grant:?}"),
    }
}

/// Whether a call is done after some time in which others could do their part.
pub(super) async fn is_ready<F: Future>(call: Pin<&mut F>) -> bool {
    timeout(QUIET, call).await.is_ok()
}
