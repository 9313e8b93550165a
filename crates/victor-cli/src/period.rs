//! The choice of records by their session and their day.

use anyhow::anyhow;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use victor_orchestrator::coordinators::session::SessionCoordinator;
use victor_orchestrator::core::{SessionId, Timestamp};
use victor_orchestrator::provider::LedgerQuery;

use crate::session_lookup;

/// Reads a day.
pub(crate) fn date(text: &str) -> Result<Date, String> {
    let day = text.parse();
    day.map_err(|_| "write a day such as 2026-11-30".to_owned())
}

/// Returns the begin of a day here.
pub(crate) fn begin(day: Date) -> anyhow::Result<Timestamp> {
    let outside = || anyhow!("there is no day {day} here");
    let midnight = day.to_zoned(TimeZone::system()).map_err(|_| outside())?;
    let milliseconds = midnight.timestamp().as_millisecond();
    Timestamp::from_unix_millis(milliseconds).map_err(|_| outside())
}

/// Returns the session that a name or its beginning means. One that was deleted has records by its whole name.
pub(crate) async fn session(sessions: &SessionCoordinator, name: &str) -> SessionId {
    let found = session_lookup::find(sessions, name).await;
    found.map_or_else(|_| SessionId::new(name), |info| info.id)
}

/// Returns the query of the ledger's entries of a session, from a day on.
pub(crate) async fn ledger_query(
    sessions: &SessionCoordinator,
    name: Option<&str>,
    since: Option<Date>,
) -> anyhow::Result<LedgerQuery> {
    let mut query = LedgerQuery::default();
    if let Some(name) = name {
        query = query.with_session(session(sessions, name).await);
    }
    if let Some(since) = since {
        query = query.with_from(begin(since)?);
    }
    Ok(query)
}
