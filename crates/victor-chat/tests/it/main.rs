//! The rules of a turn, as data; and the coordinator that works it.

mod approvals;
mod coordinator;
mod machine;
mod output;
mod ports;
mod refusals;
mod script;
mod stored;
