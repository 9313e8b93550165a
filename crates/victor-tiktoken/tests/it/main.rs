//! The counts of texts and messages against those of OpenAI.
//!
//! Recorded answers of the API are found through the environment variable `VICTOR_CASSETTES`; without it, the test that
//! needs them says on standard error that it was skipped.

mod laws;
mod messages;
mod recordings;
mod texts;
