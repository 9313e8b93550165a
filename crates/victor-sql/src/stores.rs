//! The stores of the protocols.

mod checkpoints;
mod config;
mod config_query;
mod events;
mod ledger;
mod outbox;
mod prompts;
mod receipts;
mod results;
mod sessions;
mod turn_log;
mod workflows;

pub use checkpoints::SqlCheckpointStore;
pub use config::SqlConfigProvider;
pub use config_query::SqlConfigQuery;
pub use events::SqlAnalyticsExporter;
pub use ledger::SqlLedgerStore;
pub use outbox::SqlEventOutbox;
pub use prompts::SqlPromptSource;
pub use receipts::SqlReceiptStore;
pub use results::SqlResultStore;
pub use sessions::SqlSessionStore;
pub use turn_log::SqlTurnLog;
pub use workflows::SqlWorkflowJournal;

use std::borrow::Cow;

use serde::Serialize;
use victor_core::Timestamp;

use crate::error::DatabaseError;

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, DatabaseError> {
    serde_json::to_string(value).map_err(|error| DatabaseError::Unwritable {
        source: error.into(),
    })
}

/// A text that stands beside the JSON that has it too, to be searched. PostgreSQL has no NUL in a text.
fn searched(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// A time as it is searched: microseconds since 1970.
fn micros(at: Timestamp) -> i64 {
    at.as_unix_micros()
}
