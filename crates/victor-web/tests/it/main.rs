//! The adapters, through their public API, against a server on this machine.

mod agent;
mod config_provider;
mod pushgateway;
mod webhook;
