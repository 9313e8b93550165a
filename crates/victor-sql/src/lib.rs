//! Durable stores of sessions, checkpoints, events, settings, tool results, workflows and the ledger in SQLite or
//! PostgreSQL.
//!
//! What the protocols keep in memory by default is gone with the process. A [`Database`] keeps it: in one file, or on a
//! server that several machines share. Both keep the same laws, and which of them it is stands in the address alone.
//!
//! ```
//! use victor_core::{Message, SessionId};
//! use victor_session_protocol::{SessionStore, TranscriptEntry};
//! use victor_sql::Database;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("victor.db").display().to_string();
//! let database = Database::open(&path).await?; // or "postgres://me@host/agents"
//! let session = SessionId::new("docs-456");
//! let entry = TranscriptEntry::new(None, Message::user("Hello"));
//! database.session_store().append(&session, 0, &[entry]).await?;
//! database.close().await;
//!
//! // In another process, another day:
//! let store = Database::open(&path).await?.session_store();
//! assert_eq!(store.load(&session, 0).await?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - **A write happens as a whole or not at all**, also when its caller is dropped, the process is killed at any of its
//!   writes or the disk is full. A commit of a session writes entries, the journal of its turn and facts of the session
//!   in one transaction; a session that is brought in is there with all its entries; one that is deleted takes along
//!   its checkpoints, results, receipts, events and settings. Its entries of the ledger stay, since what was spent was
//!   spent: they hold names, counts and amounts, and nothing that was said.
//! - **One of several writers wins**, in one process or in many: a session is written at the length that the writer
//!   knows, or not at all.
//! - **Processes know of each other**: a session has a lease, which is checked and changed by the statement that
//!   writes. It runs out by the clock of the machine in SQLite, and by that of the server in PostgreSQL.
//! - **What was acknowledged is there** after the end of the process. In SQLite, [`Synchronous`] says whether it is
//!   also there after a power cut.
//! - **A write costs what it writes**, however long the conversation is and however many sessions there are. A message
//!   is kept once for all checkpoints that have it.
//! - **What was deleted is in no file of SQLite**, once the deletion or the clearing of a session has succeeded:
//!   content is overwritten (`secure_delete`), also where it is replaced, and the write-ahead log is emptied. While
//!   another process reads what was there before, the log is emptied by the next deletion, or by whoever closes the
//!   database last. What versions before this one deleted may still be in free pages, until `VACUUM` is run once.
//! - **A file that can only be read is read**, as on a file system that is mounted so.
//! - **A schema only goes forward.** It is brought up to date when the database is opened, by one process while others
//!   wait; a database of a later version is refused.
//!
//! # What is not
//!
//! Each call of a store is one transaction, and no transaction spans two calls. A handler of a workflow can have its
//! own writes done in the transaction that records its step.
//!
//! **PostgreSQL keeps what was deleted for a while**: rows stay in the tables' files until `VACUUM` has come by, which
//! the server does by itself, and their space until other rows take it; `VACUUM FULL` rewrites the tables. The
//! write-ahead log has them until it is recycled, and so do archives of it, replicas and backups. Who must be sure
//! encrypts what is stored, as `victor-encryption` does, and deletes the key.
//!
//! A list of all sessions is read whole:
//! ask for pages ([`SessionQuery::first`](victor_session_protocol::SessionQuery::first)) where there are many. To find
//! sessions by a part of a title, every title is looked at.
//!
//! # When something is wrong
//!
//! The stores put [`DatabaseError`] in words into the errors of their protocols: what is wrong, where, and what to do.
//! An error of the library stands beneath only where it says more than the words.
//! `salvage` copies what can be read of a damaged SQLite file.
//!
//! # Features
//!
//! - `sqlite`, on by default: files. SQLite is compiled in, so nothing need be installed.
//! - `postgres`: servers. TLS is used where the server offers it; `?sslmode=verify-full` demands it.
//!
//! # Neighbours
//!
//! The stores implement extension points of `victor-session-protocol`, `victor-chat-protocol`,
//! `victor-checkpoint-protocol`, `victor-analytics-protocol`, `victor-config-protocol`, `victor-prompt-protocol`,
//! `victor-provider-protocol`, `victor-tool-protocol` and `victor-workflow-protocol`, and go where those say. Nothing in
//! this crate knows a coordinator.

// Without a database there is nothing here.
#![cfg(any(feature = "sqlite", feature = "postgres"))]

mod clock;
mod database;
mod driver;
mod error;
mod options;
mod patience;
#[cfg(feature = "sqlite")]
mod salvage;
mod schema;
mod signals;
mod statement;
mod stores;
mod transaction;

pub use database::Database;
pub use error::DatabaseError;
pub use options::{DatabaseOptions, Synchronous};
#[cfg(feature = "sqlite")]
pub use salvage::{Salvage, salvage};
pub use stores::{
    SqlAnalyticsExporter, SqlCheckpointStore, SqlConfigProvider, SqlConfigQuery, SqlEventOutbox,
    SqlLedgerStore, SqlPromptSource, SqlReceiptStore, SqlResultStore, SqlSessionStore, SqlTurnLog,
    SqlWorkflowJournal,
};
#[doc(no_inline)]
pub use victor_analytics_protocol as analytics;
#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_checkpoint_protocol as checkpoint;
#[doc(no_inline)]
pub use victor_config_protocol as config;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_prompt_protocol as prompt;
#[doc(no_inline)]
pub use victor_provider_protocol as provider;
#[doc(no_inline)]
pub use victor_session_protocol as session;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;
#[doc(no_inline)]
pub use victor_workflow_protocol as workflow;
