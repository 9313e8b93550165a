//! The file that is recorded to.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use victor_core::{Lock, ModelId};

use crate::CassetteError;
use crate::exchange::{Exchange, FORMAT, Header, Mark};
use crate::redactor::Redactor;

/// A file that grows by whole lines.
#[derive(Debug)]
pub(crate) struct Tape {
    path: PathBuf,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Length of its whole lines, in bytes.
    length: u64,
    /// Number of calls that have begun.
    begun: u64,
    /// Number of written exchanges.
    written: usize,
    /// The models of which it is written what they can do.
    known: BTreeSet<ModelId>,
    failed: Option<io::Error>,
}

impl Tape {
    /// Begins a file, which must be new, empty, or a cassette on which nothing was recorded.
    pub(crate) fn create(path: &Path, header: &Header) -> Result<Self, CassetteError> {
        let path = path.to_owned();
        let failed = |source| CassetteError::Write {
            path: path.clone(),
            source,
        };
        let open = OpenOptions::new().append(true).create(true).open(&path);
        let file = open.map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > 0 {
            if !is_blank(&path) {
                return Err(CassetteError::Exists { path });
            }
            file.set_len(0).map_err(failed)?;
        }
        let mut line = serde_json::to_vec(header).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let mut state = State {
            file,
            length: 0,
            begun: 0,
            written: 0,
            known: header.capabilities.keys().cloned().collect(),
            failed: None,
        };
        state.append(&line).map_err(failed)?;
        Ok(Self {
            path,
            state: Lock::new(state),
        })
    }

    /// The number of a call that begins, and whether it is the first that is made of this model.
    pub(crate) fn begin(&self, model: &ModelId) -> (u64, bool) {
        let mut state = self.state.lock();
        state.begun += 1;
        (state.begun, state.known.insert(model.clone()))
    }

    /// Writes an exchange that has ended. Once that has failed nothing more is written: what has a hole cannot be
    /// replayed.
    pub(crate) fn write(&self, exchange: &mut Exchange, redactor: &Redactor) {
        let line = exchange.line(redactor);
        let mut state = self.state.lock();
        if state.failed.is_some() {
            return;
        }
        match line
            .map_err(io::Error::from)
            .and_then(|line| state.append(&line))
        {
            Ok(()) => state.written += 1,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "the recording has ended early");
                state.failed = Some(error);
            }
        }
    }

    /// Returns the number of written exchanges, if all that have ended could be written.
    pub(crate) fn written(&self) -> Result<usize, CassetteError> {
        let state = self.state.lock();
        match &state.failed {
            None => Ok(state.written),
            Some(error) => Err(CassetteError::Write {
                path: self.path.clone(),
                source: copy(error),
            }),
        }
    }
}

impl State {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(line);
        if written.is_ok() {
            self.length += line.len() as u64;
        } else {
            // What there is of the line is no use. A reader passes over it if it stays.
            let _ = self.file.set_len(self.length);
        }
        written
    }
}

/// Whether it is a cassette with a header and nothing else, as a program leaves it that made no call.
fn is_blank(path: &Path) -> bool {
    let text = std::fs::read(path).unwrap_or_default();
    let mark: Result<Mark, _> = serde_json::from_slice(&text);
    mark.is_ok_and(|mark| mark.format == FORMAT)
}

fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exchange(number: u64) -> Exchange {
        let fields = json!({"number": number, "request": {}});
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn what_cannot_be_written_ends_the_recording_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cassette");
        let header = json!({"format": "f", "version": 1, "created_by": "c", "provider": "p"});
        let tape = Tape::create(&path, &serde_json::from_value(header).unwrap()).unwrap();
        tape.write(&mut exchange(1), &Redactor::default());
        assert_eq!(tape.written().unwrap(), 1);

        // As if the disk were full: a file that takes nothing.
        let writable = std::mem::replace(&mut tape.state.lock().file, File::open(&path).unwrap());
        tape.write(&mut exchange(2), &Redactor::default());
        tape.state.lock().file = writable;
        tape.write(&mut exchange(3), &Redactor::default());
        for _ in 0..2 {
            let error = tape.written().unwrap_err();
            assert!(
                matches!(&error, CassetteError::Write { path: named, .. } if *named == path),
                "{error}"
            );
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
