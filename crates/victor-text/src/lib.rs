//! Shows text from strangers to people: hidden characters escaped, long texts folded, every row marked.
//!
//! Models, files, servers and web pages produce text that people read in a terminal and act upon. A character that
//! moves the cursor, reverses the reading direction or has no width makes them read something that is not there. This
//! crate holds the one set of such characters, and the ways to show a text without them. It is pure: no I/O, no
//! terminal.
//!
//! ```
//! use victor_text::{Sheet, escaped};
//!
//! assert_eq!(escaped("rm \u{202e}txt.exe"), r"rm \u{202e}txt.exe");
//!
//! let sheet = Sheet::new(&escaped("touch a\nallow it? [y/N] y"), 80);
//! let rows: Vec<_> = sheet.rows().collect();
//! assert_eq!(rows, ["| touch a", "| allow it? [y/N] y"]);
//! ```
//!
//! # Contents
//!
//! - [`is_hidden`] and [`is_blank_lookalike`], the set.
//! - [`escaped`], for text that a person decides on: different texts never look alike.
//! - [`visible`], for prose, which keeps what scripts and emoji need.
//! - [`json_escaped`], for JSON, whose value stays equal.
//! - [`one_line`], [`excerpt`] and [`shortened`], for short texts; [`cleaned`], for what a model reads.
//! - [`listed`], for lists of names.
//! - [`Sheet`], for long texts in a terminal, behind the feature `sheet`, on by default.

mod escape;
mod hidden;
mod line;
mod list;
#[cfg(feature = "sheet")]
mod sheet;

pub use escape::{cleaned, escaped, json_escaped, visible};
pub use hidden::{is_blank_lookalike, is_hidden};
pub use line::{excerpt, grouped, one_line, shortened};
pub use list::listed;
#[cfg(feature = "sheet")]
pub use sheet::{Folded, Sheet};
