//! The data of a report.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use victor_core::{SessionId, Timestamp, ToolOutcome, TurnId};
use victor_provider_protocol::LedgerEntry;

/// The data of a report.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReportData {
    /// The heading. Defaults to `Victor report`.
    pub title: String,
    /// The time of the report.
    pub now: Timestamp,
    /// The time zone of its days and times. Defaults to UTC.
    pub zone: TimeZone,
    /// The attempts at model calls, in any order.
    pub attempts: Vec<LedgerEntry>,
    /// The tool calls, in any order.
    pub tools: Vec<ToolRecord>,
    /// The titles of sessions.
    pub titles: BTreeMap<SessionId, String>,
    /// The turn that is shown first. Defaults to the one that took longest.
    pub turn: Option<TurnId>,
}

/// A tool call that has a result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolRecord {
    /// The turn, if it is known.
    pub turn: Option<TurnId>,
    /// The name under which the tool was called.
    pub name: String,
    /// The outcome of the call.
    pub outcome: ToolOutcome,
    /// The number of the model call that asked for it, among those of its turn that were answered, from 1.
    pub after_call: usize,
}

impl ReportData {
    /// A report of nothing yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            title: "Victor report".to_owned(),
            now,
            zone: TimeZone::UTC,
            attempts: Vec::new(),
            tools: Vec::new(),
            titles: BTreeMap::new(),
            turn: None,
        }
    }
}

impl ToolRecord {
    /// A call of this tool with this outcome.
    pub fn new(name: impl Into<String>, outcome: ToolOutcome) -> Self {
        Self {
            turn: None,
            name: name.into(),
            outcome,
            after_call: 0,
        }
    }

    /// Sets the turn, and the model call that asked for it, from 1.
    #[must_use]
    pub fn in_turn(mut self, turn: TurnId, after_call: usize) -> Self {
        (self.turn, self.after_call) = (Some(turn), after_call);
        self
    }
}
