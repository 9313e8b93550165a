//! Telemetry from outside: what is sent, and what happens when receivers fail.

mod decode;
mod receivers;
mod support;
