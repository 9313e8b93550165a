//! The library as programs use it.

mod instructions;
mod laws;
mod load_skill;
mod reference;
mod sections;
mod skills;
mod support;
