//! Errors of cassettes.

use std::io;
use std::path::PathBuf;

/// A cassette cannot be recorded or replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CassetteError {
    /// There is something in the file already, which is not overwritten.
    #[error("`{}` holds something already: remove it, or record to another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made or written, for example because the disk is full.
    #[error("the cassette `{}` cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file cannot be read, for example because it is not there.
    #[error("the cassette `{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is something else.
    #[error("`{}` is not a cassette: its first line is not the header of one", path.display())]
    NotACassette {
        /// The file.
        path: PathBuf,
    },
    /// A later version of Victor recorded it.
    #[error(
        "the cassette `{}` has format version {found}, and this build reads 1 to {readable}: use a later version of \
        Victor",
        path.display()
    )]
    LaterVersion {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        found: u32,
        /// The latest version that can be read.
        readable: u32,
    },
    /// A line cannot be understood.
    #[error("line {line} of the cassette `{}` is not an exchange", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },
}
