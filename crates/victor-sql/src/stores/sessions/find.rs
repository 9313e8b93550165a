//! The search for sessions.

use victor_session_protocol::SessionQuery;

use super::{micros, searched};
use crate::statement::Statement;

/// The statement that finds what a query asks for. It reads along the index of times, and no further than the limit.
pub(super) fn statement(query: &SessionQuery) -> Statement<'_> {
    let mut statement =
        Statement::new("SELECT info, entries, updated_at FROM victor_sessions WHERE 1 = 1");
    if let Some(text) = query.text.as_deref().filter(|text| !text.is_empty()) {
        // What is left when it is taken out says whether it was there, in both databases and without wildcards.
        let text = searched(text).to_ascii_lowercase();
        statement = statement
            .push(" AND (replace(lower(id), ")
            .push_value(text.clone())
            .push(", '') <> lower(id) OR replace(lower(title), ")
            .push_value(text)
            .push(", '') <> lower(title))");
    }
    if !query.tags.is_empty() {
        let count = query.tags.len() as i64;
        statement = statement
            .push(" AND key IN (SELECT session FROM victor_session_tags WHERE tag IN (")
            .push_values(query.tags.iter().map(|tag| searched(tag)))
            .push(") GROUP BY session HAVING count(*) = ")
            .push_value(count)
            .push(")");
    }
    if let Some(status) = &query.status {
        let status = status.as_str();
        statement = statement.push(" AND status = ").push_value(status);
    }
    if let Some(at) = query.expired_at {
        statement = statement.push(" AND expires_at <= ").push_value(micros(at));
    }
    if let Some(place) = &query.after {
        let at = micros(place.updated_at);
        statement = statement
            .push(" AND updated_at <= ")
            .push_value(at)
            .push(" AND (updated_at < ")
            .push_value(at)
            .push(" OR id > ")
            .push_value(place.id.as_str())
            .push(")");
    }
    statement = statement.push(" ORDER BY updated_at DESC, id");
    match query.limit {
        Some(limit) => statement.push(" LIMIT ").push_value(i64::from(limit)),
        None => statement,
    }
}
