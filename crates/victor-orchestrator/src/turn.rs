//! Turns: how one is opened, and the ports through which it acts.

mod admission;
mod checkpointing;
mod open;
mod order;
mod ports;
mod preamble;
mod scope;
mod settle;
mod window;
mod writer;

pub(crate) use open::TurnOpener;
pub(crate) use order::TurnOrder;
pub(crate) use window::compact;
