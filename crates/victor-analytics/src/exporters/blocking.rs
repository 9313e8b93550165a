//! Writing without holding up the runtime.

use std::io;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use victor_analytics_protocol::ExportError;
use victor_core::BoxError;

/// Writes to `target`, named `name`, on a thread where that may take its time.
///
/// A write that has begun cannot be dropped: it goes on, and holds the lock until it has ended. Who comes later waits
/// for the lock without a thread, so a write that hangs costs one thread and not one for each attempt.
pub(crate) async fn write<T: Send + 'static>(
    target: &Arc<Mutex<T>>,
    name: &str,
    work: impl FnOnce(&mut T) -> io::Result<()> + Send + 'static,
) -> Result<(), ExportError> {
    let mut target = Arc::clone(target).lock_owned().await;
    let error: BoxError = match spawn_blocking(move || work(&mut target)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.into(),
        Err(error) => error.into(),
    };
    Err(ExportError::new(format!("{name} cannot be written")).with_source(error))
}
