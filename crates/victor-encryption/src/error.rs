//! Errors of keys and of sealed content.

use std::io;

use victor_core::BoxError;

/// Why there is no key. No part of a key is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The variable of the environment is not set.
    #[error(
        "the variable `{0}` is not set: it holds the keys, of 32 bytes each in base64 or hexadecimal digits"
    )]
    NotSet(String),
    /// There is no key in what should hold one.
    #[error("there is no key: expected 32 bytes in base64 or hexadecimal digits")]
    Empty,
    /// A key is malformed.
    #[error("key {place} is not 32 bytes in base64 or hexadecimal digits")]
    Malformed {
        /// The position of the key, counted from 1.
        place: usize,
    },
    /// The command that should print the keys could not be run.
    #[error("the command `{command}`, which should print the keys, could not be run")]
    Command {
        /// The command, without its arguments.
        command: String,
        /// The error beneath.
        #[source]
        source: io::Error,
    },
    /// The command that should print the keys failed.
    #[error("the command `{command}`, which should print the keys, failed with {status}")]
    CommandFailed {
        /// The command, without its arguments.
        command: String,
        /// The exit status of the command.
        status: std::process::ExitStatus,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] BoxError),
}

/// Why something could not be sealed or opened. It is the source of the error of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It was sealed with a key that is not at hand.
    #[error("it was sealed with the key `{key}`, and at hand are {}: add that key behind the others", list(.known))]
    UnknownKey {
        /// The fingerprint of the key.
        key: String,
        /// The fingerprints of those that are at hand.
        known: Vec<String>,
    },
    /// It was changed, or was sealed for another place.
    #[error(
        "it does not open with the key `{key}`, with which it was sealed: it was changed or moved here from elsewhere"
    )]
    Damaged {
        /// The fingerprint of the key.
        key: String,
    },
    /// It was opened, and is not what it should be.
    #[error("it was opened and cannot be read: {0}")]
    Unreadable(String),
    /// It was written without encryption.
    #[error(
        "it is not sealed: export the session from the store without encryption and import it here"
    )]
    NotSealed,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

fn list(keys: &[String]) -> String {
    let quoted: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    quoted.join(", ")
}
