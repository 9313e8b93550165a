//! Tests of the crate's public API.

mod attach;
mod config;
mod http;
mod misbehaviour;
mod reference;
mod roundtrip;
mod scripted;
mod support;
