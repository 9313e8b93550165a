//! Tests of the crate's public API.
//!
//! Most are on a tiny model that they write themselves. Those of a real one find all-MiniLM-L6-v2 through the
//! environment variable `VICTOR_MINILM`, and say on standard error when they have nothing to test.

mod damage;
mod laws;
mod loading;
mod minilm;
mod tiny;
mod vectors;
