//! A guard against other people's code.

use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};
use victor_core::{contain, contain_sync};
use victor_tool_selection_protocol::SelectionError;

/// Makes a call to a strategy, which may panic, or take longer than `limit` if this is a tokio runtime with timers.
pub(crate) async fn contained<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, SelectionError>>,
) -> Result<T, SelectionError> {
    let mut call = pin!(contain(call));
    // Most calls are done at once and need no timer.
    let mut timer = None;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(outcome) = call.as_mut().poll(cx) {
            let outcome = outcome.map_err(|panicked| SelectionError::failed(panicked.to_string()));
            return Poll::Ready(outcome.flatten());
        }
        match timer.get_or_insert_with(|| start(limit)) {
            Some(timer) => timer.as_mut().poll(cx).map(|()| {
                let message = format!("it took longer than {limit:?}");
                Err(SelectionError::failed(message))
            }),
            None => Poll::Pending,
        }
    })
    .await
}

fn start(limit: Duration) -> Option<Pin<Box<Sleep>>> {
    // `sleep` panics in a runtime without timers.
    Handle::try_current().ok()?;
    contain_sync(|| Box::pin(sleep(limit))).ok()
}
