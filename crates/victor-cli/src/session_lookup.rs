//! Sessions by name, and their transcripts as text.

use anyhow::bail;
use victor_orchestrator::coordinators::session::SessionCoordinator;
use victor_orchestrator::core::{SessionId, Timestamp};
use victor_orchestrator::session::{
    SessionInfo, SessionManagerExt as _, SessionQuery, TranscriptEntry,
};

use crate::terminal;

/// Finds the session of this name, or the only one whose name begins with it.
pub(crate) async fn find(sessions: &SessionCoordinator, name: &str) -> anyhow::Result<SessionInfo> {
    if let Some(info) = sessions.session_info(&SessionId::new(name)).await? {
        return Ok(info);
    }
    let mut query = SessionQuery::default();
    query.text = Some(name.to_owned());
    let mut found = sessions.find_sessions(&query).await?;
    found.retain(|info| info.id.as_str().starts_with(name));
    match found.len() {
        1 => Ok(found.swap_remove(0)),
        0 => bail!("there is no session `{name}`; `victor sessions list` shows all of them"),
        count => {
            bail!("{count} sessions have names that begin with `{name}`; give more of the name")
        }
    }
}

/// Makes a name for a new session: the time, and a few letters that keep it apart from others.
pub(crate) fn new_name() -> String {
    let now = Timestamp::now().to_string();
    let digits: String = now.chars().filter(char::is_ascii_digit).take(14).collect();
    let unique = SessionId::generate().to_string();
    let (day, time) = digits.split_at(digits.len().min(8));
    format!("{day}-{time}-{}", &unique[unique.len() - 4..])
}

/// Formats a conversation for reading.
pub(crate) fn transcript(entries: &[TranscriptEntry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let message = &entry.message;
        let content = message.text();
        if !content.trim().is_empty() {
            text += &format!("{}: {}\n", message.role(), content.trim());
        }
        for call in message.tool_calls() {
            let arguments = terminal::short_line(&terminal::arguments(call));
            text += &format!("→ {} {arguments}\n", call.name);
        }
        for result in message.tool_results() {
            let content = terminal::short_line(&result.text());
            text += &format!("← {} {}: {content}\n", result.name, result.outcome);
        }
    }
    text.truncate(text.trim_end().len());
    text
}
