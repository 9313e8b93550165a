//! The lease of a turn in the store: how it is taken, renewed and released.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use victor_core::{Lock, SessionId, TurnId, contain_sync};
use victor_session_protocol::{
    LeaseChange, LeaseClaim, SessionError, SessionStore as _, TurnChange, TurnInterrupt,
};

use crate::inner::Inner;
use crate::timer::start_timer;

/// Number of renewals of a lease before it would run out.
const RENEWALS: u32 = 3;
/// Number of attempts to release a lease that nobody needs any more, and the first pause between them.
const RELEASES: (u32, Duration) = (6, Duration::from_millis(100));

/// The lease of a turn.
///
/// It is taken by the write that journals the turn first, renewed by every other one and by a heartbeat between them,
/// and released by the write that ends the turn. Where there is no such write, it is released when this is dropped with
/// the turn.
#[derive(Debug)]
pub(crate) struct Tenure {
    pub(crate) inner: Arc<Inner>,
    session: SessionId,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    known: LastLease,
    claim: Option<LeaseClaim>,
    /// Whether the store has said that the lease is taken.
    confirmed: bool,
    /// Whether somebody else has it since.
    lost: bool,
    heartbeat: Option<AbortHandle>,
    interrupt: Option<TurnInterrupt>,
}

/// The last lease that is known of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LastLease {
    pub(crate) fence: u64,
    /// Its fencing token, if it counts as run out before its time.
    pub(crate) over: Option<u64>,
}

impl Tenure {
    pub(crate) fn new(inner: Arc<Inner>, session: SessionId, known: LastLease) -> Self {
        Self {
            inner,
            session,
            state: Lock::new(State {
                known,
                claim: None,
                confirmed: false,
                lost: false,
                heartbeat: None,
                interrupt: None,
            }),
        }
    }

    /// Has the turn interrupted when it has lost its session.
    pub(crate) fn interrupts(&self, interrupt: Option<TurnInterrupt>) {
        self.state.lock().interrupt = interrupt;
    }

    /// Takes note of what the last lease is now, if none has been claimed.
    pub(crate) fn catch_up(&self, known: LastLease) {
        self.state.lock().known = known;
    }

    /// Whether the turn has not claimed the session.
    pub(crate) fn is_unclaimed(&self) -> bool {
        self.state.lock().claim.is_none()
    }

    /// The lease under which a turn writes what becomes of its journal.
    pub(crate) fn change(&self, turn: TurnId, journal: &TurnChange) -> LeaseChange {
        let mut state = self.state.lock();
        match (journal, &state.claim) {
            (TurnChange::Open(open), None) if !open.waits => match self.claim(&mut state, turn) {
                Some(claim) => LeaseChange::Hold(claim),
                None => LeaseChange::None,
            },
            // Somebody who has ended still has the lease, so that it is taken for this write alone.
            (_, None) if state.known.over.is_some() => self
                .claim(&mut state, turn)
                .map_or(LeaseChange::None, LeaseChange::Release),
            (_, None) => LeaseChange::None,
            (TurnChange::Open(open), Some(claim)) if open.waits => {
                LeaseChange::Release(claim.clone())
            }
            (TurnChange::Close, Some(claim)) => LeaseChange::Release(claim.clone()),
            (_, Some(claim)) => LeaseChange::Hold(claim.clone()),
        }
    }

    /// The lease of a turn that does something before its first write.
    pub(crate) async fn take(&self, turn: TurnId) -> Result<(), SessionError> {
        let claim = {
            let mut state = self.state.lock();
            match &state.claim {
                Some(_) => None,
                None => self.claim(&mut state, turn),
            }
        };
        let Some(claim) = claim else { return Ok(()) };
        let change = LeaseChange::Hold(claim);
        let result = self.inner.store.change_lease(&self.session, &change).await;
        self.settle(&change, result.as_ref().err());
        result
    }

