//! Identifiers: names given by people or providers, and numbers that Victor makes.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! name_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// Cloning shares the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a name as it is.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> Self {
                id.clone()
            }
        }
    };
}

name_id! {
    /// Names a session: one conversation with its own context, transcript and analytics.
    SessionId
}
name_id! {
    /// Names a model as its provider does, for example `claude-sonnet-4-5`.
    ModelId
}
name_id! {
    /// Names a tool call as the model's provider does; unique within one message.
    ToolCallId
}

impl SessionId {
    /// A name that no other session has.
    #[must_use]
    pub fn generate() -> Self {
        Self(fresh_uuid().to_string().into())
    }
}

impl Default for SessionId {
    /// The session `default`, which a program with one conversation uses.
    fn default() -> Self {
        Self("default".into())
    }
}

/// A text that should have been an identifier made by Victor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an identifier: expected a UUID such as 0198c0de-0000-7000-8000-000000000000")]
pub struct ParseIdError(String);

macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// Identifiers sort by the time at which they were made (UUID version 7, RFC 9562).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// An identifier that nothing else has.
            #[must_use]
            pub fn generate() -> Self {
                Self(fresh_uuid())
            }

            /// The identifier with this number, for tests and for imports from elsewhere.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(Uuid::from_u128(number))
            }

            /// The identifier as a number.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0.as_u128()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::from_str(text).map(Self).map_err(|_| ParseIdError(text.to_owned()))
            }
        }
    };
}

uuid_id! {
    /// Identifies an attempt of a model call.
    AttemptId
}
uuid_id! {
    /// Names a message.
    MessageId
}
uuid_id! {
    /// Names a turn: one message of a user, worked until the model is done.
    TurnId
}

uuid_id! {
    /// Names an event, so that whoever receives it twice can tell.
    EventId
}
uuid_id! {
    /// Names a checkpoint: a state of a session that can be gone back to.
    CheckpointId
}
uuid_id! {
    /// Names a run of a workflow.
    RunId
}

impl MessageId {
    /// The last twelve characters of the identifier: enough to tell apart the messages of one conversation, and short
    /// enough to be shown to a model.
    ///
    /// ```
    /// # use victor_core::MessageId;
    /// let id: MessageId = "0198c0de-0000-7000-8000-7c3f0a1b2c3d".parse()?;
    /// assert_eq!(id.short(), "7c3f0a1b2c3d");
    /// # Ok::<(), victor_core::ParseIdError>(())
    /// ```
    #[must_use]
    pub fn short(self) -> String {
        format!("{:012x}", self.as_u128() & 0xffff_ffff_ffff)
    }
}

impl TurnId {
    /// The identifier of the turn's message number `index`.
    ///
    /// It follows from the turn alone, so a turn that is resumed in another process names its messages as the first
    /// process would have, and a store can tell a repeated write from a new one.
    #[must_use]
    pub const fn message_id(self, index: u32) -> MessageId {
        MessageId::from_u128(self.as_u128().wrapping_add(index as u128 + 1))
    }
}

/// A version 7 UUID from the clock and the standard library's per-thread random hash keys.
///
/// SipHash under a secret key is a pseudo-random function, so hashing a counter gives the 74 random bits without a
/// random-number crate, and in 30 ns instead of the 450 ns of a system call.
fn fresh_uuid() -> Uuid {
    thread_local! {
        static STATE: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
    }
    let mut random = [0; 10];
    STATE.with(|(keys, counter)| {
        let count = counter.replace(counter.get() + 1);
        random[..8].copy_from_slice(&keys.hash_one((count, 0_u8)).to_le_bytes());
        random[8..].copy_from_slice(&keys.hash_one((count, 1_u8)).to_le_bytes()[..2]);
    });
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn fresh_identifiers_differ_across_threads() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    (0..10_000)
                        .map(|_| MessageId::generate())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let ids: HashSet<_> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ids.len(), 40_000);
    }

    #[test]
    fn a_fresh_identifier_is_a_version_7_uuid() {
        let uuid = fresh_uuid();
        assert_eq!(
            (uuid.get_version_num(), uuid.get_variant()),
            (7, uuid::Variant::RFC4122)
        );
    }

    #[test]
    fn messages_of_a_turn_are_named_by_it() {
        let turn = TurnId::from_u128(7);
        assert_eq!(turn.message_id(0), MessageId::from_u128(8));
        assert_ne!(turn.message_id(0), turn.message_id(1));
    }

    #[test]
    fn a_text_that_is_no_identifier_is_named() {
        let error = "turn-1".parse::<TurnId>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`turn-1` is not an identifier")
        );
        let turn = TurnId::generate();
        assert_eq!(turn.to_string().parse(), Ok(turn));
    }
}
