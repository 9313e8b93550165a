//! What analytics is about.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{EventId, SessionId, Timestamp};

use crate::EventData;

/// Something that happened in a session and that somebody may want to count.
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
    pub event_type: String,
    /// Time of the event.
    pub timestamp: Timestamp,
    /// Content that belongs to the kind.
    #[serde(default)]
    pub data: EventData,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl AnalyticsEvent {
    /// An event of a kind, now.
    pub fn new(event_type: impl Into<String>) -> Self {
        Self {
            version: FormatVersion,
            id: EventId::generate(),
            session_id: None,
            event_type: event_type.into(),
            timestamp: Timestamp::now(),
            data: EventData::default(),
            extra: Extra::default(),
        }
    }

    /// The same event with one more thing to say.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data = self.data.with(key, value);
        self
    }
}
