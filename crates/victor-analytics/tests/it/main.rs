//! The behaviour of the analytics coordinator and its exporters, through their public API.

mod background;
mod decorators;
mod export;
mod exporters;
mod fakes;
mod laws;
mod outbox;
mod redact;
mod shutdown;
mod track;
mod volume;
