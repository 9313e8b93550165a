//! Durable stores of sessions, checkpoints, events, settings and tool results in SQLite or PostgreSQL.

// Without a database there is nothing here.
#![cfg(any(feature = "sqlite", feature = "postgres"))]

mod database;
mod driver;
mod error;
mod options;
#[cfg(feature = "sqlite")]
mod salvage;
mod schema;
mod statement;
mod stores;
mod transaction;

pub use database::Database;
pub use error::DatabaseError;
pub use options::{DatabaseOptions, Synchronous};
#[cfg(feature = "sqlite")]
pub use salvage::{Salvage, salvage};
pub use stores::{
    SqlAnalyticsExporter, SqlCheckpointStore, SqlConfigProvider, SqlReceiptStore, SqlResultStore,
    SqlSessionStore,
};
