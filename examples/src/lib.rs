//! The code in the documents, compiled and run by `cargo test --doc -p examples`.

#[cfg(doctest)]
#[doc = include_str!("../../docs/extending.md")]
pub struct Extending;

#[cfg(doctest)]
#[doc = include_str!("../../docs/evaluation.md")]
pub struct Evaluation;
