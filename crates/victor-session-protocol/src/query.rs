//! Queries for sessions, and changes of their facts.

use std::collections::BTreeSet;

use serde_json::Value;
use victor_core::{JsonMap, SessionId, Timestamp};

use crate::{SessionInfo, SessionStatus};

/// Query for sessions: finds those to which all of this applies, most recently written first.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionQuery {
    /// Whose name or title contains this, without regard to upper and lower case of ASCII letters.
    pub text: Option<String>,
    /// That have all of these tags.
    pub tags: BTreeSet<String>,
    /// That have this status.
    pub status: Option<SessionStatus>,
    /// That expire at this time or before.
    pub expired_at: Option<Timestamp>,
    /// At most so many; all if absent.
    pub limit: Option<u32>,
    /// Those that come after this place in the order, which is that of the last one of the page before.
    pub after: Option<SessionPlace>,
}

/// The place of a session among those that are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPlace {
    /// Time of the last growth of its transcript.
    pub updated_at: Timestamp,
    /// Its name, which decides between equal times: the smaller one comes first.
    pub id: SessionId,
}

impl SessionQuery {
    /// The first so many of all sessions.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self {
            limit: Some(limit),
            ..Self::default()
        }
    }

    /// The same query for the page that comes after one which ended with this session.
    #[must_use]
    pub fn after(mut self, last: &SessionInfo) -> Self {
        self.after = Some(SessionPlace {
            updated_at: last.updated_at,
            id: last.id.clone(),
        });
        self
    }

    /// Whether a session is looked for, its place and the limit aside.
    #[must_use]
    pub fn matches(&self, info: &SessionInfo) -> bool {
        let contains = |hay: &str, needle: &str| {
            let hay = hay.to_ascii_lowercase();
            hay.contains(&needle.to_ascii_lowercase())
        };
        let text = self.text.as_deref().is_none_or(|text| {
            let title = info.title.as_deref();
            contains(info.id.as_str(), text) || title.is_some_and(|title| contains(title, text))
        });
        let status = self.status.as_ref();
        let expired = self.expired_at;
        text && self.tags.is_subset(&info.tags)
            && status.is_none_or(|status| *status == info.status)
            && expired.is_none_or(|now| info.expires_at.is_some_and(|at| at <= now))
    }

    /// Whether a session comes after the place where the page begins.
    #[must_use]
    pub fn is_after(&self, info: &SessionInfo) -> bool {
        self.after.as_ref().is_none_or(|place| {
            (std::cmp::Reverse(place.updated_at), &place.id)
                < (std::cmp::Reverse(info.updated_at), &info.id)
        })
    }
}

/// Change of the facts of a session. Absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionPatch {
    /// Title for people; removed if empty.
    pub title: Option<String>,
    /// Tags that are added.
    pub add_tags: BTreeSet<String>,
    /// Tags that are taken away, after the others were added.
    pub remove_tags: BTreeSet<String>,
    /// Whether it can go on.
    pub status: Option<SessionStatus>,
    /// Time from which it may be deleted; never if `Some(None)`.
    pub expires_at: Option<Option<Timestamp>>,
    /// The caller's own facts that are set; those that are null are taken away.
    pub metadata: JsonMap,
}

impl SessionPatch {
    /// Calls the session so; an empty title takes the old one away.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.add_tags.insert(tag.into());
        self
    }

    /// Takes a tag away.
    #[must_use]
    pub fn without_tag(mut self, tag: impl Into<String>) -> Self {
        self.remove_tags.insert(tag.into());
        self
    }

    /// Gives the session this status.
    #[must_use]
    pub fn with_status(mut self, status: SessionStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Lets the session expire at a time, or never.
    #[must_use]
    pub fn with_expiry(mut self, at: Option<Timestamp>) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Sets a fact of the caller's own; null takes it away.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Changes what is known of a session in this way.
    pub fn apply(&self, info: &mut SessionInfo) {
        if let Some(title) = &self.title {
            info.title = (!title.is_empty()).then(|| title.clone());
        }
        info.tags.extend(self.add_tags.iter().cloned());
        info.tags.retain(|tag| !self.remove_tags.contains(tag));
        if let Some(status) = &self.status {
            info.status = status.clone();
        }
        if let Some(expires_at) = self.expires_at {
            info.expires_at = expires_at;
        }
        for (key, value) in &self.metadata {
            if value.is_null() {
                info.metadata.remove(key);
            } else {
                info.metadata.insert(key.clone(), value.clone());
            }
        }
    }
}
