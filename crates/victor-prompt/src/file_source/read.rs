//! Text files of strangers.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use victor_prompt_protocol::PromptError;

/// Reads a text file; `None` if it is not there. Refused are files that are no regular ones, that are too long and that
/// hold no text.
pub(super) fn read_text(path: &Path, most: u64) -> Result<Option<String>, PromptError> {
    let refused = |why: String| PromptError::new(format!("`{}` {why}", path.display()));
    let failed = |error| refused("cannot be read".to_owned()).with_source(error);
    // Opening a pipe would wait for whoever writes into it.
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(refused("is no regular file".to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(refused(format!(
            "has more than {} KiB: shorten it",
            most / 1024
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        refused(format!("is no text: byte {place} is not UTF-8"))
    })?;
    match text.find('\0') {
        Some(place) => Err(refused(format!("is no text: byte {place} is NUL"))),
        None => Ok(Some(text)),
    }
}
