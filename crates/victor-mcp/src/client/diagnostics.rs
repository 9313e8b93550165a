//! Observations of a running server, for error messages.

use std::collections::VecDeque;
use std::sync::OnceLock;

use victor_core::Lock;

/// The number of bytes of the error output to keep.
pub(super) const MAX_STDERR: usize = 4 * 1024;

/// Observations of a running server, by which a failure is explained.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    /// The end of the error output.
    stderr: Lock<VecDeque<u8>>,
    /// The beginning of the first line on the standard output that is not a message.
    stray_line: OnceLock<String>,
    /// The reason for which the client broke off the connection.
    fault: OnceLock<String>,
}

impl Diagnostics {
    /// Records why the client broke off the connection.
    pub(super) fn break_off(&self, fault: String) {
        self.fault.get_or_init(|| fault);
    }

    /// Records a line of the standard output that is not a message.
    pub(super) fn stray_line(&self, line: &str) {
        if !line.trim().is_empty() {
            self.stray_line
                .get_or_init(|| line.chars().take(400).collect());
        }
    }

    /// Appends to the error output, of which the end is kept.
    pub(super) fn append_stderr(&self, bytes: &[u8]) {
        let mut kept = self.stderr.lock();
        kept.extend(bytes);
        let surplus = kept.len().saturating_sub(MAX_STDERR);
        kept.drain(..surplus);
    }

    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    pub(super) fn first_stray_line(&self) -> Option<&str> {
        self.stray_line.get().map(String::as_str)
    }

    /// Returns the end of the error output.
    pub(super) fn stderr(&self) -> Vec<u8> {
        self.stderr.lock().iter().copied().collect()
    }
}
