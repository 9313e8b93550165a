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
//! - [`CallIds`], [`NameRule`] and [`arguments`] write what models got wrong in a form that every server takes, and
//!   that shows the model what it wrote.
//! - [`RawFields`] and [`Pieces`] keep fields that nobody knows byte for byte, to be sent back.
//! - [`lenient`] reads what servers send in other forms than their API's documentation promises.
//! - [`AnswerMeter`] holds an answer to its [limits](AnswerLimits).
//! - [`class_of_code`], [`class_of_text`], [`delay_of_text`] and [`Overflow`] read errors, whose tables stand here for
//!   all dialects.

mod arguments;
pub mod lenient;
mod limits;
mod names;
mod overflow;
mod phrases;
mod pieces;
mod raw_fields;
mod turns;

pub use arguments::arguments;
pub use limits::{AnswerLimits, AnswerMeter, LimitExceeded};
pub use names::{CallIds, NameRule};
pub use overflow::Overflow;
pub use phrases::{class_of_code, class_of_text, delay_of_text};
pub use pieces::Pieces;
pub use raw_fields::RawFields;
pub use turns::{Answer, BRIDGE, EMPTY, LEFT_OUT, Side, Turn, turns};
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;
