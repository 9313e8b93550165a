//! Ctrl-C, and what else asks the program to end.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use victor_orchestrator::CancelHandle;

use crate::exit::Exit;

/// How long the program has to end by itself once it must, before it is ended.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// Hears the signals that ask the program to end, in a task of its own, so that they are heard also while the main
/// thread waits for somebody to read its output.
///
/// - Without a turn that runs, the program ends at once.
/// - The first signal ends the turn in order.
/// - The second one drops it, and ends the program after [`GRACE`] if it has not ended by then.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    enough: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The turn that runs.
    turn: Option<CancelHandle>,
    /// The signal that has come since it began.
    signal: Option<Exit>,
}

impl Interrupts {
    /// Begins to listen.
    pub(crate) fn listen() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut signals = Signals::listen()?;
        let own = Arc::clone(&shared);
        tokio::spawn(async move {
            loop {
                own.hear(signals.next().await);
            }
        });
        Ok(Self(shared))
    }

    /// Has signals end this turn while the guard lives.
    pub(crate) fn during(&self, turn: CancelHandle) -> TurnGuard<'_> {
        *self.0.state() = State {
            turn: Some(turn),
            signal: None,
        };
        TurnGuard(&self.0)
    }
}

impl Shared {
    fn hear(&self, signal: Exit) {
        let mut state = self.state();
        let Some(turn) = &state.turn else {
            signal.now()
        };
        if state.signal.is_none() {
            turn.cancel();
        } else {
            self.enough.notify_one();
            tokio::spawn(async move {
                tokio::time::sleep(GRACE).await;
                signal.now();
            });
        }
        state.signal = Some(signal);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment, so a poisoned lock guards a whole value.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, signals end a turn and not the program.
#[derive(Debug)]
pub(crate) struct TurnGuard<'a>(&'a Shared);

impl TurnGuard<'_> {
    /// Waits until the turn must not only be ended in order but left.
    pub(crate) async fn enough(&self) {
        self.0.enough.notified().await;
    }

    /// The signal that has come, and how the program ends because of it.
    pub(crate) fn signal(&self) -> Option<Exit> {
        self.0.state().signal
    }
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        *self.0.state() = State::default();
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Exit {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}
