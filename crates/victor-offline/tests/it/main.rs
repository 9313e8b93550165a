//! The behaviour of the offline model, through its public API.

mod answers;
mod calls;
mod robust;
mod support;
mod wire;
