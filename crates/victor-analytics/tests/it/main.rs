//! The behaviour of the analytics coordinator and its exporters, through their public API.

mod background;
mod export;
mod exporters;
mod fakes;
mod laws;
mod shutdown;
mod track;
