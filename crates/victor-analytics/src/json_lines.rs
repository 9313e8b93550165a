//! Events for programs to read.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};

use crate::blocking;

/// Appends each event to a file, as one JSON object on one line.
///
/// The file is made with the first batch; its directory must be there. It is opened for each batch and written in one
/// go, so it can be moved away at any time and the next batch makes a new one. If the file does not end with a line's
/// end, as after a crash, the torn line is ended first, so that it spoils no other.
#[derive(Debug)]
pub struct JsonLinesExporter {
    target: Arc<Mutex<Target>>,
    shown: String,
}

#[derive(Debug)]
struct Target {
    path: PathBuf,
    sync: bool,
}

impl JsonLinesExporter {
    /// Appends to the file at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with(path.into(), false)
    }

    /// Appends to the file at `path`, and has each batch on the disk before it counts as exported.
    #[must_use]
    pub fn synced(path: impl Into<PathBuf>) -> Self {
        Self::with(path.into(), true)
    }

    fn with(path: PathBuf, sync: bool) -> Self {
        let shown = format!("file {}", path.display());
        Self {
            target: Arc::new(Mutex::new(Target { path, sync })),
            shown,
        }
    }
}

#[async_trait]
impl AnalyticsExporter for JsonLinesExporter {
    fn name(&self) -> &str {
        "json_lines"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event).map_err(|error| {
                ExportError::new(format!("event {} has no form as JSON", event.id))
                    .with_source(error)
            })?;
            lines.push(b'\n');
        }
        blocking::write(&self.target, &self.shown, move |target| {
            append(&target.path, lines, target.sync)
        })
        .await?;
        Ok(ExportResult::exported(events.len()))
    }
}

fn append(path: &Path, mut lines: Vec<u8>, sync: bool) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            lines.insert(0, b'\n');
        }
    }
    file.write_all(&lines)?;
    if sync { file.sync_data() } else { Ok(()) }
}
