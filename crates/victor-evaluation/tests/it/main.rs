//! Evaluation, through its public API.

mod comparing;
mod evaluators;
mod judges;
mod logs;
mod puppet;
mod runs;
