//! Recordings of model calls: the flags that make and replay them.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use victor_cassette::{CassetteError, CassettePlayer, CassetteRecorder};
use victor_orchestrator::provider::ChatProvider;

use crate::secrets;

/// The flags that record or replay a model.
#[derive(Debug, Args)]
pub(crate) struct RecordingArgs {
    /// Record what the model is asked and answers to this file, without the secrets that are known: keys of providers,
    /// variables of the environment that look like keys, and what MCP servers are told
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    record: Option<PathBuf>,

    /// Take the answers from this recording, in place of a model; what is asked must be the same
    #[arg(long, value_name = "FILE", conflicts_with_all = ["provider", "base_url", "server"])]
    replay: Option<PathBuf>,
}

/// The recording of a conversation, if there is one.
#[derive(Debug)]
pub(crate) enum Recording {
    Off,
    Writing(Arc<CassetteRecorder>, PathBuf),
    Replaying(Arc<CassettePlayer>, PathBuf),
}

impl RecordingArgs {
    /// Whether model calls are recorded.
    pub(crate) fn records(&self) -> bool {
        self.record.is_some()
    }

    /// Whether model calls are recorded or replayed.
    pub(crate) fn is_on(&self) -> bool {
        self.record.is_some() || self.replay.is_some()
    }

    /// Opens the recording to replay, if one is named.
    pub(crate) fn replay(&self) -> Result<Option<(Arc<CassettePlayer>, PathBuf)>, CassetteError> {
        let Some(path) = &self.replay else {
            return Ok(None);
        };
        let player = secrets::known()
            .iter()
            .fold(CassettePlayer::open(path)?, CassettePlayer::redact);
        Ok(Some((Arc::new(player), path.clone())))
    }

    /// Wraps the provider in a recorder, if its calls are to be recorded.
    pub(crate) fn record(
        &self,
        provider: Arc<dyn ChatProvider>,
    ) -> Result<(Arc<dyn ChatProvider>, Recording), CassetteError> {
        let Some(path) = &self.record else {
            return Ok((provider, Recording::Off));
        };
        let recorder = CassetteRecorder::new(provider, path)?;
        let secrets = secrets::known();
        let recorder = Arc::new(secrets.iter().fold(recorder, CassetteRecorder::redact));
        Ok((recorder.clone(), Recording::Writing(recorder, path.clone())))
    }
}

impl Recording {
    /// Returns a closing remark for the user.
    ///
    /// Fails if a call could not be recorded.
    pub(crate) fn finish(&self) -> Result<Option<String>, CassetteError> {
        Ok(match self {
            Self::Off => None,
            Self::Writing(recorder, path) => {
                let calls = calls(recorder.recorded()?);
                Some(format!("{calls} recorded to {}", path.display()))
            }
            Self::Replaying(player, path) => match player.remaining() {
                0 => None,
                left => Some(format!("{} left in {}", calls(left), path.display())),
            },
        })
    }
}

fn calls(count: usize) -> String {
    match count {
        1 => "1 model call".to_owned(),
        count => format!("{count} model calls"),
    }
}
