//! Logs of runs in files.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use victor_evaluation_protocol::{RunLog, RunLogError, TrialRecord};

/// A log in a file, one line of JSON for each trial.
///
/// A process that is killed while it writes leaves a last line that is cut off; the next run passes over it and writes
/// on behind the last whole line. A machine that loses its power may lose the trials of the last seconds. The thread waits
/// while a line is written.
#[derive(Debug, Clone)]
pub struct JsonlLog {
    path: PathBuf,
}

impl JsonlLog {
    /// A log in this file, which is made with the first trial.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
        }
    }

    fn error(&self, what: &str, error: io::Error) -> RunLogError {
        RunLogError::new(format!("`{}` could not be {what}", self.path.display()))
            .with_source(error)
    }

    /// Opens the file behind its last whole line.
    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false);
        let mut file = options.open(&self.path)?;
        let end = file.seek(SeekFrom::End(0))?;
        let mut whole = end;
        let mut last = [0];
        while whole > 0 {
            file.seek(SeekFrom::Start(whole - 1))?;
            file.read_exact(&mut last)?;
            if last == *b"\n" {
                break;
            }
            whole -= 1;
        }
        if whole < end {
            file.set_len(whole)?;
        }
        file.seek(SeekFrom::Start(whole))?;
        Ok(file)
    }
}

#[async_trait]
impl RunLog for JsonlLog {
    async fn append(&self, record: &TrialRecord) -> Result<(), RunLogError> {
        let mut line =
            serde_json::to_vec(record).map_err(|error| self.error("written", error.into()))?;
        line.push(b'\n');
        // Nothing is awaited, so that a call which is dropped has written all or nothing.
        let written = self.open().and_then(|mut file| file.write_all(&line));
        written.map_err(|error| self.error("written", error))
    }

    async fn records(&self) -> Result<Vec<TrialRecord>, RunLogError> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.error("read", error)),
        };
        let mut records = Vec::new();
        for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let Some(line) = line.strip_suffix(b"\n") else {
                // Cut off when the process was killed.
                break;
            };
            let record = serde_json::from_slice(line);
            records.push(record.map_err(|error| {
                let place = format!(
                    "line {} of `{}` is no trial",
                    index + 1,
                    self.path.display()
                );
                RunLogError::new(place).with_source(error)
            })?);
        }
        Ok(records)
    }
}
