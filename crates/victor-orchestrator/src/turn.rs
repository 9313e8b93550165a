//! Turns: how one is opened, and the ports through which it acts.

mod admission;
mod open;
mod order;
mod ports;
mod preamble;
mod scope;
mod settle;
mod window;

pub(crate) use open::TurnOpener;
pub(crate) use order::TurnOrder;
pub(crate) use window::compact;
