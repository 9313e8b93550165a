//! The behaviour of the renderer, through its public API.

mod templates;
