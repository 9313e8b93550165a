//! The answer of a loader, which may be there at once.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::{ConfigError, EffectiveConfig};

type Loaded = Result<Arc<EffectiveConfig>, ConfigError>;

/// The configuration of a session, as [`load_config`](crate::ConfigLoader::load_config) returns it. One that is cached
/// is there at once and takes no memory.
///
/// ```
/// use std::sync::Arc;
///
/// use victor_config_protocol::{ConfigFuture, EffectiveConfig};
///
/// let cached = ConfigFuture::ready(Ok(Arc::new(EffectiveConfig::default())));
/// let asked = ConfigFuture::new(async { Ok(Arc::new(EffectiveConfig::default())) });
/// # let _ = (cached, asked);
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct ConfigFuture<'a>(State<'a>);

enum State<'a> {
    Ready(Option<Loaded>),
    Running(Pin<Box<dyn Future<Output = Loaded> + Send + 'a>>),
}

impl<'a> ConfigFuture<'a> {
    /// Returns a future that is ready.
    pub fn ready(loaded: Loaded) -> Self {
        Self(State::Ready(Some(loaded)))
    }

    /// Returns a future that runs.
    pub fn new(running: impl Future<Output = Loaded> + Send + 'a) -> Self {
        Self(State::Running(Box::pin(running)))
    }
}

impl Future for ConfigFuture<'_> {
    type Output = Loaded;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Loaded> {
        match &mut self.0 {
            State::Ready(loaded) => loaded.take().map_or(Poll::Pending, Poll::Ready),
            State::Running(running) => running.as_mut().poll(context),
        }
    }
}

impl fmt::Debug for ConfigFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::Ready(_) => "ready",
            State::Running(_) => "running",
        };
        f.debug_tuple("ConfigFuture").field(&state).finish()
    }
}
