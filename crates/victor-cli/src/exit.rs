//! The exit codes, and failures that lead to them.

use std::io;
use std::process::ExitCode;

use crate::terminal;

/// The exit code of the program. The numbers are part of its interface; `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Answered = 0,
    Failed = 1,
    Usage = 2,
    /// A workflow waits: for an answer, an event or a time.
    Waiting = 3,
    HungUp = 129,
    Interrupted = 130,
    Quit = 131,
    Terminated = 143,
}

impl Exit {
    /// Ends the program at once, without any cleanup.
    pub(crate) fn now(self) -> ! {
        std::process::exit(i32::from(self as u8))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}

/// An error with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// Returns the error on one line, for a program that goes on.
    pub(crate) fn reason(&self) -> String {
        format!("{:#}", self.error)
    }

    /// Creates the failure of a wrong call of the program.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Usage,
            error: error.into(),
        }
    }

    /// Prints the error on one line.
    pub(crate) fn report(&self) -> Exit {
        // The reader of the pipe has read enough: not an error.
        if self
            .error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        {
            return Exit::Answered;
        }
        terminal::error(&format!("{:#}", self.error));
        self.exit
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            exit: Exit::Failed,
            error: error.into(),
        }
    }
}
