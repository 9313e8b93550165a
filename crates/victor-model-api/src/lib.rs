//! The care that every adapter to a model API takes, in one place.
//!
//! Servers differ in what they accept and in what they send. An adapter states the rules of its API as data, and this
//! crate writes histories that keep to them, so that a history which one server made is accepted by the next.
//!
//! ```
//! use victor_model_api::{CallIds, NameRule, arguments};
//!
//! let mut ids = CallIds::new(NameRule::new(64));
//! assert_eq!(ids.of_call("functions.read:0"), "functions_read_0");
//! assert_eq!(ids.of_result("functions.read:0"), "functions_read_0");
//! assert_eq!(arguments("{oops").get(), r#"{"invalid_arguments":"{oops"}"#);
//! ```
//!
//! - [`turns`] puts neighbours of one side together, and pairs results with their calls.
//! - [`CallIds`], [`NameRule`] and [`arguments`] write what models got wrong in a form that every server takes, and that
//!   shows the model what it wrote.
//! - [`RawFields`] and [`Pieces`] keep fields that nobody knows byte for byte, to be sent back.

mod arguments;
mod names;
mod overflow;
mod pieces;
mod raw_fields;
mod turns;

pub use arguments::arguments;
pub use names::{CallIds, NameRule};
pub use overflow::Overflow;
pub use pieces::Pieces;
pub use raw_fields::RawFields;
pub use turns::{Answer, BRIDGE, EMPTY, LEFT_OUT, Side, Turn, turns};
