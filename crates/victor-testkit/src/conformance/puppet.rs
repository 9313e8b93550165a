//! Plug-ins that do what a suite wants at the moment.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::timeout;

use crate::Puppet;

/// The longest time that a role may wait for a plug-in that never answers.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Behaviour of a plug-in that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Works,
    /// Has nothing to say.
    Silent,
    Fails,
    Panics,
    Hangs,
    /// Answers rubbish, of one kind or another.
    Rubbish(&'static str),
}

/// Makes a call that can be dropped halfway, and returns what it has to do where it ends.
pub(super) async fn perform(puppet: &Puppet<Act>) -> Act {
    let call = puppet.begin();
    yield_now().await;
    match call.act {
        Act::Panics => panic!("a plug-in of the suite panics"),
        Act::Hangs => std::future::pending().await,
        act => act,
    }
}

/// Awaits a call of a role, which must end whatever its plug-ins do, and not panic.
pub(super) async fn ends<F: Future>(call: F) -> F::Output {
    match timeout(PATIENCE, super::calm(call)).await {
        Ok(output) => output,
        Err(_) => panic!("law broken: every call ends: it did not within {PATIENCE:?}"),
    }
}
