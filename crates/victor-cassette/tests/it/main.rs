//! What is recorded, what is replayed, and what is kept out of the file.

mod files;
mod golden;
mod redaction;
mod replays;
mod strict;

use std::path::PathBuf;
use std::sync::Arc;

use futures_core::Stream as _;
use tempfile::TempDir;
use victor_cassette::{CassettePlayer, CassetteRecorder};
use victor_core::{Context, Message};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, CompletionEvent, CompletionStream, ProviderError,
};

/// A place for a cassette.
struct Place {
    _folder: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cassette.jsonl");
    Place {
        _folder: folder,
        path,
    }
}

impl Place {
    fn record(&self, model: impl ChatProvider) -> CassetteRecorder {
        CassetteRecorder::new(Arc::new(model), &self.path).unwrap()
    }

    fn player(&self) -> CassettePlayer {
        CassettePlayer::open(&self.path).unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest::new("any", Context::from_iter([Message::user(text)]))
}

/// Everything that comes over a stream, errors in words.
async fn drain(mut stream: CompletionStream) -> Vec<Result<CompletionEvent, String>> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event.map_err(|error| words(&error)));
    }
    assert!(stream.size_hint().0 == 0 && stream.next().await.is_none());
    events
}

/// All that an error says.
fn words(error: &ProviderError) -> String {
    format!("{error:?}")
}
