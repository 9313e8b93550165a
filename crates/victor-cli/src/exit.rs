//! How the program ends.

use std::io;
use std::process::ExitCode;

use crate::terminal;

/// How the program ends. The numbers are part of its interface, and `--help` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Answered = 0,
    Failed = 1,
    Usage = 2,
    HungUp = 129,
    Interrupted = 130,
    Quit = 131,
    Terminated = 143,
}

impl Exit {
    /// Ends the program here and now, without anything being put in order.
    pub(crate) fn now(self) -> ! {
        std::process::exit(i32::from(self as u8))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}

/// An error, and how the program ends because of it.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// The error in one line, to be remarked upon where the program goes on without.
    pub(crate) fn reason(&self) -> String {
        format!("{:#}", self.error)
    }

    /// The program was called in a wrong way.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Usage,
            error: error.into(),
        }
    }

    /// Says it in one line.
    pub(crate) fn report(&self) -> Exit {
        // Whoever closes the pipe has read enough. Nothing went wrong.
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
