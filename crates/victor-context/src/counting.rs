//! Token counts: the estimate, its calibration by reports of providers, and a guard around foreign counters.

mod calibration;
mod estimate;
mod guarded;
mod token_breakdown;

pub use calibration::Calibration;
pub(crate) use calibration::Report;
pub use estimate::EstimateCounter;
pub(crate) use guarded::GuardedCounter;
pub(crate) use token_breakdown::token_breakdown;
