//! Notifications of a server.

use std::collections::HashMap;
use std::sync::Arc;

use rmcp::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam, ProgressToken,
    ProtocolVersion,
};
use rmcp::service::{NotificationContext, RoleClient};
use tokio::sync::mpsc;
use victor_core::Lock;
use victor_process::Secrets;
use victor_text::excerpt;

use super::signals::Signals;

/// The most progress messages of a call that wait to be read; more are dropped.
const MAX_WAITING: usize = 4;

/// Handles the notifications of a server. It declares no capability, so servers request nothing.
#[derive(Debug)]
pub(super) struct Handler {
    pub(super) signals: Arc<Signals>,
    pub(super) calls: Arc<Calls>,
    /// Secrets to remove from progress messages.
    pub(super) secrets: Secrets,
}

/// The calls that wait for their results, and the receivers of their progress.
#[derive(Debug, Default)]
pub(super) struct Calls(Lock<HashMap<ProgressToken, mpsc::Sender<Option<String>>>>);

/// The progress of a call. Dropping it ends the subscription.
#[derive(Debug)]
pub(super) struct Progress {
    token: ProgressToken,
    received: mpsc::Receiver<Option<String>>,
    calls: Arc<Calls>,
}

impl Calls {
    pub(super) fn subscribe(self: &Arc<Self>, token: ProgressToken) -> Progress {
        let (sender, received) = mpsc::channel(MAX_WAITING);
        self.0.lock().insert(token.clone(), sender);
        Progress {
            token,
            received,
            calls: Arc::clone(self),
        }
    }

    fn report(&self, token: &ProgressToken, message: Option<String>) {
        if let Some(sender) = self.0.lock().get(token) {
            let _ = sender.try_send(message);
        }
    }
}

impl Progress {
    /// Waits for the next progress message. `None` is a sign of life without a message.
    pub(super) async fn next(&mut self) -> Option<String> {
        // The sender is in the map as long as `self` is there.
        self.received.recv().await.flatten()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.calls.0.lock().remove(&self.token);
    }
}

impl ClientHandler for Handler {
    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let message = progress
            .message
            .map(|message| excerpt(&self.secrets.redact(message), 200))
            .filter(|message| !message.is_empty())
            .or_else(|| {
                let total = progress.total?;
                Some(format!("{} of {total}", progress.progress))
            });
        self.calls.report(&progress.progress_token, message);
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
