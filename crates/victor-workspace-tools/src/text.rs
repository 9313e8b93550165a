//! Text in files: its encoding, its line ends, and characters that look like others.

mod encoding;
mod line_ends;
mod lookalike;

pub(crate) use encoding::{Charset, Text, decode};
#[cfg(feature = "fetch")]
pub(crate) use encoding::{decode_page, named};
pub(crate) use line_ends::{Plain, are_crlf_throughout, line_end};
pub(crate) use lookalike::{ascii, folded, is_plain, quoted, visible};