    /// Makes a claim, unless there are no leases. It counts from now on, since a write that is dropped may have
    /// happened.
    fn claim(&self, state: &mut State, turn: TurnId) -> Option<LeaseClaim> {
        let time = self.inner.lease_time()?;
        let LastLease { fence, over } = state.known;
        let owner = self.inner.owner.clone();
        let claim = LeaseClaim::new(owner, turn, fence + 1, time).over(over);
        (state.confirmed, state.lost) = (false, false);
        state.claim = Some(claim.clone());
        Some(claim)
    }

    /// Takes note of what came of a write under a lease.
    pub(crate) fn settle(&self, change: &LeaseChange, error: Option<&SessionError>) {
        let mut state = self.state.lock();
        match (change, error) {
            (LeaseChange::Hold(claim), None) => {
                state.confirmed = true;
                if state.heartbeat.is_none() && state.claim.is_some() {
                    let interrupt = state.interrupt.clone();
                    state.heartbeat = self.beat(claim.clone(), interrupt);
                }
            }
            (LeaseChange::Release(claim), None) => {
                state.known = LastLease {
                    fence: claim.fence,
                    over: None,
                };
                state.end();
            }
            // Whether it was taken is unknown.
            (LeaseChange::None, _) => {}
            (_, Some(error)) if error.is_store_failure() => {}
            (_, Some(SessionError::Held { .. } | SessionError::Fenced { .. }))
                if state.confirmed =>
            {
                state.lost = true;
                state.stop();
            }
            (_, Some(_)) if !state.confirmed => state.end(),
            _ => {}
        }
    }

    /// Gives the lease to somebody else, who releases it.
    pub(crate) fn hand_over(&self) -> Option<LeaseClaim> {
        let mut state = self.state.lock();
        state.stop();
        state.claim.take()
    }

    /// Renews a lease in the background as long as the turn lasts, also while it does not write.
    fn beat(&self, claim: LeaseClaim, interrupt: Option<TurnInterrupt>) -> Option<AbortHandle> {
        let pause = claim.time / RENEWALS;
        let runtime = Handle::try_current().ok()?;
        let mut wait = start_timer(pause)?;
        let (inner, session) = (self.inner.clone(), self.session.clone());
        let change = LeaseChange::Hold(claim);
        let beating = runtime.spawn(async move {
            loop {
                wait.as_mut().await;
                match inner.store.change_lease(&session, &change).await {
                    Ok(()) => {}
                    Err(error) if error.is_store_failure() => {}
                    Err(error) => {
                        tracing::warn!(%session, %error, "a turn has lost its session");
                        // A turn that goes on would only be told at its next write.
                        if let Some(interrupt) = interrupt {
                            let _ = contain_sync(|| interrupt.interrupt());
                        }
                        return;
                    }
                }
                wait.as_mut().reset(tokio::time::Instant::now() + pause);
            }
        });
        Some(beating.abort_handle())
    }
}

impl State {
    /// There is no claim any more.
    fn end(&mut self) {
        self.stop();
        self.claim = None;
    }

    fn stop(&mut self) {
        if let Some(heartbeat) = self.heartbeat.take() {
            heartbeat.abort();
        }
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        state.stop();
        if let Some(claim) = state.claim.take().filter(|_| !state.lost) {
            let release = release(self.inner.clone(), self.session.clone(), claim);
            in_background(Box::pin(release));
        }
    }
}

/// Releases a lease. If it cannot be released, it runs out.
async fn release(inner: Arc<Inner>, session: SessionId, claim: LeaseClaim) {
    let change = LeaseChange::Release(claim);
    let (times, mut pause) = RELEASES;
    for _ in 0..times {
        let released = inner.store.change_lease(&session, &change).await;
        if !released.is_err_and(|error| error.is_store_failure()) {
            return;
        }
        let Some(wait) = start_timer(pause) else {
            return;
        };
        wait.await;
        pause *= 2;
    }
}

/// Works without being awaited: at once if it never waits, else on the tokio runtime at hand. Without one it is
/// dropped, and this returns false.
pub(crate) fn in_background(mut work: Pin<Box<dyn Future<Output = ()> + Send>>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    if contain_sync(|| work.as_mut().poll(&mut cx)).is_ok_and(|poll| poll.is_pending()) {
        let Ok(runtime) = Handle::try_current() else {
            return false;
        };
        drop(runtime.spawn(work));
    }
    true
}
