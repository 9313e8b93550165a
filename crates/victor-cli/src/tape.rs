//! Conversations with a model that are recorded and replayed.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use victor_cassette::{CassetteError, CassettePlayer, CassetteRecorder};
use victor_orchestrator::protocols::ChatProvider;

use crate::secrets;

/// Whether the model is recorded or replayed.
#[derive(Debug, Args)]
pub(crate) struct TapeArgs {
    /// Record what the model is asked and answers to this file, without the secrets that are known: keys of providers,
    /// variables of the environment that look like keys, and what MCP servers are told
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    record: Option<PathBuf>,

    /// Take the answers from this recording, in place of a model; what is asked must be the same
    #[arg(long, value_name = "FILE", conflicts_with_all = ["provider", "base_url", "server"])]
    replay: Option<PathBuf>,
}

/// A recording that is being made or played.
#[derive(Debug)]
pub(crate) enum Tape {
    None,
    Recording(Arc<CassetteRecorder>, PathBuf),
    Playing(Arc<CassettePlayer>, PathBuf),
}

impl TapeArgs {
    /// The recording that is to be played, if one is.
    pub(crate) fn replay(&self) -> Result<Option<(Arc<CassettePlayer>, PathBuf)>, CassetteError> {
        let Some(path) = &self.replay else {
            return Ok(None);
        };
        let player = secrets::known()
            .iter()
            .fold(CassettePlayer::open(path)?, CassettePlayer::redact);
        Ok(Some((Arc::new(player), path.clone())))
    }

    /// The provider as it is to be asked: recorded, if it is to be.
    pub(crate) fn record(
        &self,
        provider: Arc<dyn ChatProvider>,
    ) -> Result<(Arc<dyn ChatProvider>, Tape), CassetteError> {
        let Some(path) = &self.record else {
            return Ok((provider, Tape::None));
        };
        let recorder = CassetteRecorder::new(provider, path)?;
        let secrets = secrets::known();
        let recorder = Arc::new(secrets.iter().fold(recorder, CassetteRecorder::redact));
        Ok((recorder.clone(), Tape::Recording(recorder, path.clone())))
    }
}

impl Tape {
    /// What is to be said at the end.
    ///
    /// It fails if not all could be recorded.
    pub(crate) fn end(&self) -> Result<Option<String>, CassetteError> {
        Ok(match self {
            Self::None => None,
            Self::Recording(recorder, path) => {
                let calls = calls(recorder.recorded()?);
                Some(format!("{calls} recorded to {}", path.display()))
            }
            Self::Playing(player, path) => match player.remaining() {
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
