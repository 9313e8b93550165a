//! What happens within, on stderr, for those who ask for it.

use std::io;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::exit::Failure;

/// The environment variable that says what is logged, in the language of [`EnvFilter`].
const LEVEL: &str = "VICTOR_LOG_LEVEL";

/// Starts to log what `VICTOR_LOG_LEVEL` asks for; nothing if it is not set.
pub(crate) fn start() -> Result<(), Failure> {
    let Some(level) = std::env::var_os(LEVEL).filter(|level| !level.is_empty()) else {
        return Ok(());
    };
    let level = level.to_string_lossy();
    let filter = EnvFilter::builder().parse(&level).with_context(|| {
        format!("{LEVEL} is `{level}`: use error, warn, info, debug, trace, or one of them for a part as in victor_tool=debug")
    });
    let ansi = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_env_filter(filter.map_err(Failure::usage)?)
        .with_writer(io::stderr)
        .with_ansi(ansi)
        .init();
    Ok(())
}
