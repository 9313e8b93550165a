//! The log on stderr.

use std::io::{self, Write};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use victor_process::without_logins;

use crate::exit::Failure;
use crate::secrets;

/// The environment variable with the log filter, in the syntax of [`EnvFilter`].
const LEVEL: &str = "VICTOR_LOG_LEVEL";

/// Starts the log by the filter in `VICTOR_LOG_LEVEL`; without it nothing is logged.
pub(crate) fn start() -> Result<(), Failure> {
    let Some(level) = std::env::var_os(LEVEL).filter(|level| !level.is_empty()) else {
        return Ok(());
    };
    let level = level.to_string_lossy();
    let filter = EnvFilter::builder().parse(&level).with_context(|| {
        format!("{LEVEL} is `{level}`: use error, warn, info, debug, trace, or one of them for one crate, as in \
            victor_tool=debug")
    });
    let ansi = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_env_filter(filter.map_err(Failure::usage)?)
        .with_writer(|| WithoutSecrets(io::stderr()))
        .with_ansi(ansi)
        .init();
    Ok(())
}

/// Removes secrets from every line of the log. A line arrives in one piece.
struct WithoutSecrets<W>(W);

impl<W: Write> Write for WithoutSecrets<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shown = secrets::known().redact(String::from_utf8_lossy(line));
        self.0.write_all(without_logins(&shown).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use victor_process::Secrets;

    use super::*;

    #[test]
    fn secrets_are_in_no_line() {
        secrets::add(&Secrets::from_iter(["key-of-a-server"]));
        let mut written = Vec::new();
        let line = b"TRACE connecting to https://me:hidden@host/ with key-of-a-server\n";
        WithoutSecrets(&mut written).write_all(line).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert_eq!(written, "TRACE connecting to https://***@host/ with ***\n");
    }
}
