//! Turns: how one is opened, and the ports through which it acts.

mod open;
mod ports;

pub(crate) use open::TurnOpener;
