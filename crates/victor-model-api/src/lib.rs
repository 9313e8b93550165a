//! The care that every adapter to a model API takes, in one place.
//!
//! Servers differ in what they accept and in what they send. An adapter states the rules of its API as data, and this
//! crate writes identifiers and names that keep to them, so that a history which one server made is accepted by the
//! next.
//!
//! ```
//! use victor_model_api::{CallIds, NameRule};
//!
//! let mut ids = CallIds::new(NameRule::new(64));
//! assert_eq!(ids.of_call("functions.read:0"), "functions_read_0");
//! assert_eq!(ids.of_result("functions.read:0"), "functions_read_0");
//! ```

mod names;
mod overflow;

pub use names::{CallIds, NameRule};
pub use overflow::Overflow;
