//! Events for programs to read.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};

use super::blocking;

/// Appends each event to a file, as one JSON object on one line.
///
/// The file is made with the first batch; its directory must be there. It is opened for each batch and written in one
/// go, so it can be moved away at any time and the next batch makes a new one. If the file does not end with a line's
/// end, as after a crash, the torn line is ended first, so that it spoils no other. A batch that cannot be written, as
/// on a full disk, is taken back from the file and comes again.
///
/// ```
/// use victor_analytics::JsonLinesExporter;
///
/// // events.jsonl, and the five files before it as events.jsonl.1 to events.jsonl.5.
/// let exporter = JsonLinesExporter::new("events.jsonl").with_rotation(64 << 20, 5);
/// ```
#[derive(Debug)]
pub struct JsonLinesExporter {
    target: Arc<Mutex<Target>>,
    shown: String,
}

#[derive(Debug, Clone)]
struct Target {
    path: PathBuf,
    sync: bool,
    /// Maximum size of the file in bytes, and number of older files.
    rotation: Option<(u64, u32)>,
}

impl JsonLinesExporter {
    /// Appends to the file at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with(Target {
            path: path.into(),
            sync: false,
            rotation: None,
        })
    }

    /// Appends to the file at `path`, and has each batch on the disk before it counts as exported.
    #[must_use]
    pub fn synced(path: impl Into<PathBuf>) -> Self {
        Self::with(Target {
            path: path.into(),
            sync: true,
            rotation: None,
        })
    }

    /// Begins a new file where a batch would make the file larger than `bytes`, and keeps the last `files` older ones:
    /// the latest has `.1` behind its name. A batch is not parted, so one that is larger by itself makes a larger file.
    #[must_use]
    pub fn with_rotation(self, bytes: u64, files: u32) -> Self {
        // Nobody else has the target yet.
        let target = self.target.try_lock().map(|target| target.clone());
        match target {
            Ok(mut target) => {
                target.rotation = Some((bytes, files));
                Self::with(target)
            }
            Err(_) => self,
        }
    }

    fn with(target: Target) -> Self {
        let shown = format!("file {}", target.path.display());
        Self {
            target: Arc::new(Mutex::new(target)),
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
            if let Some((bytes, files)) = target.rotation {
                rotate(&target.path, lines.len() as u64, bytes, files)?;
            }
            append(&target.path, lines, target.sync)
        })
        .await?;
        Ok(ExportResult::exported(events.len()))
    }
}

/// Moves the file away if it would grow over `limit` bytes, and the older ones by one.
fn rotate(path: &Path, more: u64, limit: u64, files: u32) -> io::Result<()> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if size == 0 || size.saturating_add(more) <= limit {
        return Ok(());
    }
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    if files == 0 {
        return fs::remove_file(path);
    }
    for number in (1..files).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, numbered(1))
}

fn append(path: &Path, mut lines: Vec<u8>, sync: bool) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    let metadata = file.metadata()?;
    let (size, is_file) = (metadata.len(), metadata.is_file());
    if size > 0 && is_file {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            lines.insert(0, b'\n');
        }
    }
    let written = file.write_all(&lines).and_then(|()| match sync {
        true => file.sync_data(),
        false => Ok(()),
    });
    if written.is_err() && is_file {
        // The batch comes again as a whole; what is there of it would be there twice.
        file.set_len(size)?;
    }
    written
}
