//! Input through pipes.

use std::io::{self, Read as _};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::terminal;

/// The time to wait for the first byte beside a message: the pipe may be one that nobody writes to.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most bytes of input: no model has a window for more.
const MOST: u64 = 16 << 20;

/// Reads all of standard input, which must be text.
pub(super) fn all() -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    read(&mut bytes)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(_) => bail!(
            "the message on standard input is not UTF-8: convert it, for example with `iconv`"
        ),
    }
}

/// Reads the input beside a message, if there is any. Invalid UTF-8 in it is replaced, with a status line.
///
/// Blocks until the input ends, or until nothing has come for a while, which is reported with a status line, too.
pub(super) fn beside_message() -> anyhow::Result<Option<String>> {
    let (sender, receiver) = sync_channel(1);
    // A read that blocks cannot be cancelled; the thread ends with the program.
    thread::spawn(move || {
        let mut first = [0];
        let began = io::stdin().lock().read(&mut first);
        // The receiver is gone after the time limit.
        if sender
            .send(began.map(|count| first[..count].to_vec()))
            .is_ok()
        {
            let mut bytes = Vec::new();
            let _ = sender.send(read(&mut bytes).map(|()| bytes).map_err(io::Error::other));
        }
    });
    let first = match receiver.recv_timeout(PATIENCE) {
        // A standard input that is closed holds nothing.
        Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
        Ok(Ok(first)) if first.is_empty() => return Ok(None),
        Ok(Ok(first)) => first,
        Err(RecvTimeoutError::Timeout) => {
            terminal::status(&format!(
                "standard input is open and has been silent for {} s, so the message is sent without it; `< /dev/null` \
                 avoids the wait, and `-` as the message waits until the input ends",
                PATIENCE.as_secs()
            ));
            return Ok(None);
        }
    };
    let rest = receiver.recv().context("standard input cannot be read")?;
    let bytes = [first, rest.context("standard input cannot be read")?].concat();
    let text = String::from_utf8_lossy(&bytes);
    if text.contains(char::REPLACEMENT_CHARACTER) {
        terminal::status("standard input is not all UTF-8: invalid bytes are sent as U+FFFD");
    }
    let text = text.trim_end();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Reads standard input to its end.
fn read(bytes: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut input = io::stdin().lock().take(MOST + 1);
    input
        .read_to_end(bytes)
        .context("standard input cannot be read")?;
    if bytes.len() as u64 > MOST {
        bail!(
            "standard input holds more than {} MiB: save it to a file and name the file",
            MOST >> 20
        );
    }
    Ok(())
}
