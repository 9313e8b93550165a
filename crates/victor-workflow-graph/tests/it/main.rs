//! Drawings of definitions.

mod browser;
mod drawings;
