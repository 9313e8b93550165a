//! Answers of a model as values of a type.
//!
//! An [`OutputForm`] is derived from a type. It holds the schema that a model is held to, in the strict dialect that
//! providers decode token by token where the type has such a form ([`strict_schema`]), and it reads an answer: it
//! checks the JSON against the schema of the type, and then lets serde make the value. Both report every violation in
//! words that a model can act on.
//!
//! A turn knows none of this. It is given the [contract](OutputForm::contract), and asks a
//! [`CheckOutput`](chat::CheckOutput), which every form is, whether an answer fits. [`OutputForm::read_answer`] makes
//! the value of what the turn ends with.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//! use victor_structured_output::OutputForm;
//!
//! #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
//! struct City {
//!     name: String,
//!     #[schemars(range(min = 1))]
//!     population: u64,
//! }
//!
//! let form = OutputForm::<City>::new("final_answer");
//! assert!(form.contract().format.strict);
//! let tokyo = City { name: "Tokyo".into(), population: 14_000_000 };
//! assert_eq!(form.read(r#"{"name": "Tokyo", "population": 14000000}"#), Ok(tokyo));
//! let wrong = form.read(r#"{"name": "Tokyo", "population": 0}"#).unwrap_err();
//! assert_eq!(wrong, "at /population, the value is less than the minimum of 1");
//! ```

mod answer;
mod form;
mod strict;

pub use answer::{Typed, TypedChatError};
pub use form::OutputForm;
pub use strict::strict_schema;

#[doc(no_inline)]
pub use schemars;
#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as provider;
