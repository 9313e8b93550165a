//! Evaluation, through its public API.

mod comparing;
mod evaluators;
mod inspect;
mod judges;
mod laws;
mod logs;
mod puppet;
mod reports;
mod runs;
