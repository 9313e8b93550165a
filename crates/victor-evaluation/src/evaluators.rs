//! The evaluators.

mod code;
mod files;
mod json;
mod judge;
mod numeric;
mod resources;
mod similarity;
mod text;
mod trajectory;

pub use code::Custom;
pub use files::{FilesMatch, StateMatches};
pub use json::{JsonMatches, JsonPathMatches, JsonSchemaMatches};
pub use judge::{Judge, PairwiseJudge};
pub use numeric::Numeric;
pub use resources::{CostWithin, LatencyWithin};
pub use similarity::Similarity;
pub use text::{Contains, Exact, RegexMatches};
pub use trajectory::{Trajectory, TrajectoryMatch};
