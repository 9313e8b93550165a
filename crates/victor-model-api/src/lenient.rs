//! Reads what servers send, also where it is not what their API's documentation promises.
//!
//! Everything here is tried where the plain way has failed, or costs next to nothing where nothing is odd.

mod arguments;
mod content;
mod finish;
mod half_pairs;
mod scalars;

pub use arguments::{decoded_arguments, unquoted};
pub use content::{Content, Piece};
pub use finish::Finish;
pub use half_pairs::{HalfPairs, repaired};
pub use scalars::{count, integer, text, text_borrowed};
