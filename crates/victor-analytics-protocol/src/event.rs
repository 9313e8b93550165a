//! An event.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{EventId, SessionId, Timestamp};

use crate::EventData;

/// Something that happened in a session and that somebody may want to count.
///
/// A clone shares the session, the content and the tags, so events are passed on by value.
///
/// ```
/// use victor_analytics_protocol::AnalyticsEvent;
///
/// let event = AnalyticsEvent::new("tool_call").with("tool", "read").with("file", "config.yaml");
/// assert_eq!(event.data.get("file"), Some("config.yaml".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AnalyticsEvent {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The event's identifier, by which an exporter's destination can tell a repeated event from a new one.
    pub id: EventId,
    /// The session; set by the tracker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Kind of event.
    #[serde(rename = "type")]
    pub event_type: Cow<'static, str>,
    /// Time of the event.
    pub timestamp: Timestamp,
    /// Names to which the event is charged besides, such as a tenant.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub tags: Arc<[Arc<str>]>,
    /// Content that belongs to the kind.
    #[serde(default)]
    pub data: EventData,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl AnalyticsEvent {
    /// Creates an event of a kind, which happens now.
    pub fn new(event_type: impl Into<Cow<'static, str>>) -> Self {
        Self {
            version: FormatVersion,
            id: EventId::generate(),
            session_id: None,
            event_type: event_type.into(),
            timestamp: Timestamp::now(),
            tags: Arc::default(),
            data: EventData::default(),
            extra: Extra::default(),
        }
    }

    /// Adds a field to the content.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data = self.data.with(key, value);
        self
    }
}
