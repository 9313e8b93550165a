//! Ctrl-C and the other signals that ask the program to end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use victor_core::Lock;
use victor_orchestrator::chat::CancelHandle;

use crate::exit::Exit;

/// The time that the program gets to end by itself before it is ended.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// Listens to the signals that ask the program to end, in a task of its own, so that it works while the main thread
/// waits for the reader of its output.
///
/// - Without running work, the program ends at once.
/// - The first signal cancels a turn in order, and drops the call of a single tool.
/// - The second one drops a turn, too. After a drop the program is ended within [`GRACE`].
/// - The first signal asks a worker to come to its end, and the second one ends the program at once.
///
/// Processes that tools have started end with the program in any case. A hang-up that is ignored when the program
/// starts, as under `nohup`, stays ignored.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Lock<State>,
    dropped: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The running work.
    work: Option<Work>,
    /// The signal that has come since the work began.
    signal: Option<Exit>,
}

#[derive(Debug)]
enum Work {
    /// A turn, which can be cancelled in order.
    Turn(CancelHandle),
    /// The call of a tool, which can only be dropped.
    Call,
    /// A worker, which ends when what it does has ended.
    Worker,
}

impl Interrupts {
    /// Starts to listen.
    pub(crate) fn listen() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut signals = Signals::listen()?;
        let state = Arc::clone(&shared);
        tokio::spawn(async move {
            loop {
                state.receive(signals.next().await);
            }
        });
        Ok(Self(shared))
    }

    /// Makes signals cancel this turn while the guard lives.
    pub(crate) fn during(&self, turn: CancelHandle) -> TurnGuard<'_> {
        self.guard(Work::Turn(turn))
    }

    /// Makes signals drop the call of a tool while the guard lives.
    pub(crate) fn during_call(&self) -> TurnGuard<'_> {
        self.guard(Work::Call)
    }

    /// Makes signals end a worker in order while the guard lives.
    pub(crate) fn during_work(&self) -> TurnGuard<'_> {
        self.guard(Work::Worker)
    }

    fn guard(&self, work: Work) -> TurnGuard<'_> {
        *self.0.state.lock() = State {
            work: Some(work),
            signal: None,
        };
        TurnGuard(&self.0)
    }
}

impl Shared {
    fn receive(&self, signal: Exit) {
        let mut state = self.state.lock();
        match &state.work {
            None => signal.now(),
            Some(Work::Turn(turn)) if state.signal.is_none() => turn.cancel(),
            Some(Work::Worker) if state.signal.is_none() => self.dropped.notify_one(),
            Some(Work::Worker) => signal.now(),
            Some(_) => {
                self.dropped.notify_one();
                tokio::spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    signal.now();
                });
            }
        }
        state.signal = Some(signal);
    }
}

/// A guard during which signals end a turn or a call, not the program.
#[derive(Debug)]
pub(crate) struct TurnGuard<'a>(&'a Shared);

impl TurnGuard<'_> {
    /// Waits until the work must be dropped.
    pub(crate) async fn dropped(&self) {
        self.0.dropped.notified().await;
    }

    /// Returns the signal that has come, as an exit code.
    pub(crate) fn signal(&self) -> Option<Exit> {
        self.0.state.lock().signal
    }
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        *self.0.state.lock() = State::default();
    }
}

#[cfg(unix)]
struct Signals {
    hang_up: Option<tokio::signal::unix::Signal>,
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = match is_hang_up_ignored() {
            true => None,
            false => Some(signal(SignalKind::hangup())?),
        };
        Ok(Self {
            hang_up,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Exit {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = hang_up => Exit::HungUp,
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.quit.recv() => Exit::Quit,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

/// Whether hang-ups are ignored, so that the program outlives the terminal. `false` if the system does not tell.
#[cfg(unix)]
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1) // the first bit is signal 1
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
