//! The stores of the protocols.

mod checkpoints;

pub use checkpoints::SqlCheckpointStore;

use serde::Serialize;

use crate::error::DatabaseError;

/// A value as JSON.
fn json(value: &impl Serialize) -> Result<String, DatabaseError> {
    serde_json::to_string(value).map_err(|error| DatabaseError::Other {
        place: "JSON".into(),
        source: error.into(),
    })
}
