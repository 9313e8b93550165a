//! What a server says unasked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam, ProgressToken,
    ProtocolVersion,
};
use rmcp::service::{NotificationContext, RoleClient};
use tokio::sync::mpsc;
use victor_process::Secrets;
use victor_text::excerpt;

use super::signals::Signals;

/// How many words about the progress of a call may wait to be heard; more are not worth hearing.
const MAX_WAITING: usize = 4;

/// Hears what a server says unasked. It lets a server ask nothing of us: we declare no capability.
#[derive(Debug)]
pub(super) struct Handler {
    pub(super) signals: Arc<Signals>,
    pub(super) calls: Arc<Calls>,
    /// What is taken out of words about progress.
    pub(super) secrets: Secrets,
}

/// The calls that wait for their results.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<HashMap<ProgressToken, mpsc::Sender<Option<String>>>>);

/// What is heard of a call until this is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    token: ProgressToken,
    heard: mpsc::Receiver<Option<String>>,
    calls: Arc<Calls>,
}

impl Calls {
    pub(super) fn hear(self: &Arc<Self>, token: ProgressToken) -> Progress {
        let (tell, heard) = mpsc::channel(MAX_WAITING);
        self.lock().insert(token.clone(), tell);
        Progress {
            token,
            heard,
            calls: Arc::clone(self),
        }
    }

    fn tell(&self, token: &ProgressToken, message: Option<String>) {
        if let Some(tell) = self.lock().get(token) {
            let _ = tell.try_send(message);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProgressToken, mpsc::Sender<Option<String>>>> {
        // Every change is one call on the map, so a poisoned lock guards a whole map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// The next word about the call; one without a message is a sign of life all the same.
    pub(super) async fn next(&mut self) -> Option<String> {
        // The sender is in the map as long as `self` is there.
        self.heard.recv().await.flatten()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.token);
    }
}

impl ClientHandler for Handler {
    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let message = progress.message;
        let message = message.map(|message| excerpt(&self.secrets.redact(message), 200));
        let message = message.filter(|message| !message.is_empty());
        let message = message.or_else(|| {
            let total = progress.total?;
            Some(format!("{} of {total}", progress.progress))
        });
        self.calls.tell(&progress.progress_token, message);
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.signals.list_changed();
    }

    fn get_info(&self) -> ClientConfig {
        let us = Implementation::new("victor", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), us)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}
