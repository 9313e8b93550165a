//! Scripted models, fault injectors and conformance suites for testing Victor crates and their replacements.
//!
//! - [`ScriptedModel`] answers by a script and notices when the program leaves it; [`Expect`] says what a step of the
//!   script wants to be asked. [`Recorder`] makes a script from what a model really said.
//! - [`FakeApi`] is a model API on this machine that answers as a test says, for adapters.
//! - [`faults`] has what goes wrong in the field: errors, panics, calls that never return, streams that break off.
//! - [`conformance`] has the laws of extension points and of all roles, for whoever implements one.
//! - [`cancel_at_every_poll`] proves that a future may be dropped anywhere; [`drive`] runs one without a runtime.
//! - [`die_at_every_write`] kills a program at each of its writes, and shows what is left.
//! - [`browser`] finds a browser that looks at pages and pictures.
//! - [`check_golden`] and its neighbours hold stored and sent forms against files, so that they stay readable.
//! - [`strict`] says what the strictest servers would refuse in a request, for adapters.
//! - [`histories`] are conversations of every shape, [`histories_with_mistakes`] those that servers refuse as they are,
//!   and [`CharCounter`] counts them in a way that one can foretell.
//!
//! It is used as a dev-dependency, in the tests of Victor's own crates and of those that take their place.

mod api;
mod browser;
mod cancel;
pub mod conformance;
mod counter;
mod death;
mod expect;
pub mod faults;
mod golden;
mod history;
mod puppet;
mod recorder;
mod scripted;
pub mod strict;

pub use api::{ApiRequest, FakeApi, Reply};
pub use browser::browser;
pub use cancel::{cancel_at_every_poll, count_polls, drive, drive_until_pending, poll_at_most};
pub use counter::CharCounter;
pub use death::die_at_every_write;
pub use expect::Expect;
pub use golden::{check_golden, check_refused, check_survives, check_unknown_fields};
pub use history::{histories, histories_with_mistakes};
pub use puppet::{Puppet, PuppetCall};
pub use recorder::{Exchange, Recorder};
pub use scripted::ScriptedModel;
