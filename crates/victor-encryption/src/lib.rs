//! Encrypts the stores of sessions, results and receipts, so that reading the database reveals no content.
//!
//! [`Encrypted`] wraps a store and is one. What goes in is sealed with XChaCha20-Poly1305 before the wrapped store has
//! it, and opened when it comes back. [`Keys`] come from the environment or from a command.
//!
//! ```
//! use std::sync::Arc;
//!
//! use victor_core::{Message, SessionId};
//! use victor_encryption::{Encrypted, Keys, generate_key};
//! use victor_session_protocol::{InMemorySessionStore, SessionStore, TranscriptEntry};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = Arc::new(InMemorySessionStore::default());
//! let keys = Keys::parse(&generate_key()?)?; // a program uses `Keys::from_env`
//! let store = Encrypted::new(database.clone(), keys);
//!
//! let session = SessionId::new("docs-456");
//! let entry = TranscriptEntry::new(None, Message::user("My password is swordfish"));
//! store.append(&session, 0, &[entry.clone()]).await?;
//!
//! assert_eq!(store.load(&session, 0).await?, [entry]);
//! let kept = database.load(&session, 0).await?;
//! assert!(!kept[0].message.text().contains("swordfish"));
//! # Ok(())
//! # }
//! ```
//!
//! # What is sealed, and what can be read all the same
//!
//! Sealed are messages with their roles, the state of open turns, titles, tags, the names and values of metadata, texts
//! of results and results in receipts. Each sealed value belongs to its place: to its session, and within it to its
//! number in the transcript, its turn, its handle or its key. One that is moved elsewhere does not open.
//!
//! Whoever reads the database still learns: names of sessions, turns and messages, handles of results and keys of
//! receipts (so these should say nothing); times, the status and the expiry; how many entries, tags and facts there are
//! and how long each is; that a tag or the name of a fact is the same as before in the same session; and with which key
//! something was sealed, by the key's fingerprint.
//!
//! Whoever can write to the database can still delete, cut off the end of a transcript, and put an old state back. What
//! is opened is what was once sealed there, and nothing else.
//!
//! # What it costs
//!
//! Sealed text is a third longer. Finding by title, by text or by tags opens all sessions of the right status and
//! expiry, since the store cannot look into them; listing and finding by anything else asks the store as before.
//! Results are sealed in pieces of 16 KB, and a page opens those in which it is.
//!
//! # Keys
//!
//! The first of [`Keys`] seals, and all of them open. To change the key, put a new one before the old one. What is
//! sealed with the old one is not sealed again; a session that is exported and imported is. In the same way a store
//! without encryption is carried over to one with it: what is not sealed is refused, since otherwise who can write to
//! the database could make up messages.

mod encrypted;
mod error;
mod keys;
mod receipts;
mod results;
mod seal;
mod sessions;

pub use encrypted::Encrypted;
pub use error::{KeyError, SealError};
pub use keys::{KEY_VARIABLE, Keys, generate_key};
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_session_protocol as session;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;
